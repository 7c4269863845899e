package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of the given size; only root can.
func smallDisk(t *testing.T, bytes int) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("cannot mount a small file system: %v", err)
		}
		fmt.Printf("%s: not run: cannot mount a small file system: %v\n", t.Name(), err)
		return "", false
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir, true
}

func TestFullDisk(t *testing.T) {
	dir, ok := smallDisk(t, 256<<10)
	if !ok {
		return
	}
	s := openStore(t, dir, Options{FlushEvery: time.Hour, MaxBuffer: 64 << 10})
	free, err := s.Free()
	must(t, err)
	if free == 0 || free > 256<<10 {
		t.Errorf("free: %d", free)
	}
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 100<<10), 0o600))

	p, lost := create(t, s, "a/kept.opus"), create(t, s, "a/lost.opus")
	var want []byte
	refused := error(nil)
	for n := 0; refused == nil; n++ {
		piece := bytes.Repeat([]byte{byte(n)}, 4000)
		if refused = p.Append(piece); refused == nil {
			want = append(want, piece...)
		}
		s.flushAll()
	}
	if !errors.Is(refused, ErrOverflow) {
		t.Errorf("Append on a full disk: %v", refused)
	}
	if err := s.Healthy(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Healthy on a full disk: %v", err)
	}
	if got, err := p.Bytes(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Bytes on a full disk: %d bytes of %d, %v", len(got), len(want), err)
	}
	if err := s.WriteWhole("a/big.json", make([]byte, 10<<10)); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("WriteWhole on a full disk: %v", err)
	}
	must(t, lost.Append(make([]byte, 10<<10)))
	if r := seal(lost); !errors.Is(r.err, unix.ENOSPC) {
		t.Errorf("Seal on a full disk: %+v", r)
	}
	if _, _, err := s.Open("a/lost.opus"); err == nil {
		t.Error("an incomplete file has a final name")
	}

	must(t, os.Remove(ballast))
	s.flushAll()
	must(t, s.Healthy())
	if r := seal(p); r.err != nil || r.Sealed != sealedAs(want) {
		t.Errorf("Seal once there is room: %+v", r)
	}
	left, err := s.Unfinished()
	must(t, err)
	if len(left) != 1 || left[0] != "a/lost.opus.part" {
		t.Errorf("unfinished: %v", left)
	}
}
