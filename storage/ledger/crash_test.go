package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// TestTornEnds writes what a crash leaves of an append and of a head, cut at
// every byte, and opens the ledger again: all that was durable is there, nothing
// else is, and it goes on.
func TestTornEnds(t *testing.T) {
	s := newScene(t)
	before := map[string][]byte{}
	files := []string{"entries", "hashes", "offsets", "heads"}
	for _, f := range files {
		before[f] = s.read(f)
	}
	l := open(t, s.dir)
	first, err := l.Append(t.Context(), part(50), part(51))
	must(t, err)
	must(t, l.Close()) // signs
	after := map[string][]byte{}
	for _, f := range files {
		after[f] = s.read(f)
	}
	firstEnds := s.endOf(int(first) + 1)
	try := func(what string, want int64) {
		t.Helper()
		report, err := open(t, s.dir, readOnly).VerifyAll(t.Context(), nil)
		must(t, err)
		if !report.OK() || report.Entries != want {
			t.Fatalf("%s: %d entries read, %+v", what, report.Entries, report.Findings)
		}
		l := open(t, s.dir)
		if l.Size() != want {
			t.Fatalf("%s: %d entries, want %d", what, l.Size(), want)
		}
		at, err := l.Append(t.Context(), part(60))
		must(t, err)
		if _, err := l.Sign(t.Context()); err != nil || at != want {
			t.Fatalf("%s: goes on at %d: %v", what, at, err)
		}
		if report, err := l.VerifyAll(t.Context(), nil); err != nil || !report.OK() || report.Torn != 0 {
			t.Fatalf("%s: after it went on: %+v %v", what, report, err)
		}
		must(t, l.CompareCheckpoint(s.witness))
		must(t, l.Close())
	}
	// A step is a file being written, those before it being whole already.
	for step, file := range files {
		for cut := len(before[file]); cut < len(after[file]); cut += 19 {
			for i, f := range files {
				switch {
				case i < step:
					s.write(f, after[f])
				case i == step:
					s.write(f, after[f][:cut])
				default:
					s.write(f, before[f])
				}
			}
			want := first
			switch {
			case step > 0 || cut == len(after["entries"]):
				want += 2
			case cut >= firstEnds:
				want++
			}
			try(fmt.Sprintf("%s cut at %d", file, cut), want)
		}
	}
	// What was never synced may come back as zeros or as garbage, in any place.
	for _, garbage := range [][]byte{make([]byte, 5000), bytes.Repeat([]byte("x"), 3*MaxEntry), []byte("{\"kind\":\"part\"\x00}\n{\"kind\":\"part\"}\n")} {
		for _, f := range files {
			s.write(f, before[f])
		}
		s.write("entries", append(bytes.Clone(before["entries"]), garbage...))
		s.write("hashes", append(bytes.Clone(before["hashes"]), make([]byte, 300)...))
		l := open(t, s.dir)
		if l.Size() != first {
			t.Errorf("%d entries after garbage", l.Size())
		}
		must(t, l.Close())
		torn, err := filepath.Glob(s.name("torn/*-21"))
		must(t, err)
		if kept, err := os.ReadFile(torn[len(torn)-1]); err != nil || !bytes.Equal(kept, garbage) {
			t.Errorf("the torn end was not kept: %d bytes, %v", len(kept), err)
		}
	}
}

// TestFailedWrites breaks each write of an append and a head in turn.
func TestFailedWrites(t *testing.T) {
	for _, broken := range []string{"entries", "hashes", "offsets", "heads"} {
		t.Run(broken, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir)
			fill(t, l, 3)
			file := map[string]**os.File{"entries": &l.log.entries, "hashes": &l.log.hashes,
				"offsets": &l.log.offsets, "heads": &l.heads.file}[broken]
			good := *file
			bad, err := os.Open(good.Name()) // takes no writes
			must(t, err)
			*file = bad
			_, err = l.Append(t.Context(), part(7))
			if broken == "heads" {
				must(t, err)
				_, err = l.Sign(t.Context())
			}
			if err == nil {
				t.Fatal("it did not fail")
			}
			if alarms := l.opts.Alarms.List(); len(alarms) != 1 || alarms[0].Code != "ledger" {
				t.Errorf("alarms: %+v", alarms)
			}
			if size, err := fileSize(l.log.entries); err != nil || size != l.log.end {
				t.Errorf("the failed entry was not taken back: %d bytes, not %d", size, l.log.end)
			}
			*file = good
			must(t, bad.Close())
			fill(t, l, 3)
			if len(l.opts.Alarms.List()) != 0 {
				t.Error("the alarm stays")
			}
			want := int64(7)
			if broken == "heads" {
				want = 8
			}
			report, err := l.VerifyAll(t.Context(), nil)
			if err != nil || !report.OK() || report.Entries != want {
				t.Errorf("%d entries: %+v %v", report.Entries, report.Findings, err)
			}
		})
	}
}

func TestClosedTakesNothing(t *testing.T) {
	l := open(t, t.TempDir())
	must(t, l.Close())
	if _, err := l.Append(t.Context(), part(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if _, err := l.Rotate(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("rotate: %v", err)
	}
}

// TestLostKeyIsReplaced begins with a new key where the old one is gone.
func TestLostKeyIsReplaced(t *testing.T) {
	s := newScene(t)
	must(t, os.Remove(s.private()))
	l := open(t, s.dir, func(o *Options) { o.ReplaceLostKey = true })
	fill(t, l, 2)
	if keys := l.Keys(); len(keys) != 2 || keys[1].Linked || keys[1].Entry != 21 {
		t.Errorf("keys: %+v", keys)
	}
	must(t, l.CompareCheckpoint(s.witness))
	must(t, l.Close())
	s.verified([]FindingCode{FoundKeyUnlinked})
}

// TestReadsBesideAWriter looks again and again while the ledger grows.
func TestReadsBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, func(o *Options) { o.HeadEvery = time.Millisecond })
	fill(t, l, 1)
	done := make(chan error)
	go func() {
		for n := range 300 {
			if _, err := l.Append(t.Context(), part(n)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for looked := 0; ; looked++ {
		r := open(t, dir, readOnly)
		must(t, r.Fits())
		report, err := r.VerifyAll(t.Context(), nil)
		must(t, err)
		if !report.OK() {
			t.Fatalf("after %d entries: %+v", report.Entries, report.Findings)
		}
		if head := r.Head(); head.Size > 0 {
			root, err := tlog.TreeHash(head.Size, r.log)
			must(t, err)
			if root != head.Root {
				t.Fatalf("the tree of %d is another's", head.Size)
			}
		}
		must(t, r.Close())
		select {
		case err := <-done:
			must(t, err)
			if looked == 0 {
				t.Error("never looked while it grew")
			}
			return
		default:
		}
	}
}
