package storage_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
)

// FuzzReindexedCall reads calls' files that anything may have happened to. Whatever
// they are, reading ends; what is taken for a call says the same when it is
// written and read again, and the index keeps it, or says why not, and gives it
// back.
func FuzzReindexedCall(f *testing.F) {
	c := stored()
	rich := c
	rich.Agent = &earshot.Agent{ID: "1001", Name: "王芳"}
	rich.Parts = []earshot.Part{{N: 1, File: "a.opus", SHA256: "ab", Clock: []earshot.ClockPoint{{At: c.StartedAt}}}, {N: 2}}
	rich.Gaps = []earshot.Gap{{Side: earshot.SideAgent, EndMs: 5, Cause: earshot.CauseLost}}
	rich.Marks = []earshot.Mark{{ID: "m", Kind: "note", Text: "退费", Shared: true}}
	rich.Tags, rich.Flags = []string{"vip", "vip"}, []earshot.Flag{earshot.FlagGaps}
	rich.Holds = []earshot.Hold{{ID: "h", Call: c.ID, Reason: "r"}}
	gone := rich.Tombstone(earshot.Deletion{At: c.EndedAt, By: "x"})
	for _, seed := range []earshot.Call{c, rich, gone} {
		text, err := json.MarshalIndent(seed, "", " ")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(text[:len(text)/2])
	}
	f.Add([]byte(`{"id":"` + c.ID + `","state":"stored","startedAt":"2026-01-01T00:00:00Z","tags":["\u0000","` + "\xff" + `"]}`))
	f.Add([]byte(`{"id":"` + c.ID + `","state":"deleted","startedAt":"2026-01-01T00:00:00Z","deleted":{}}`))
	f.Add([]byte(`null`))
	ix, err := index.Open(f.Context(), "sqlite:"+filepath.Join(f.TempDir(), "index.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := ix.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		call, err := storage.ParseCallFile(c.ID, text)
		if err != nil {
			return
		}
		again, err := json.Marshal(call)
		if err != nil {
			t.Fatalf("a call that was read cannot be written: %v", err)
		}
		same, err := storage.ParseCallFile(c.ID, again)
		if err != nil {
			t.Fatalf("a call that was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(call, same); diff != "" {
			t.Fatalf("read again it differs:\n%s", diff)
		}
		if err := ix.RestoreCalls(t.Context(), []index.Restored{{Call: call}}); err != nil {
			return
		}
		kept, err := ix.Call(t.Context(), c.ID)
		if errors.Is(err, earshot.ErrNoCall) || err != nil || len(kept.Parts) > 0 && kept.State == "" {
			t.Fatalf("the index does not give back what it took: %v", err)
		}
	})
}
