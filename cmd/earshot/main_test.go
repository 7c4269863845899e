package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testPassword = "a password for tests"

// testServer is the whole application, as main opens it, on random loopback
// ports and a folder of its own.
type testServer struct {
	*app
	t     *testing.T
	url   string
	token string
}

// startServer opens the application and signs in; the test's end closes it.
func startServer(t *testing.T, change func(*serveCommand)) *testServer {
	t.Helper()
	ts := openServer(t, change)
	ts.signIn()
	return ts
}

// openServer opens the application.
func openServer(t *testing.T, change func(*serveCommand)) *testServer {
	t.Helper()
	flags := serveCommand{
		Data: t.TempDir(), HTTP: "127.0.0.1:0", UDP: "127.0.0.1:0", Timezone: "Asia/Shanghai",
		Retention: "03:00", ScrubAt: "04:00", ScrubShare: "5%", ScrubRate: "50MiB",
		Redis: "embedded", Index: "sqlite", Audio: "disk", Roles: "ingest,monitor", VoiceDBov: -45, VoiceEnd: time.Minute, AdminPassword: testPassword,
		Reserve: "1MiB", // whatever else fills this machine's disk
	}
	if change != nil {
		change(&flags)
	}
	s, err := flags.settle()
	if err != nil {
		t.Fatal(err)
	}
	a, err := openApp(t.Context(), s, newLog(t.Output(), s.LogLevel))
	if err != nil {
		t.Fatal(err)
	}
	ts := &testServer{app: a, t: t, url: localURL("http", a.http)}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if a.ending != nil {
			ts.stop()
		}
	})
	return ts
}

// signIn signs the first administrator in.
func (ts *testServer) signIn() {
	ts.t.Helper()
	var signedIn struct{ Token string }
	ts.call(http.MethodPost, "/api/v1/login", map[string]string{"name": "admin", "password": testPassword}, &signedIn)
	ts.token = signedIn.Token
}

// stop closes the application as Ctrl-C does and fails the test if that is not
// orderly.
func (ts *testServer) stop() {
	ts.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := ts.close(ctx); err != nil {
		ts.t.Errorf("closing: %v", err)
	}
}

// call asks the API as the administrator; anything but success fails the test.
func (ts *testServer) call(method, path string, body, into any) {
	ts.t.Helper()
	status, answer := ts.ask(method, path, body)
	if status >= 300 {
		ts.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			ts.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

// ask asks the API as the administrator and answers whatever comes.
func (ts *testServer) ask(method, path string, body any) (int, []byte) {
	ts.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		ts.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ts.t.Context(), method, ts.url+path, bytes.NewReader(sent))
	if err != nil {
		ts.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if ts.token != "" {
		request.Header.Set("Authorization", "Bearer "+ts.token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		ts.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		ts.t.Fatal(err)
	}
	return answer.StatusCode, data
}

// makeSeat makes a seat, and its branch if need be, and answers the token.
func (ts *testServer) makeSeat(id, kind, cut string) (token string) {
	ts.t.Helper()
	ts.ask(http.MethodPost, "/api/v1/branches", map[string]string{"id": "hall", "name": "营业厅", "parent": ""})
	var made struct{ Token string }
	ts.call(http.MethodPost, "/api/v1/seats", map[string]string{"id": id, "name": id, "branch": "hall", "kind": kind, "cut": cut}, &made)
	return made.Token
}

// patience bounds only how long a test that fails takes: machines may be busy.
const patience = 2 * time.Minute

// eventually asks again until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// TestWrongStartsSayWhyInOneLine starts the program in ways that cannot work.
func TestWrongStartsSayWhyInOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	takenUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = takenUDP.Close() })
	locked := startServer(t, nil).settings.Data
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	serve := func(flags ...string) []string {
		return append([]string{"serve", "--data", t.TempDir() + "/data", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"}, flags...)
	}
	for _, row := range []struct {
		name string
		args []string
		says string
	}{
		{"an unknown flag", serve("--colour"), "--colour"},
		{"an unknown command", []string{"dance"}, "dance"},
		{"a port in use", serve("--http", taken.Addr().String()), "address already in use"},
		{"a media port in use", serve("--udp", takenUDP.LocalAddr().String()), "in use"},
		{"a folder that another process uses", serve("--data", locked), "in use by another earshot"},
		{"a folder that cannot be one", serve("--data", file), "--data"},
		{"an address that is no Redis's", serve("--redis", "nowhere:6379"), "--redis"},
		{"an address that is no PostgreSQL's", serve("--index", "postgres://%zz"), "--index"},
		{"an index of no kind", serve("--index", "oracle"), "--index"},
		{"roles apart", serve("--roles", "ingest"), "--roles"},
		{"audio elsewhere", serve("--audio", "s3://bucket"), "--audio"},
		{"silence that ends calls at once", serve("--voice-silence", "0s"), "--voice-silence"},
		{"a zone that does not exist", serve("--timezone", "Mars/Olympus"), "--timezone"},
		{"a certificate without its key", serve("--cert", file), "--cert and --key"},
		{"a certificate that is none", serve("--https", "127.0.0.1:0", "--cert", file, "--key", file), "--cert"},
		{"an ICE server that is none", serve("--ice-server", "http://x"), "--ice-server"},
		{"a node's name that is none", serve("--node", "Node 1"), "--node"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out, complaint bytes.Buffer
			status := run(t.Context(), row.args, &out, &complaint)
			if status != 1 {
				t.Errorf("exit status %d, want 1", status)
			}
			said := complaint.String()
			if strings.Count(said, "\n") != 1 || !strings.HasSuffix(said, "\n") {
				t.Errorf("it does not say one line: %q", said)
			}
			if !strings.Contains(said, row.says) {
				t.Errorf("it says %q, without %q", said, row.says)
			}
		})
	}
}

// TestServeEndsWithItsContext runs the program as main does and interrupts it.
func TestServeEndsWithItsContext(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	greeted, out := net.Pipe()
	ended := make(chan int, 1)
	var complaint bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"}, out, &complaint)
		_ = out.Close() // a pipe in memory
	}()
	var said strings.Builder
	read := make(chan error, 1)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := greeted.Read(buffer)
			said.Write(buffer[:n])
			if strings.Contains(string(buffer[:n]), "Ctrl-C") {
				interrupt()
			}
			if err != nil {
				read <- err
				return
			}
		}
	}()
	select {
	case status := <-ended:
		if status != 0 {
			t.Fatalf("exit status %d: %s", status, complaint.String())
		}
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
	if err := <-read; !errors.Is(err, io.EOF) {
		t.Errorf("reading the greeting: %v", err)
	}
	for _, word := range []string{"http://127.0.0.1:", "admin", "WHIP"} {
		if !strings.Contains(said.String(), word) {
			t.Errorf("the greeting lacks %q:\n%s", word, said.String())
		}
	}
}
