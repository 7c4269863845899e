package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/storage/ledger"
)

const receiveToken = "a token for other ledgers"

// TestWitnessesAreTold has one server tell another, and a folder, of its heads.
func TestWitnessesAreTold(t *testing.T) {
	other := startServer(t, func(c *serveCommand) {
		c.LedgerName, c.ReceiveWitness, c.ReceiveToken = "office", true, receiveToken
	})
	folder, data := t.TempDir(), t.TempDir()
	ts := startServer(t, func(c *serveCommand) {
		c.Data, c.LedgerName = data, "hall-1"
		c.Witness = []string{"file:" + folder, "office=node:" + other.url}
		c.WitnessToken = []string{"office=" + receiveToken}
	})
	eventually(t, "both witnesses to be told", func() bool {
		states := ts.ledger.WitnessStates()
		return len(states) == 2 && states[0].Size > 0 && states[1].Size > 0
	})
	if name := ts.ledger.Head().Name; name != "earshot/hall-1" {
		t.Errorf("the ledger is called %s", name)
	}
	kept := &ledger.Receiver{Dir: filepath.Join(other.settings.Data, "witnessed")}
	if head, err := kept.Newest("earshot/hall-1"); err != nil || head.Size == 0 {
		t.Errorf("the other server kept %+v, %v", head, err)
	}
	receipts, err := ts.ledger.Receipts()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receipts {
		if r.Kind == "node" && !strings.Contains(string(r.Receipt), "earshot/office") {
			t.Errorf("the other server did not sign: %s", r.Receipt)
		}
	}

	// The heads that the folder has are a checkpoint, and so is a printed one.
	printed := filepath.Join(t.TempDir(), "head")
	status, head := command(t, "ledger", "head", "--data", data)
	if status != 0 {
		t.Fatal(head)
	}
	if err := os.WriteFile(printed, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, checkpoint := range []string{printed, filepath.Join(folder, "hall-1", "heads")} {
		if status, said := command(t, "verify", "--data", data, "--checkpoint", checkpoint); status != 0 {
			t.Errorf("verify --checkpoint %s: %s", checkpoint, said)
		}
	}
}

// TestNobodySendsHeadsUnasked: without a token, or where it is not wanted, no head
// is taken.
func TestNobodySendsHeadsUnasked(t *testing.T) {
	closed := startServer(t, nil)
	if status, _ := closed.ask("POST", receivePath, map[string]string{}); status != 404 && status != 405 {
		t.Errorf("a server that is no witness answers %d", status)
	}
	witness := startServer(t, func(c *serveCommand) { c.ReceiveWitness, c.ReceiveToken = true, receiveToken })
	if status, _ := witness.ask("POST", receivePath, map[string]string{}); status != 401 { // the administrator's token is none
		t.Errorf("without the token: %d", status)
	}
	witness.token = receiveToken
	if status, _ := witness.ask("POST", receivePath, map[string]string{}); status != 400 {
		t.Errorf("with it: %d", status)
	}
}

// TestLedgerCommand shows head and keys beside a server, and changes the key when
// it has stopped.
func TestLedgerCommand(t *testing.T) {
	data := t.TempDir()
	ts := startServer(t, func(c *serveCommand) { c.Data, c.Node = data, "hall-1" })
	eventually(t, "a head", func() bool { return ts.ledger.Head().Size > 0 })
	before := ts.ledger.Fingerprint()
	says := func(want string, status int, args ...string) string {
		t.Helper()
		got, said := command(t, append([]string{"ledger"}, append(args, "--data", data)...)...)
		if got != status || !strings.Contains(said, want) {
			t.Errorf("%v: %d, %q lacks %q", args, got, said, want)
		}
		return said
	}
	if head, err := ledger.ParseHead([]byte(says("earshot/hall-1", 0, "head"))); err != nil || head.Size == 0 {
		t.Errorf("%+v, %v", head, err)
	}
	says(before, 0, "key")
	if _, err := ledger.ParsePublicPEM([]byte(says("PUBLIC KEY", 0, "key", "--pem"))); err != nil {
		t.Error(err)
	}
	sheet := says(before, 0, "checkpoint")
	if !strings.Contains(sheet, string(ts.ledger.Head().Note)) {
		t.Errorf("the sheet lacks the head:\n%s", sheet)
	}
	says("stop it", 1, "rotate")
	ts.stop()
	rotated := says(before, 0, "rotate")
	says("until", 0, "key")
	ts = startServer(t, func(c *serveCommand) { c.Data, c.LedgerName = data, "renamed" }) // its name is fixed
	if after := ts.ledger.Fingerprint(); after == before || !strings.Contains(rotated, after) {
		t.Errorf("after rotation the key is %s; it said %s", after, rotated)
	}
	if name := ts.ledger.Head().Name; name != "earshot/hall-1" {
		t.Errorf("the ledger is called %s", name)
	}
	data = t.TempDir()
	says("no ledger", 1, "rotate")
	if _, err := os.Stat(filepath.Join(data, "ledger")); err == nil {
		t.Error("a ledger was made to change its key")
	}
}

// TestWitnessSettings: what is wrong is said at the start.
func TestWitnessSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		flags witnessFlags
		says  string
	}{
		{"a kind that there is none of", witnessFlags{Witness: []string{"fax:123"}}, "no kind"},
		{"no folder", witnessFlags{Witness: []string{"file:"}}, "folder"},
		{"no URL", witnessFlags{Witness: []string{"node:other"}}, "URL"},
		{"a password in the URL", witnessFlags{Witness: []string{"webhook:https://u:p@x"}}, "password"},
		{"a name that is none", witnessFlags{Witness: []string{"A B=file:/x"}}, "name"},
		{"two of one name", witnessFlags{Witness: []string{"file:/a/x", "file:/b/x"}}, "two"},
		{"a token of nobody", witnessFlags{WitnessToken: []string{"x=y"}}, "--witness-token"},
		{"a token for a folder", witnessFlags{Witness: []string{"x=file:/x"}, WitnessToken: []string{"x=y"}}, "takes none"},
		{"a token in the clear", witnessFlags{Witness: []string{"x=node:http://192.0.2.1"}, WitnessToken: []string{"x=y"}}, "https"},
		{"certificates that are none", witnessFlags{Witness: []string{"x=tsa:https://x"}, WitnessCA: []string{"x=" + file}}, "certificate"},
		{"certificates of nobody", witnessFlags{WitnessCA: []string{"x=" + file}}, "--witness-ca"},
		{"heads from anybody", witnessFlags{ReceiveWitness: true}, "EARSHOT_RECEIVE_TOKEN"},
		{"a ledger's name that is none", witnessFlags{LedgerName: "Hall 1"}, "--ledger-name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, _, err := row.flags.settle("node"); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("it says %v, not %q", err, row.says)
			}
		})
	}
	name, good, err := witnessFlags{Witness: []string{"file:/mnt/Other Disk", "node:https://office.example:8443/", "x=tsa:http://tsa.example/tsr"}}.settle("node1")
	if err != nil || name != "node1" || len(good) != 3 {
		t.Fatalf("%s %+v %v", name, good, err)
	}
	for i, want := range []witness{
		{name: "file-other-disk", kind: "file", target: "/mnt/Other Disk"},
		{name: "node-office.example", kind: "node", target: "https://office.example:8443/witness/v1/heads"},
		{name: "x", kind: "tsa", target: "http://tsa.example/tsr"},
	} {
		if good[i] != want {
			t.Errorf("%+v, want %+v", good[i], want)
		}
	}
}
