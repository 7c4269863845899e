package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser is a real Chromium on a host of a line, driven through its debugging
// pipe. Its microphone plays a file, agent left and customer right.
type browser struct {
	t       *testing.T
	to      *os.File
	from    *bufio.Reader
	n       int
	session string
}

func chromium() string {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	return "/usr/bin/chromium"
}

// openBrowser starts Chromium inside h and opens the page, which counts as one
// that may use the microphone.
func openBrowser(t *testing.T, h *host, origin, microphone string) *browser {
	t.Helper()
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(chromium(),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--remote-debugging-pipe",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--use-file-for-fake-audio-capture="+microphone,
		"--unsafely-treat-insecure-origin-as-secure="+origin, "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, ours} // 3 and 4
	if err := h.in(cmd.Start); err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Close(), ours.Close() // the child has them
	b := &browser{t: t, to: to, from: bufio.NewReaderSize(from, 1<<20)}
	t.Cleanup(func() {
		b.send("", "Browser.close", nil)
		ended := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // how it ends says nothing about the server
		ended.Stop()
		_, _ = to.Close(), from.Close()
	})
	return b
}

// send says one command of the DevTools protocol and answers its number.
func (b *browser) send(session, method string, params any) int {
	b.t.Helper()
	b.n++
	text, err := json.Marshal(map[string]any{"id": b.n, "sessionId": session, "method": method, "params": params})
	if session == "" {
		text, err = json.Marshal(map[string]any{"id": b.n, "method": method, "params": params})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Errorf("telling the browser: %v", err)
	}
	return b.n
}

// ask waits for the answer.
func (b *browser) ask(session, method string, params, into any) {
	b.t.Helper()
	n := b.send(session, method, params)
	for {
		text, err := b.from.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: the browser is gone: %v", method, err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(bytes.TrimRight(text, "\x00"), &answer); err != nil {
			b.t.Fatal(err)
		}
		if answer.ID != n {
			continue // an event
		}
		if answer.Error != nil {
			b.t.Fatalf("%s: %s", method, answer.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(answer.Result, into); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// open opens a page.
func (b *browser) open(url string) {
	b.t.Helper()
	var target struct{ TargetID string }
	b.ask("", "Target.createTarget", map[string]any{"url": url}, &target)
	var attached struct{ SessionID string }
	b.ask("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
}

// is evaluates an expression on the page.
func (b *browser) is(expression string) bool {
	b.t.Helper()
	var answer struct {
		Result struct{ Value any }
	}
	b.ask(b.session, "Runtime.evaluate", map[string]any{"expression": "!!(" + expression + ")", "returnByValue": true}, &answer)
	yes, _ := answer.Result.Value.(bool)
	return yes
}

// until waits for the page to be so.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	eventually(b.t, what, func() bool { return b.is(expression) })
}

// click waits for an element and clicks it.
func (b *browser) click(selector string) {
	b.t.Helper()
	found := fmt.Sprintf("document.querySelector(%q) && !document.querySelector(%[1]q).disabled", selector)
	b.until(selector, found)
	b.is(fmt.Sprintf("document.querySelector(%q).click()", selector))
}

// twoSidedMicrophone is a stereo WAV of one of the demo's conversations.
func twoSidedMicrophone(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "microphone.wav")
	const demo = "../../ingest/seat/demo/water-bill-"
	peer(t, "ffmpeg", "-v", "error", "-i", demo+"agent.opus", "-i", demo+"customer.opus",
		"-filter_complex", "[0:a][1:a]amerge=inputs=2,pan=stereo|c0=c0|c1=c1", "-ar", "48000", "-c:a", "pcm_s16le", file)
	return file
}
