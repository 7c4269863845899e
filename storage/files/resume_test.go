package files

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
	"time"
)

// A part is taken up where a state of it says, whatever has reached the disk
// since.
func TestResume(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(t *testing.T, p *Part)
		after  func(t *testing.T, p *Part)
		want   string
	}{
		{"nothing appended", func(*testing.T, *Part) {}, func(*testing.T, *Part) {}, "rest"},
		{"nothing before", func(*testing.T, *Part) {}, appending("late, and longer"), "rest"},
		{"nothing after", appending("begin "), func(*testing.T, *Part) {}, "begin rest"},
		{"more after", appending("begin "), appending("late, and longer"), "begin rest"},
		{"flushed between", func(t *testing.T, p *Part) {
			must(t, errors.Join(p.Append([]byte("be")), p.Flush(), p.Append([]byte("gin "))))
		}, appending("late, and longer"), "begin rest"},
		{"patched in memory", func(t *testing.T, p *Part) {
			must(t, errors.Join(p.Append([]byte("begin ")), p.Patch(0, []byte("B"))))
		}, appending("late, and longer"), "Begin rest"},
		{"patched on the disk", func(t *testing.T, p *Part) {
			must(t, errors.Join(p.Append([]byte("begin ")), p.Flush(), p.Patch(0, []byte("B"))))
		}, appending("late, and longer"), "Begin rest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(dir, Options{FlushEvery: time.Hour})
			must(t, err)
			p := create(t, s, name)
			c.before(t, p)
			st := p.State()
			c.after(t, p)
			must(t, s.Close())

			s = openStore(t, dir, Options{FlushEvery: time.Hour})
			p, err = s.Resume(name, st)
			must(t, err)
			if p.State().Bytes != st.Bytes {
				t.Errorf("resumed at %d of %d bytes", p.State().Bytes, st.Bytes)
			}
			must(t, p.Append([]byte("rest")))
			if got, err := p.Bytes(); err != nil || string(got) != c.want {
				t.Errorf("Bytes: %q, %v", got, err)
			}
			if r := seal(p); r.err != nil || r.Sealed != sealedAs([]byte(c.want)) {
				t.Errorf("Seal gave %+v", r)
			}
			if got, err := s.ReadWhole(name); err != nil || string(got) != c.want {
				t.Errorf("the file holds %q, %v", got, err)
			}
			if got, err := s.SealedFile(name); err != nil || got != sealedAs([]byte(c.want)) {
				t.Errorf("SealedFile: %+v, %v", got, err)
			}
			if _, err := s.Resume(name, st); !errors.Is(err, ErrExists) {
				t.Errorf("Resume of a complete file: %v", err)
			}
		})
	}
}

func appending(text string) func(*testing.T, *Part) {
	return func(t *testing.T, p *Part) { t.Helper(); must(t, p.Append([]byte(text))) }
}

func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	p := create(t, s, name)
	must(t, p.Append([]byte("hello")))
	st := p.State()
	if _, err := s.Resume(name, st); !errors.Is(err, ErrExists) {
		t.Errorf("Resume of a part that is open: %v", err)
	}
	must(t, s.Close())
	s = openStore(t, dir, Options{FlushEvery: time.Hour})
	for _, c := range []struct {
		name string
		st   PartState
		want error
	}{
		{name, PartState{Bytes: 6}, ErrShorter},
		{"other.opus", st, fs.ErrNotExist},
		{name + ".part", st, ErrName},
	} {
		if _, err := s.Resume(c.name, c.st); !errors.Is(err, c.want) {
			t.Errorf("Resume of %s at %d: %v, want %v", c.name, c.st.Bytes, err, c.want)
		}
	}
	// What was refused can be taken up as it is.
	p, err := s.Resume(name, st)
	must(t, err)
	if r := seal(p); r.err != nil || r.Sealed != sealedAs([]byte("hello")) {
		t.Errorf("Seal gave %+v", r)
	}
}

// A state whose sum does not make sense costs a reading of the file, no more.
func TestResumeWithABrokenSum(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	p := create(t, s, name)
	must(t, p.Append(bytes.Repeat([]byte("x"), 100)))
	must(t, s.Close())
	s = openStore(t, dir, Options{FlushEvery: time.Hour})
	p, err := s.Resume(name, PartState{Bytes: 100, Sum: []byte("nonsense")})
	must(t, err)
	if r := seal(p); r.err != nil || r.Sealed != sealedAs(bytes.Repeat([]byte("x"), 100)) {
		t.Errorf("Seal gave %+v", r)
	}
}
