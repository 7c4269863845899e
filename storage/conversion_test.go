package storage_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/storage"
	"earshot/storage/files"
)

// removedFiles are files that tell before one of them goes.
type removedFiles struct {
	*files.Store
	goes func(name string)
}

func (r *removedFiles) Remove(name string) error {
	if r.goes != nil {
		r.goes(name)
	}
	return r.Store.Remove(name)
}

// gsmCall is a call of one part that no browser plays.
func (h *house) gsmCall(t *testing.T) earshot.Call {
	t.Helper()
	audiotest.Need(t, "ffmpeg", "sox")
	dir := t.TempDir()
	file := audiotest.Read(t, audiotest.Form{Program: "sox", Args: "-r 8000 -c 1 -e gsm-full-rate", Ending: ".wav"}.Make(t, audiotest.Source(t, dir), dir))
	c, sum := stored(), sha256.Sum256(file)
	c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.GSM), Track: earshot.TrackMixed, Codec: earshot.GSM, Channels: 1,
		DurationMs: 4000, Bytes: int64(len(file)), SHA256: hex.EncodeToString(sum[:])}}
	must(t, h.files.WriteWhole(c.Parts[0].File, file))
	must(t, h.SaveCall(t.Context(), c))
	return c
}

func inFolder(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	return len(entries)
}

// TestNothingIsConvertedOfADeletedCall: who has found a call just before it is
// deleted, and has it converted while it goes, leaves nothing of it behind.
func TestNothingIsConvertedOfADeletedCall(t *testing.T) {
	h := open(t)
	removing := &removedFiles{Store: h.files}
	h.Archive = nodeOver(h.files, removing, h.index).Archive
	folder := filepath.Join(t.TempDir(), "converted")
	kept, err := h.KeepPlayables(folder, nil)
	must(t, err)
	defer func() { must(t, kept.Close()) }()
	c := h.gsmCall(t)
	must(t, h.index.CreatePolicy(t.Context(), earshot.Policy{ID: "q", Name: "q", Kind: c.Kind, DeleteDays: 1}))
	c.StartedAt, c.EndedAt = earshot.At(c.StartedAt.AddDate(0, -1, 0)), earshot.At(c.EndedAt.AddDate(0, -1, 0))
	must(t, h.SaveCall(t.Context(), c))
	heard := 0
	removing.goes = func(name string) {
		if name == c.Parts[0].File {
			file, err := storage.OpenPlayable(t.Context(), h.Archive, c.Parts[0])
			must(t, err)
			must(t, file.Close())
			heard++
		}
	}
	_, err = h.Delete(t.Context(), c.ID, earshot.Deletion{Policy: "q", Reason: "due"})
	must(t, err)
	if n := inFolder(t, folder); heard == 0 || n != 0 {
		t.Errorf("asked %d times, %d files of a deleted call", heard, n)
	}
	if _, err := storage.OpenPlayable(t.Context(), h.Archive, c.Parts[0]); !errors.Is(err, earshot.ErrNoPart) {
		t.Errorf("of a deleted call: %v", err)
	}
}

// TestWhoGoesAwayIsNotWaitedFor: what waits for its turn to be converted is not
// converted for nobody, a deletion does not wait for it, and it ends with the archive.
func TestWhoGoesAwayIsNotWaitedFor(t *testing.T) {
	for _, row := range []struct {
		what string
		end  func(t *testing.T, h *house, c earshot.Call, leave func(), done func() error) error
		left int
	}{
		{"who asked goes away", func(_ *testing.T, _ *house, _ earshot.Call, leave func(), _ func() error) error {
			leave()
			return context.Canceled
		}, 0},
		{"the part is no more", func(t *testing.T, h *house, c earshot.Call, _ func(), _ func() error) error {
			must(t, storage.ForgetPlayable(h.Archive, c.Parts[0]))
			return earshot.ErrNoPart
		}, 0},
		{"the archive is closed", func(t *testing.T, _ *house, _ earshot.Call, _ func(), done func() error) error {
			must(t, done())
			return context.Canceled
		}, 0},
		{"its turn comes", func(*testing.T, *house, earshot.Call, func(), func() error) error { return nil }, 1},
	} {
		t.Run(row.what, func(t *testing.T) {
			h := open(t)
			folder := filepath.Join(t.TempDir(), "converted")
			kept, err := h.KeepPlayables(folder, nil)
			must(t, err)
			c := h.gsmCall(t)
			give := storage.TakeTurns(h.Archive)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			asked := make(chan error, 1)
			go func() {
				file, _, err := h.Playable(ctx, c.ID, 1)
				if err == nil {
					err = file.Close()
				}
				asked <- err
			}()
			storage.AwaitConversion(h.Archive)
			want := row.end(t, h, c, leave, kept.Close)
			if want == nil {
				give()
			}
			if err := <-asked; !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if want != nil {
				give()
			}
			// Closing waits for all that is still being made.
			if err := kept.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
			if n := inFolder(t, folder); n != row.left {
				t.Errorf("%d files were made", n)
			}
		})
	}
}
