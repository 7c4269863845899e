package files

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// The end of a busy server: 500 calls are completed at once, each an audio file
// and its levels.
func BenchmarkSeal500Calls(b *testing.B) {
	for n := range b.N {
		s, err := Open(b.TempDir(), Options{FlushEvery: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		var parts []*Part
		for call := range 500 {
			for _, ext := range []string{"opus", "levels"} {
				p, err := s.Create(fmt.Sprintf("2026/11/21/%d-%d.%s", n, call, ext))
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Append(make([]byte, 20_000)); err != nil {
					b.Fatal(err)
				}
				parts = append(parts, p)
			}
		}
		s.flushAll()
		var sealing sync.WaitGroup
		for _, p := range parts {
			sealing.Add(1)
			p.Seal(func(_ Sealed, err error) {
				defer sealing.Done()
				if err != nil {
					b.Error(err)
				}
			})
		}
		sealing.Wait()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// One packet of 160 bytes on its way into the journal.
func BenchmarkJournalAppend(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	j, err := s.OpenJournal(JournalOptions{MaxBuffer: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	j.Begin()
	j.Begun()
	head, payload := make([]byte, 12), make([]byte, 148)
	b.SetBytes(160)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		j.Append(2, 1, head, payload)
		if n++; n%5000 == 0 { // 500 calls in 100 ms
			j.Commit()
		}
	}
	if err := errors.Join(j.Close(), s.Close()); err != nil {
		b.Fatal(err)
	}
}

// A crash just before a segment's end: 500 calls, two tracks each, 30 s.
func BenchmarkJournalRead500Calls(b *testing.B) {
	dir := b.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	j, err := s.OpenJournal(JournalOptions{MaxBuffer: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	j.Begin()
	for call := range uint32(500) {
		j.Append(1, call, make([]byte, 4000))
	}
	j.Begun()
	packet := make([]byte, 100)
	const packets = 500 * 2 * 50 * 30
	for n := range packets {
		j.Append(2, uint32(n%500), packet)
		if n%5000 == 0 {
			j.Commit()
		}
	}
	if err := errors.Join(j.Close(), s.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		j, err := s.OpenJournal(JournalOptions{})
		if err != nil {
			b.Fatal(err)
		}
		records := 0
		err = j.Read(func(JournalRecord) error { records++; return nil },
			func(d JournalDamage) error { return fmt.Errorf("damaged: %+v", d) })
		if err = errors.Join(err, j.Close(), s.Close()); err != nil || records != packets+500 {
			b.Fatal(records, err)
		}
	}
}

// A part's state at the beginning of a segment.
func BenchmarkPartState(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := s.Create("a.opus")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.State()
	}
	if err := errors.Join(p.Discard(), s.Close()); err != nil {
		b.Fatal(err)
	}
}

// A second of a call's audio on its way into a part.
func BenchmarkPartAppend(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := s.Create("a.opus")
	if err != nil {
		b.Fatal(err)
	}
	page := make([]byte, 8000)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Append(page); err != nil {
			if err := p.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := errors.Join(p.Discard(), s.Close()); err != nil {
		b.Fatal(err)
	}
}
