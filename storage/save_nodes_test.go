package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/storage/files"
)

// waitingFiles are files whose writer of calls is kept waiting with what it writes.
type waitingFiles struct {
	*files.Store
	comes, goOn chan struct{}
}

func (s waitingFiles) WriteWhole(name string, data []byte) error {
	if strings.HasSuffix(name, ".json") {
		s.comes <- struct{}{}
		<-s.goOn
	}
	return s.Store.WriteWhole(name, data)
}

// fileOf is what the call's own file says.
func fileOf(t *testing.T, store *files.Store, id string) (c earshot.Call) {
	t.Helper()
	text, err := store.ReadWhole(earshot.CallFile(id))
	must(t, err)
	must(t, json.Unmarshal(text, &c))
	return c
}

// TestSavesOfOneNodeKeepWhatAnotherDid: while one node saves a call, another one
// holds, edits or deletes it. The file they share says what the index says, and
// nothing of it is lost but what a later save is there to put.
func TestSavesOfOneNodeKeepWhatAnotherDid(t *testing.T) {
	nodes(t, func(t *testing.T, both [2]node) {
		ctx, store := t.Context(), both[0].files
		slow := waitingFiles{store, make(chan struct{}), make(chan struct{})}
		saves, other := nodeOver(store, slow, both[0].index), nodeOver(store, store, both[1].index)
		a := &analysing{Archive: other.Archive, files: store}
		rows := []struct {
			what string
			do   func(c earshot.Call) error
			want func(c earshot.Call) bool
		}{
			{"holds it", func(c earshot.Call) error {
				_, err := other.Hold(ctx, earshot.Hold{Call: c.ID, By: "eve", Reason: "投诉"})
				return err
			}, func(c earshot.Call) bool { return len(c.Holds) == 1 }},
			{"edits it", func(c earshot.Call) error {
				_, err := other.AddMark(ctx, c.ID, earshot.Mark{Kind: earshot.MarkNote, By: "lina", Text: "x"})
				return err
			}, func(c earshot.Call) bool { return c.State == earshot.CallStored }},
			{"deletes it", func(c earshot.Call) error {
				_, err := other.Delete(ctx, c.ID, earshot.Deletion{Policy: "q", Reason: "due"})
				return err
			}, func(c earshot.Call) bool { return c.State == earshot.CallDeleted }},
		}
		must(t, both[0].index.CreatePolicy(ctx, earshot.Policy{ID: "q", Name: "q", DeleteDays: 1}))
		for i, row := range rows {
			t.Run(row.what, func(t *testing.T) {
				c := a.hushed(t, time.Duration(i)*time.Minute, nil)
				c.StartedAt, c.EndedAt = earshot.At(c.StartedAt.AddDate(0, -1, 0)), earshot.At(c.EndedAt.AddDate(0, -1, 0))
				must(t, a.SaveCall(ctx, c))
				saved, done := make(chan error, 1), make(chan error, 1)
				go func() { saved <- saves.SaveCall(ctx, c) }()
				<-slow.comes
				go func() { done <- row.do(c) }()
				select {
				case err := <-done: // it came first, or was told to
					done <- err
				case <-time.After(300 * time.Millisecond): // it waits for its turn
				}
				for going := true; going; {
					select {
					case slow.goOn <- struct{}{}:
					case <-slow.comes: // it writes again what has changed meanwhile
					case err := <-saved:
						must(t, err)
						going = false
					}
				}
				must(t, <-done)
				file := fileOf(t, store, c.ID)
				known, err := both[1].index.Call(ctx, c.ID)
				must(t, err)
				if !row.want(file) {
					t.Errorf("the file says: %s, %d holds, %d marks", file.State, len(file.Holds), len(file.Marks))
				}
				same(t, "state in file and index", file.State, known.State)
				same(t, "holds in file and index", len(file.Holds), len(known.Holds))
				same(t, "marks in file and index", len(file.Marks), len(known.Marks))
			})
		}
	})
}

// TestSaveWithoutIndex: where the index is away a call's file is written all the
// same, and what its file said of holds stays.
func TestSaveWithoutIndex(t *testing.T) {
	h := open(t)
	c := stored()
	must(t, h.SaveCall(t.Context(), c))
	_, err := h.Hold(t.Context(), earshot.Hold{Call: c.ID, By: "eve", Reason: "投诉"})
	must(t, err)
	must(t, h.index.Close())
	c.Number, c.Holds = "13800138000", nil
	if err := h.SaveCall(context.WithoutCancel(t.Context()), c); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("there is no index: %v", err)
	}
	if got := fileOf(t, h.files, c.ID); got.Number != c.Number || len(got.Holds) != 1 {
		t.Errorf("number %q, holds %v", got.Number, got.Holds)
	}
}
