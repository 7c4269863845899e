package bench

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// report runs a bench and returns its lines by their names.
func report(t *testing.T, opts Options) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := Seats(t.Context(), opts, &out); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	lines := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if len(line) > 35 {
			lines[strings.TrimSpace(line[:35])] = strings.TrimSpace(line[35:])
		}
	}
	return lines
}

func wants(t *testing.T, lines map[string]string, name, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(lines[name]) {
		t.Errorf("%s: %q does not match %s", name, lines[name], pattern)
	}
}

func TestInjectedPacketsAreAllRecorded(t *testing.T) {
	lines := report(t, Options{Seats: 4, Inject: true, For: time.Second, Warm: 200 * time.Millisecond})
	wants(t, lines, "packets", `^(3[5-9]\d|4[0-4]\d) in 1\.`)
	wants(t, lines, "calls stored", `^4 of 4$`)
	wants(t, lines, "packets lost", `^0 of `)
	wants(t, lines, "server CPU for a recorded packet", `µs`)
}

// built is the program, made for a test.
func built(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "earshot")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "earshot/cmd/earshot").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func TestKilledProcessIsBroughtBack(t *testing.T) {
	lines := report(t, Options{Seats: 3, Inject: true, Kill: true, For: time.Second, Warm: 2 * time.Second, Server: built(t)})
	wants(t, lines, "killed, and brought back", `^3 of 3 calls`)
	wants(t, lines, "audio lost with the kill", `^p50 [1-9]\d*ms, at most ([1-9]|[1-9]\d|[12]\d\d)ms`)
	wants(t, lines, "disk flushes ordered", `^[1-9]`)
}

func TestSeatsOverTheNetwork(t *testing.T) {
	program := built(t)
	lines := report(t, Options{Seats: 3, Listeners: 2, For: time.Second, Warm: 500 * time.Millisecond, Server: program})
	wants(t, lines, "calls stored", `^3 of 3$`)
	wants(t, lines, "packets lost", `^0 of `)
	wants(t, lines, "delay, sent to heard", `p50 .* p99 `)
}

func TestASpanThatMakesNoSenseIsRefused(t *testing.T) {
	for _, opts := range []Options{{}, {Seats: -1}, {Seats: 6000}, {Seats: 1, Listeners: -1}, {Seats: 1, Inject: true, Listeners: 1}} {
		var e *earshot.Error
		if err := Seats(t.Context(), opts, &bytes.Buffer{}); !errors.As(err, &e) || e.Kind != earshot.Invalid {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	err := Seats(t.Context(), Options{Seats: 1, Server: "/nonexistent/earshot"}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "starting the server") {
		t.Errorf("a server that is not there: %v", err)
	}
}
