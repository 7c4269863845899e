#!/bin/bash
# Checks this package with sha256sum and openssl alone: bash check.sh [FINGERPRINT]
# 只用 sha256sum 与 openssl 核对本证据包：bash check.sh [另行取得的密钥指纹]
# proofs/*.proof and *.leaves are plain text; their form is in HOW-TO-CHECK.txt.
set -eu -o pipefail
cd "$(dirname "$0")"
bad=0
# Nothing in the package's texts may move the cursor or begin a line of its own.
say() { printf '%s' "$*" | LC_ALL=C tr -d '\000-\037\177'; printf '\n'; }
fail() { say "✗ $*"; bad=1; }
hex() { sha256sum | cut -d' ' -f1; }
raw() { printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')"; }
number() { case $1 in '' | *[!0-9]* | 0?* | ???????????????*) return 1 ;; esac; }
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

seen=' '
head_root=$(sed -n 3p ledger/head.body | base64 -d | od -An -v -tx1 | tr -d ' \n')
for proof in proofs/*.proof; do
  name=${proof#proofs/}; name=${name%.proof}
  [ -f "$proof" ] || { fail "没有证明 there are no proofs"; break; }
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
  case $file in audio/*/* | audio/ | *[!A-Za-z0-9._/-]*) fail "$name: 文件名可疑 a file name that leads astray"; continue ;; audio/*) ;; *) fail "$name: 没有录音 it names no recording"; continue ;; esac
  case $seen in *" $file "*) fail "$file: 有两份证明 has two proofs"; continue ;; esac
  seen="$seen$file "
  if [ ! -f "$file" ] || [ -L "$file" ]; then fail "$file: 缺失 is missing"; continue; fi
  case $entry in '{"at":"'*'","kind":"part",'*) ;; *) fail "$name: 登记不是录音 its entry is not that of a recording"; continue ;; esac
  if [ ! -e "proofs/$name.leaves" ]; then
    if printf '%s' "$entry" | grep -qF "\"sha256\":\"$(hex <"$file")\""; then say "✓ $file: 与登记的原件逐字节相同 is the registered original, byte for byte"; else fail "$file: 已被改动 has been altered"; fi
    continue
  fi
  good=1 n=0 end=0 proved=0
  while read -r page offset length want; do
    [ "$offset" = - ] && continue
    if ! number "$offset" || ! number "$length" || [ "$offset" -lt "$end" ]; then good=0; fail "$name: 页的位置不对 pages are not in order"; break; fi
    n=$((n + 1)) end=$((offset + length)) proved=$((proved + length))
    got=$(tail -c "+$((offset + 1))" "$file" | head -c "$length" | leaf) || true
    [ "$got" = "$want" ] || { good=0; fail "$file: 第 $page 页已被改动 page $page has been altered"; }
  done <"proofs/$name.leaves"
  whole=$(cut -d' ' -f4 "proofs/$name.leaves" | root)
  if ! printf '%s' "$entry" | grep -qF "\"pages\":\"$whole\""; then good=0; fail "$name: 页哈希与登记不符 the pages' hashes do not make the registered root"; fi
  [ "$n" -gt 0 ] || { good=0; fail "$file: 没有一页能证明 none of its pages is proved"; }
  [ "$good" = 0 ] || say "✓ $file: 其中 $n 页与登记的原件相同 $n of its pages are those of the registered original"
  rest=$(($(wc -c <"$file") - proved))
  [ "$rest" = 0 ] || say "! $file: 其中 $rest 字节未经证明（应只是新文件头或静音）；页与页之间有无删减，请用 earshot check 核对 $rest of its bytes are not proved (a new header, or silence); earshot check says whether they are, and whether pages were left out"
done
for file in audio/*; do
  case $seen in *" $file "*) ;; *) fail "$file: 没有证明 has no proof" ;; esac
done
say "! 只证明 audio/ 里的录音；网页、混音、标记、空缺、姓名号码、收听记录，以及是否另有录音，均为制作者所述。本脚本也随包而来。"
say "! Proved are the recordings in audio/ alone; page, mix, marks, gaps, names, numbers, who listened, and that there is no further recording, are what the package's maker says. This script came with the package, too."
if [ "$bad" = 0 ]; then say "全部成立 Everything holds."; else say "有不成立之处 Not everything holds."; fi
exit "$bad"
