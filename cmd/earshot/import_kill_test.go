package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"earshot"
	"earshot/audio/wav"
	"earshot/storage/index"
)

// oldFiles writes so many files of an older recorder and makes their seat.
func oldFiles(t *testing.T, n int) (data, old string) {
	t.Helper()
	data, old = t.TempDir(), t.TempDir()
	ix, err := index.Open(t.Context(), indexURL("sqlite", data))
	if err != nil {
		t.Fatal(err)
	}
	if err := ix.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "营业厅"}); err != nil {
		t.Fatal(err)
	}
	seat := earshot.Seat{ID: "w1", Name: "一号窗口", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutSession}
	if err := ix.CreateSeat(t.Context(), seat); err != nil {
		t.Fatal(err)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		file := append(wav.AppendHeader(nil, wav.ALaw, 1, 4000), bytes.Repeat([]byte{byte(i), byte(i >> 8), 0x55, 0xd5}, 1000)...)
		name := filepath.Join(old, fmt.Sprintf("w1_1001_2016030410%02d%02d_%d.wav", i/60%60, i%60, i))
		if err := os.WriteFile(name, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data, old
}

// A run that is killed, time and again, loses nothing and doubles nothing; every
// file is printed with its fate.
func TestImportThatIsKilledGoesOn(t *testing.T) {
	const files = 400
	data, old := oldFiles(t, files)
	args := []string{"import", "--data", data, "--disk-reserve", "1MiB", "--pattern", "{seat}_{agent}_{start:yyyyMMddHHmmss}_{*}", old}
	for kill := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		child := exec.CommandContext(ctx, os.Args[0])
		child.Env = append(os.Environ(), childArgs+"="+strings.Join(args, " "))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := 0
		buffer := make([]byte, 4096)
		for lines < 5+40*kill { // it has come so far
			n, err := out.Read(buffer)
			lines += bytes.Count(buffer[:n], []byte("\n"))
			if err != nil {
				break
			}
		}
		cancel() // which kills it
		_ = child.Wait()
	}
	var out, stderr bytes.Buffer
	report := filepath.Join(t.TempDir(), "report.csv")
	if code := run(t.Context(), append([]string{args[0], "--report", report}, args[1:]...), &out, &stderr); code != 0 {
		t.Fatalf("%d: %s\n%s", code, &stderr, &out)
	}
	if !strings.Contains(out.String(), fmt.Sprintf("%d 已导入 stored", files)) || strings.Count(out.String(), "✓ ") != files {
		t.Errorf("%s", &out)
	}
	calls := map[string]bool{}
	for _, id := range regexp.MustCompile(`→ [0-9a-f]{8}-[0-9a-f-]{27}`).FindAllString(out.String(), -1) {
		calls[id] = true
	}
	if len(calls) != files {
		t.Errorf("%d calls", len(calls))
	}
	text, err := os.ReadFile(report)
	if err != nil || strings.Count(string(text), ",stored,") != files {
		t.Errorf("the report: %v, %d lines", err, bytes.Count(text, []byte("\n")))
	}
	left, err := filepath.Glob(filepath.Join(data, "audio/2016/03/04/*.wav"))
	if err != nil || len(left) != files {
		t.Errorf("%d files of audio: %v", len(left), err)
	}
	out.Reset()
	if code := run(t.Context(), []string{"verify", "--data", data}, &out, &stderr); code != 0 {
		t.Errorf("verify: %s %s", &out, &stderr)
	}
}

// What is refused is printed with its reason, and makes the exit status 1.
func TestImportSaysWhy(t *testing.T) {
	data, old := oldFiles(t, 1)
	if err := os.WriteFile(filepath.Join(old, "notes.mp3"), []byte("no audio, only words"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, ".hidden"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	base := []string{"import", "--data", data, "--disk-reserve", "1MiB"}
	for _, row := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"--pattern", "{saet}", old}, 1, []string{`at character 2: there is no field "saet"`}},
		{[]string{"--seat", "w9", old}, 1, []string{"no such seat"}},
		{[]string{"--timezone", "Mars/Base", old}, 1, []string{"there is no time zone"}},
		{[]string{filepath.Join(old, "none")}, 1, []string{"none"}},
		{[]string{"--pattern", "{seat}_{agent}_{start:yyyyMMddHHmmss}_{*}", "--preview", old}, 0, []string{"agent=1001(pattern)", "startedAt=2016-03-04 10:00:00(pattern)", "the pattern fits: 1 / 2"}},
		{[]string{"--pattern", "{seat}-{agent}-{start:yyyyMMddHHmmss}", "--seat", "w1", old}, 1, []string{"--pattern: ", "nothing was brought in"}},
		{[]string{"--pattern", "{seat}_{agent}_{start:yyyyMMddHHmmss}_{*}", old}, 1, []string{"✓ ", "notes.mp3 ", "hidden_file", "1 已导入 stored"}},
	} {
		var out, stderr bytes.Buffer
		code := run(t.Context(), append(append([]string{}, base...), row.args...), &out, &stderr)
		for _, want := range row.says {
			if all := out.String() + stderr.String(); code != row.code || !strings.Contains(all, want) {
				t.Errorf("%v: %d, %q is not in %s", row.args, code, want, all)
			}
		}
	}
}
