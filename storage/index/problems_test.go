package index_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

func TestProblems(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		at := func(n int) earshot.Time { return earshot.At(start.Add(time.Duration(n) * time.Minute)) }
		found := func(n int, code, call, file, text string) {
			t.Helper()
			must(t, ix.AddProblem(t.Context(), earshot.IntegrityProblem{Code: code, Call: call, File: file, Text: text, FoundAt: at(n)}))
		}
		listed := func(want ...string) []earshot.IntegrityProblem {
			t.Helper()
			open, all, err := ix.OpenProblems(t.Context(), 100)
			must(t, err)
			var texts []string
			for _, p := range open {
				texts = append(texts, p.Text)
			}
			same(t, "open problems", texts, want)
			same(t, "how many", all, int64(len(want)))
			return open
		}
		listed()
		found(0, "altered", "c1", "f1", "first")
		found(1, "altered", "c1", "f2", "other file")
		found(2, "missing", "c1", "f1", "other code")
		found(3, "altered", "c1", "f1", "found once more")
		open := listed("other code", "other file", "found once more")
		same(t, "since when", open[2].FoundAt, at(0))
		newest, all, err := ix.OpenProblems(t.Context(), 1)
		must(t, err)
		same(t, "a page", []any{newest[0].Text, len(newest), all}, []any{"other code", 1, int64(3)})

		_, err = ix.ResolveProblem(t.Context(), open[2].ID, "eve", "", start)
		wantCode(t, err, "bad_reason")
		_, err = ix.ResolveProblem(t.Context(), earshot.NewID(start), "eve", "x", start)
		wantCode(t, err, "no_problem")
		resolved, err := ix.ResolveProblem(t.Context(), open[2].ID, "eve", "从备份恢复", at(4).Time)
		must(t, err)
		want := open[2]
		want.ResolvedAt, want.ResolvedBy, want.Reason = at(4), "eve", "从备份恢复"
		same(t, "resolved", resolved, want)
		_, err = ix.ResolveProblem(t.Context(), open[2].ID, "eve", "x", start)
		wantCode(t, err, "resolved")
		listed("other code", "other file")

		found(5, "altered", "c1", "f1", "again")
		again := listed("again", "other code", "other file")
		if again[0].ID == want.ID {
			t.Error("what is found after it was resolved is the old row")
		}
		past, err := ix.ResolvedProblems(t.Context(), 10)
		must(t, err)
		same(t, "resolved problems", past, []earshot.IntegrityProblem{want})
		of, err := ix.ProblemsOf(t.Context(), "altered", 2)
		must(t, err)
		same(t, "of a code", []string{of[0].Text, of[1].Text}, []string{"again", "other file"})
		for code, want := range map[string]bool{"altered": true, "swapped": false} {
			known, err := ix.KnowsProblem(t.Context(), code, "c1", "f1")
			must(t, err)
			same(t, "knows "+code, known, want)
		}
	})
}

func TestScrubNote(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		note, err := ix.Scrub(t.Context())
		must(t, err)
		same(t, "before the first", note, index.ScrubNote{})
		note.Cursor, note.Bytes, note.StartedAt = "c", 1<<40, earshot.At(start)
		must(t, ix.SaveScrub(t.Context(), note))
		note.Running = true
		must(t, ix.SaveScrub(t.Context(), note))
		kept, err := ix.Scrub(t.Context())
		must(t, err)
		same(t, "kept", kept, note)
	})
}

func TestWhatIsScrubbed(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		part := func(n int, bytes int64, sum string) earshot.Part {
			return earshot.Part{N: n, File: sum, Track: earshot.TrackMixed, Codec: earshot.Opus, Channels: 1, Bytes: bytes, SHA256: sum}
		}
		n, err := ix.StoredBytes(t.Context())
		must(t, err)
		same(t, "bytes of nothing", n, int64(0))
		first := call(0, func(c *earshot.Call) { c.Parts = []earshot.Part{part(1, 3<<30, "aa"), part(2, 10, "bb")} })
		second := call(time.Hour, func(c *earshot.Call) { c.State = earshot.CallLive; c.Parts = []earshot.Part{part(1, 5, "cc")} })
		third := call(2*time.Hour, func(c *earshot.Call) { c.Parts = []earshot.Part{part(1, 7, "dd")} })
		save(t, ix, third, first, second)
		n, err = ix.StoredBytes(t.Context())
		must(t, err)
		same(t, "stored bytes", n, int64(3<<30+17))
		var ids []string
		for after := ""; ; after = ids[len(ids)-1] {
			calls, err := ix.CallsBehind(t.Context(), after, 2)
			must(t, err)
			if len(calls) == 0 {
				break
			}
			for _, c := range calls {
				ids = append(ids, c.ID)
			}
		}
		same(t, "in order", ids, []string{first.ID, second.ID, third.ID})
		id, nth, ok, err := ix.PartWithHash(t.Context(), "bb")
		must(t, err)
		same(t, "whose hash it is", []any{id, nth, ok}, []any{first.ID, 2, true})
		_, _, ok, err = ix.PartWithHash(t.Context(), "ee")
		must(t, err)
		same(t, "nobody's", ok, false)
	})
}
