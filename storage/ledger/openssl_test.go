package ledger

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// needs says whether an outside program is there; where tests must not be left
// out its lack is a failure.
func needs(t *testing.T, program string) bool {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		fmt.Printf("%s: not run: %v\n", t.Name(), err)
		return false
	}
	return true
}

// TestPublicToolsCheckTheLedger runs the commands of docs/ledger.md as they
// stand there.
func TestPublicToolsCheckTheLedger(t *testing.T) {
	if !needs(t, "openssl") {
		return
	}
	page, err := os.ReadFile("../../docs/ledger.md")
	must(t, err)
	scripts := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(scripts) != 2 {
		t.Fatalf("%d scripts on the page", len(scripts))
	}
	data := t.TempDir()
	l := open(t, data)
	head := fill(t, l, 5)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "head"), head.Note, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), l.Keys()[0].PEM(), 0o600))
	must(t, os.Symlink(filepath.Join(data, "ledger", "entries"), filepath.Join(dir, "entries")))
	run := func(script string) (string, error) {
		cmd := exec.Command("sh", "-e", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(scripts[1][1])
	plain := strings.ReplaceAll(l.Fingerprint(), " ", "")
	if err != nil || !strings.Contains(out, "Signature Verified Successfully") || !strings.Contains(out, plain) {
		t.Errorf("%v: %s", err, out)
	}
	_, raw, err := l.Entry(3)
	must(t, err)
	out, err = run(scripts[0][1])
	if leaf := LeafHash(raw); err != nil || !strings.HasPrefix(out, fmt.Sprintf("%x", leaf)) {
		t.Errorf("%v: %s, not %x", err, out, leaf)
	}
	head.Note[20] ^= 1
	must(t, os.WriteFile(filepath.Join(dir, "head"), head.Note, 0o600))
	if out, err := run(scripts[1][1]); err == nil {
		t.Errorf("an altered head is verified: %s", out)
	}
}
