package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"earshot/storage/ledger"
)

// ledgerCommand shows the ledger's head and keys, and changes its key.
type ledgerCommand struct {
	Head       ledgerHead       `cmd:"" help:"Print the newest signed head: what a witness keeps, and verify takes as a checkpoint."`
	Key        ledgerKey        `cmd:"" help:"Print the keys' fingerprints."`
	Checkpoint ledgerCheckpoint `cmd:"" help:"Print a sheet with the newest head, to be signed and put away."`
	Rotate     ledgerRotate     `cmd:"" help:"Sign with a new key from now on; the server must be stopped."`
}

// dataFlag says which data folder.
type dataFlag struct {
	Data string `help:"Folder for everything that is kept." default:"data" placeholder:"DIR"`
}

// look opens the ledger for reading, beside a running server, and hands over its
// newest head.
func (f dataFlag) look(fn func(l *ledger.Ledger, head ledger.Head) error) (err error) {
	l, err := ledger.Open(f.Data, ledger.Options{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("--data %s: %w", f.Data, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.Fits(); err != nil {
		return fmt.Errorf("the ledger does not fit itself; earshot verify says more: %w", err)
	}
	head := l.Head()
	if head.Size == 0 {
		return ledger.ErrNoHead
	}
	return fn(l, head)
}

type ledgerHead struct{ dataFlag }

// Run prints the head as it is signed, and nothing else.
func (c ledgerHead) Run(out io.Writer) error {
	return c.look(func(_ *ledger.Ledger, head ledger.Head) error {
		_, err := out.Write(head.Note)
		return err
	})
}

type ledgerKey struct {
	dataFlag
	PEM bool `name:"pem" help:"Print the public key in use, as openssl reads it."`
}

// Run prints the keys, the one in use last.
func (c ledgerKey) Run(out io.Writer) error {
	return c.look(func(l *ledger.Ledger, _ ledger.Head) error {
		keys := l.Keys()
		if c.PEM {
			_, err := out.Write(keys[len(keys)-1].PEM())
			return err
		}
		for _, k := range keys {
			until := "使用中 in use"
			if !k.Until.IsZero() {
				until = "至 until " + k.Until.String()
			}
			if !k.Linked {
				until += "，前一把密钥未为其签名 NOT signed for by the key before"
			}
			fmt.Fprintf(out, "%s\n  %s，自 since %s，%s\n", k.Fingerprint, k.Name, k.Since, until)
		}
		return nil
	})
}

type ledgerCheckpoint struct{ dataFlag }

// Run prints the sheet.
func (c ledgerCheckpoint) Run(out io.Writer) error {
	return c.look(func(l *ledger.Ledger, head ledger.Head) error {
		_, err := io.WriteString(out, sheet(head, l.Fingerprint(), time.Now()))
		return err
	})
}

// sheet is what is printed, signed and put away: a witness of paper.
func sheet(head ledger.Head, fingerprint string, now time.Time) string {
	var s strings.Builder
	line := func(zh, en, value string) { fmt.Fprintf(&s, "  %s %s\n      %s\n", zh, en, value) }
	fmt.Fprintf(&s, "声鉴存证账本 · 见证单   Earshot ledger checkpoint\n%s\n\n", strings.Repeat("=", 60))
	line("账本", "ledger", head.Name)
	line("记录数", "records", fmt.Sprint(head.Size))
	line("签名时间", "signed at", head.At.String())
	line("树根（十六进制）", "root (hex)", grouped(hex.EncodeToString(head.Root[:])))
	line("公钥指纹", "key's fingerprint", fingerprint)
	fmt.Fprintf(&s, "\n签名的树头原文 / the signed head as it is:\n%s\n%s%s\n\n", strings.Repeat("-", 60), head.Note, strings.Repeat("-", 60))
	s.WriteString("核对：把两条横线之间的文字原样录入文件，运行 earshot verify --checkpoint 文件。\n")
	s.WriteString("它证明：以上记录在签名之时已在账本中，此后未被改动或删除。\n")
	s.WriteString("To check: type what is between the lines into a file and run earshot verify --checkpoint FILE.\n")
	s.WriteString("It proves that these records were in the ledger when it was signed, and were not changed or removed since.\n\n")
	fmt.Fprintf(&s, "打印时间 printed at  %s\n\n见证人 witness  ____________________   日期 date  ______________\n", now.UTC().Format(time.RFC3339))
	return s.String()
}

// grouped puts a space behind every four digits.
func grouped(digits string) string {
	var groups []string
	for ; len(digits) > 4; digits = digits[4:] {
		groups = append(groups, digits[:4])
	}
	return strings.Join(append(groups, digits), " ")
}

type ledgerRotate struct{ dataFlag }

// Run changes the key. Both keys sign for the change, and witnesses are told of
// it at the next start.
func (c ledgerRotate) Run(ctx context.Context, out io.Writer) (err error) {
	// A ledger that is not there is not made here.
	if err := c.look(func(*ledger.Ledger, ledger.Head) error { return nil }); err != nil && !errors.Is(err, ledger.ErrNoHead) {
		return err
	}
	l, err := ledger.Open(c.Data, ledger.Options{})
	if errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("服务器正在运行，请先停止再换密钥 a server is running with %s; stop it to change the key: %w", c.Data, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	before := l.Fingerprint()
	key, err := l.Rotate(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "旧密钥 old key\n  %s\n新密钥 new key\n  %s\n", before, key.Fingerprint)
	_, err = fmt.Fprintln(out, "请把新指纹交给核对证据的人 give the new fingerprint to those who check evidence.")
	return err
}
