#!/bin/bash
# Checks this package with sha256sum and openssl alone: bash check.sh [FINGERPRINT]
# 只用 sha256sum 与 openssl 核对本证据包：bash check.sh [另行取得的密钥指纹]
# proofs/*.proof and *.leaves are plain text; their form is in HOW-TO-CHECK.txt.
set -eu -o pipefail
cd "$(dirname "$0")"
bad=0
say() { printf '%s\n' "$*"; }
fail() { say "✗ $*"; bad=1; }
hex() { sha256sum | cut -d' ' -f1; }
raw() { printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')"; }
leaf() { { printf '\0'; cat; } | hex; }
node() { { printf '\1'; raw "$1"; raw "$2"; } | hex; }

# root: the Merkle root of the leaf hashes on standard input (RFC 6962, 2.1).
root() {
  local -a hashes=() sizes=()
  local h n
  while read -r h; do
    n=1
    while [ "${#hashes[@]}" -gt 0 ] && [ "${sizes[-1]}" -eq "$n" ]; do
      h=$(node "${hashes[-1]}" "$h"); n=$((2 * n))
      unset 'hashes[-1]' 'sizes[-1]'
    done
    hashes+=("$h"); sizes+=("$n")
  done
  h=${hashes[-1]}; unset 'hashes[-1]'
  while [ "${#hashes[@]}" -gt 0 ]; do h=$(node "${hashes[-1]}" "$h"); unset 'hashes[-1]'; done
  say "$h"
}

if sha256sum --quiet -c SHA256SUMS; then say "✓ 包内文件与清单一致 The files are those that SHA256SUMS lists"; else fail "文件与清单不符 Files differ from SHA256SUMS"; fi

if openssl pkeyutl -verify -pubin -inkey ledger/key.pem -rawin -in ledger/head.body -sigfile ledger/head.sig >/dev/null 2>&1; then
  say "✓ 账本树头由包内密钥签名 The ledger's head is signed by the key in the package"
else fail "树头签名不成立 The head's signature does not hold"; fi

fingerprint=$(openssl pkey -pubin -in ledger/key.pem -outform DER | hex)
if [ -n "${1-}" ]; then
  if [ "$(printf '%s' "$1" | tr -cd '0-9a-fA-F' | tr 'A-F' 'a-f')" = "$fingerprint" ]; then say "✓ 密钥指纹与您给出的一致 The key is the one you named"; else fail "密钥指纹与您给出的不一致 The key is not the one you named"; fi
else say "! 请把此指纹与另行取得的比较 Compare this fingerprint with one that you had another way: $fingerprint"; fi

head_root=$(sed -n 3p ledger/head.body | base64 -d | od -An -v -tx1 | tr -d ' \n')
for proof in proofs/*.proof; do
  name=${proof#proofs/}; name=${name%.proof}
  entry=$(sed -n 's/^entry //p' "$proof")
  h=$(printf '%s' "$entry" | leaf)
  while read -r side other; do
    case $side in
    left) h=$(node "$other" "$h") ;;
    right) h=$(node "$h" "$other") ;;
    esac
  done <"$proof"
  if [ "$h" = "$head_root" ]; then say "✓ $name: 登记在签名的账本里 its entry stands in the signed ledger"; else fail "$name: 登记不在账本里 its entry is not in the ledger"; continue; fi
  file=$(sed -n 's/^file //p' "$proof")
  [ -n "$file" ] || continue
  if [ ! -e "proofs/$name.leaves" ]; then
    if printf '%s' "$entry" | grep -qF "\"sha256\":\"$(hex <"$file")\""; then say "✓ $file: 与登记的原件逐字节相同 is the registered original, byte for byte"; else fail "$file: 已被改动 has been altered"; fi
    continue
  fi
  good=1 n=0
  while read -r page offset length want; do
    [ "$offset" = - ] && continue
    n=$((n + 1))
    got=$(tail -c "+$((offset + 1))" "$file" | head -c "$length" | leaf) || true
    [ "$got" = "$want" ] || { good=0; fail "$file: 第 $page 页已被改动 page $page has been altered"; }
  done <"proofs/$name.leaves"
  whole=$(cut -d' ' -f4 "proofs/$name.leaves" | root)
  if ! printf '%s' "$entry" | grep -qF "\"pages\":\"$whole\""; then good=0; fail "$name: 页哈希与登记不符 the pages' hashes do not make the registered root"; fi
  [ "$good" = 0 ] || say "✓ $file: 其中 $n 页与登记的原件相同 $n of its pages are those of the registered original"
done
if [ "$bad" = 0 ]; then say "全部成立 Everything holds."; else say "有不成立之处 Not everything holds."; fi
exit "$bad"
