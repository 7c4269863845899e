package storage_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/storage/files"
)

// lateFiles are files whose reader is kept waiting behind what it read.
type lateFiles struct {
	*files.Store
	read, goOn chan struct{}
}

func (l lateFiles) ReadWhole(name string) ([]byte, error) {
	data, err := l.Store.ReadWhole(name)
	l.read <- struct{}{}
	<-l.goOn
	return data, err
}

// TestHoldsOfOneNodeKeepTheEditsOfAnother: while one node brings a hold, or its
// release, into the file of a call, another one edits the call. The file they share
// says both.
func TestHoldsOfOneNodeKeepTheEditsOfAnother(t *testing.T) {
	nodes(t, func(t *testing.T, both [2]node) {
		ctx, store := t.Context(), both[0].files
		late := lateFiles{store, make(chan struct{}), make(chan struct{})}
		holds, edits := nodeOver(store, late, both[0].index), nodeOver(store, store, both[1].index)
		a := &analysing{Archive: edits.Archive, files: store}
		c := a.hushed(t, 0, nil)
		must(t, a.SaveCall(ctx, c))

		meanwhile := func(note string, atMs int64, do func() error) {
			t.Helper()
			done, edited := make(chan error, 1), make(chan error, 1)
			go func() { done <- do() }()
			<-late.read
			go func() {
				_, err := edits.AddMark(ctx, c.ID, earshot.Mark{Kind: earshot.MarkNote, StartMs: atMs, EndMs: atMs, By: "lina", Text: note})
				edited <- err
			}()
			select {
			case err := <-edited:
				t.Errorf("%s came between the file that was read and the one that was written (%v)", note, err)
				edited <- err
			case <-time.After(200 * time.Millisecond): // it waits for its turn
			}
			late.goOn <- struct{}{}
			must(t, <-done)
			must(t, <-edited)
		}

		var h earshot.Hold
		meanwhile("during a hold", 1, func() (err error) {
			h, err = holds.Hold(ctx, earshot.Hold{Call: c.ID, By: "eve", Reason: "投诉"})
			return err
		})
		meanwhile("during its release", 2, func() error {
			if _, err := holds.Release(ctx, h.ID, "eve", "结案"); err != nil {
				return err
			}
			return holds.NotariseOnce(ctx)
		})
		got := a.read(t, c.ID)
		if len(got.Marks) != 2 || len(got.Holds) != 1 || got.Holds[0].ReleasedBy != "eve" {
			t.Errorf("marks %v, holds %v", got.Marks, got.Holds)
		}
	})
}
