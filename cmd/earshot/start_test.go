package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"earshot"
)

// greeting is written to until it says how to stop, and then stops.
type greeting struct {
	mu   sync.Mutex
	said strings.Builder
	stop context.CancelFunc
}

func (g *greeting) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said.Write(p)
	if strings.Contains(g.said.String(), "Ctrl-C") {
		g.stop()
	}
	return len(p), nil
}

// serveOnce runs the program until it has greeted, and answers the greeting.
func serveOnce(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &greeting{stop: stop}
	var complaint bytes.Buffer
	if status := run(ctx, args, out, &complaint); status != 0 {
		t.Fatalf("exit status %d: %s", status, complaint.String())
	}
	return out.said.String()
}

// A start that fails makes no password that nobody is ever shown.
func TestPasswordIsShownAfterAStartThatFailed(t *testing.T) {
	args := []string{"serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"}
	var complaint bytes.Buffer
	for _, wrong := range [][]string{{"--redis", "nowhere:6379"}, {"--udp", "nowhere"}} {
		if status := run(t.Context(), append(args, wrong...), &complaint, &complaint); status != 1 {
			t.Fatalf("%v: exit status %d", wrong, status)
		}
	}
	const shown = "shown only now"
	if said := serveOnce(t, args...); !strings.Contains(said, shown) {
		t.Errorf("the first start that works shows no password:\n%s", said)
	}
	if said := serveOnce(t, args...); strings.Contains(said, shown) {
		t.Errorf("a later start shows one:\n%s", said)
	}
}

func TestConfigFile(t *testing.T) {
	folder := t.TempDir()
	file := func(text string) string {
		name := filepath.Join(folder, earshot.NewSeatToken()+".json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	data := filepath.Join(folder, "here")
	good := file(`{"data": "` + data + `", "http": "127.0.0.1:0", "udp": "127.0.0.1:0", "public-url": "https://file.example",
		"voice_silence": "30s", "voice-level": -50, "ice-server": ["stun:a.example", "turn:b.example|u|p"]}`)
	said := serveOnce(t, "serve", "--config", good)
	if !strings.Contains(said, "https://file.example/whip/") || !strings.Contains(said, filepath.Join(data, "audio")) {
		t.Errorf("the file does not count:\n%s", said)
	}
	t.Setenv("EARSHOT_PUBLIC_URL", "https://variable.example")
	if said := serveOnce(t, "--config", good, "serve"); !strings.Contains(said, "https://variable.example/whip/") {
		t.Errorf("the variable does not count more than the file:\n%s", said)
	}
	t.Setenv("EARSHOT_CONFIG", good)
	if said := serveOnce(t, "serve", "--public-url", "https://flag.example"); !strings.Contains(said, "https://flag.example/whip/") {
		t.Errorf("the flag does not count more than the variable:\n%s", said)
	}
	for text, says := range map[string]string{
		`{"publicip": "192.0.2.1"}`:    "publicip",
		`{"serve": {"data": "x"}}`:     "serve",
		`{"data": `:                    "--config",
		`[]`:                           "--config",
		`{"http": "127.0.0.1:0"} more`: "--config",
		`{"timezone": "Mars/Olympus"}`: "--timezone",
	} {
		var complaint bytes.Buffer
		if status := run(t.Context(), []string{"serve", "--config", file(text)}, &complaint, &complaint); status != 1 ||
			strings.Count(complaint.String(), "\n") != 1 || !strings.Contains(complaint.String(), says) {
			t.Errorf("%s: exit status %d, %q", text, status, complaint.String())
		}
	}
}

// Users are added and given passwords while a server runs; it is in the audit.
func TestUserCommandsBesideAServer(t *testing.T) {
	ts := startServer(t, nil)
	command := func(status int, args ...string) string {
		t.Helper()
		var said bytes.Buffer
		if got := run(t.Context(), append(append([]string{"user"}, args...), "--data", ts.settings.Data), &said, &said); got != status {
			t.Fatalf("%v: exit status %d: %s", args, got, said.String())
		}
		return said.String()
	}
	if said := command(0, "add", "lina", "--name", "李娜", "--role", "supervisor"); !strings.Contains(said, "shown only now") {
		t.Errorf("no password is shown: %s", said)
	}
	command(1, "add", "lina", "--role", "supervisor")
	command(1, "add", "zhang", "--role", "king")
	command(1, "passwd", "nobody")
	command(1, "passwd", "lina", "--password", "short")
	command(0, "passwd", "lina", "--password", "a good password")
	if said := command(0, "list"); !strings.Contains(said, "李娜") || !strings.Contains(said, "admin") {
		t.Errorf("the list: %s", said)
	}
	var signedIn struct{ User earshot.User }
	ts.call(http.MethodPost, "/api/v1/login", map[string]string{"name": "lina", "password": "a good password"}, &signedIn)
	if signedIn.User.Role != earshot.RoleSupervisor {
		t.Errorf("signed in as %+v", signedIn.User)
	}
	var page struct{ Audit []earshot.Audit }
	ts.call(http.MethodGet, "/api/v1/audit?target=user:lina", nil, &page)
	if len(page.Audit) != 2 || page.Audit[0].Action != earshot.AuditUpdate || page.Audit[1].Action != earshot.AuditCreate {
		t.Errorf("the audit: %+v", page.Audit)
	}
}

// What the command prints is byte for byte what is committed: make test compares.
func TestOpenAPICommand(t *testing.T) {
	committed, err := os.ReadFile("../../web/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var out, complaint bytes.Buffer
	if status := run(t.Context(), []string{"openapi"}, &out, &complaint); status != 0 {
		t.Fatalf("exit status %d: %s", status, complaint.String())
	}
	if !bytes.Equal(out.Bytes(), committed) {
		t.Error("earshot openapi does not print web/openapi.json: run make generate")
	}
}
