package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

// analysing is an archive with an analysis over it.
type analysing struct {
	*storage.Archive
	analysis *storage.Analysis
	told     func(index.AnalysisNote) // of the analysis' runs
	files    *files.Store
	index    *index.Index
	now      time.Time
}

// analysings runs test over each engine.
func analysings(t *testing.T, test func(t *testing.T, a *analysing)) {
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/index.db" },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			ix, err := index.Open(t.Context(), url(t))
			must(t, err)
			t.Cleanup(func() { must(t, ix.Close()) })
			store, err := files.Open(t.TempDir(), files.Options{})
			must(t, err)
			t.Cleanup(func() { must(t, store.Close()) })
			a := &analysing{files: store, index: ix, now: start.Add(time.Hour), told: func(index.AnalysisNote) {}}
			a.Archive = storage.New(store, ix, storage.Options{Now: func() time.Time { return a.now }})
			a.analysis = storage.NewAnalysis(storage.AnalysisOptions{
				Archive: a.Archive, Alone: true, Told: func(n index.AnalysisNote) { a.told(n) },
				Now: func() time.Time { return a.now }, Log: slog.New(slog.DiscardHandler),
			})
			test(t, a)
		})
	}
}

// hushed is a hotline's call of a minute in which nobody talks for 40 s.
func (a *analysing) hushed(t *testing.T, after time.Duration, edit func(*earshot.Call)) earshot.Call {
	t.Helper()
	at := start.Add(after)
	c := earshot.Call{ID: earshot.NewID(at), Seat: "s1", Branch: "hall", Kind: earshot.Hotline, Direction: earshot.Inbound,
		State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Minute)), DurationMs: 60_000, Channels: 2, Node: "n"}.Clone()
	c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.Opus), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2,
		DurationMs: 60_000, Bytes: 5, SHA256: "aa", Clock: []earshot.ClockPoint{}}}
	must(t, a.files.WriteWhole(c.Parts[0].File, []byte("audio")))
	if edit != nil {
		edit(&c)
	}
	return c
}

func (a *analysing) withLevels(t *testing.T, c earshot.Call) earshot.Call {
	t.Helper()
	loud, soft := func(n int) []byte { return bytes.Repeat([]byte{25}, n) }, func(n int) []byte { return bytes.Repeat([]byte{70}, n) }
	agent := slices.Concat(loud(100), soft(500))
	customer := slices.Concat(soft(500), loud(100))
	must(t, a.files.WriteWhole(earshot.LevelsFile(c.ID, 1), levels.Append(nil, agent, customer)))
	return c
}

// read is the call as the index has it, which its file must say, too.
func (a *analysing) read(t *testing.T, id string) earshot.Call {
	t.Helper()
	c, err := a.Call(t.Context(), id)
	must(t, err)
	same(t, "the call's file", (&house{Archive: a.Archive, files: a.files}).onDisk(t, id), c)
	return c
}

// run judges anew until it is done.
func (a *analysing) run(t *testing.T, r storage.AnalysisRange) index.AnalysisNote {
	t.Helper()
	note, err := a.analysis.Start(t.Context(), r)
	must(t, err)
	note, err = a.analysis.Finish(t.Context(), note)
	must(t, err)
	return note
}

func silences(c earshot.Call) (marks []earshot.Mark) {
	for _, m := range c.Marks {
		if m.Kind == earshot.MarkSilence {
			marks = append(marks, m)
		}
	}
	return marks
}

func TestCallsAreJudgedAsTheyAreStored(t *testing.T) {
	analysings(t, func(t *testing.T, a *analysing) {
		ctx := t.Context()
		note := earshot.Mark{ID: "note", Kind: earshot.MarkNote, StartMs: 1, EndMs: 2, By: "lina", Text: "x", Shared: true}
		one := a.withLevels(t, a.hushed(t, 0, func(c *earshot.Call) { c.Marks = []earshot.Mark{note} }))
		two := a.withLevels(t, a.hushed(t, time.Minute, nil))
		must(t, a.SaveCall(ctx, one))
		must(t, a.SaveCalls(ctx, []earshot.Call{two}))
		for _, id := range []string{one.ID, two.ID} {
			c := a.read(t, id)
			want := []earshot.Mark{{ID: silences(c)[0].ID, Kind: earshot.MarkSilence, StartMs: 10_000, EndMs: 50_000, Shared: true}}
			same(t, "the silence", silences(c), want)
			if c.Talk == nil || c.Talk.AgentShare != 167 || c.Talk.LongestSilence != 40_000 || !c.Flagged(earshot.FlagSilence) {
				t.Errorf("talk %+v, flags %v", c.Talk, c.Flags)
			}
		}
		before := a.read(t, one.ID)
		if !slices.Contains(before.Marks, note) {
			t.Error("the note is gone")
		}

		_, err := a.AddMark(ctx, one.ID, earshot.Mark{ID: "later", Kind: earshot.MarkBookmark, StartMs: 55_000, EndMs: 55_000, By: "lina"}) // edits judge nothing
		must(t, err)
		same(t, "talk after an edit", a.read(t, one.ID).Talk, before.Talk)

		live := before.Clone() // the seat is back, and the call goes on
		live.State, live.EndedAt, live.DurationMs = earshot.CallLive, earshot.Time{}, 0
		must(t, a.SaveCall(ctx, live))
		if c := a.read(t, one.ID); c.Talk != nil || len(silences(c)) > 0 || c.Flagged(earshot.FlagSilence) || !slices.Contains(c.Marks, note) {
			t.Errorf("a live call is judged: %+v", c)
		}
		live.State, live.EndedAt, live.DurationMs = before.State, before.EndedAt, before.DurationMs
		must(t, a.SaveCall(ctx, live))
		same(t, "talk of the call stored again", a.read(t, one.ID).Talk, before.Talk)
	})
}

func TestThresholdsAndRuns(t *testing.T) {
	analysings(t, func(t *testing.T, a *analysing) {
		ctx := t.Context()
		var calls []earshot.Call
		for i := range 45 { // more than two batches
			c := a.withLevels(t, a.hushed(t, time.Duration(i)*time.Second, nil))
			must(t, a.SaveCall(ctx, c))
			calls = append(calls, c)
		}
		deleted := a.hushed(t, time.Hour, func(c *earshot.Call) { c.State = earshot.CallDeleted })
		must(t, a.SaveCall(ctx, deleted))
		judged := func(now, older, never int64) {
			t.Helper()
			j, err := a.analysis.Judged(ctx)
			must(t, err)
			same(t, "how calls are judged", j, storage.Judged{Now: now, Older: older, Never: never})
		}
		judged(45, 0, 0)

		set := earshot.DefaultThresholds()
		set.Hotline.SilenceMs = 1
		_, err := a.analysis.SetThresholds(ctx, set, "lina")
		wantCode(t, err, "bad_thresholds")
		set.Hotline.SilenceMs = 40_000
		kept, err := a.analysis.SetThresholds(ctx, set, "lina")
		must(t, err)
		same(t, "who set them", kept.By, "lina")
		judged(0, 45, 0)
		if len(silences(a.read(t, calls[0].ID))) != 1 {
			t.Error("a call was judged anew though nobody asked")
		}

		note := a.run(t, storage.AnalysisRange{From: start.Add(30 * time.Second), By: "lina"})
		same(t, "calls of a range", []int64{note.Done, note.Total, note.Changed, note.Failed}, []int64{15, 15, 15, 0})
		note = a.run(t, storage.AnalysisRange{By: "lina"})
		same(t, "the rest", []int64{note.Done, note.Changed}, []int64{30, 30})
		same(t, "its state", note.State, index.AnalysisIdle)
		judged(45, 0, 0)
		c := a.read(t, calls[0].ID)
		if len(silences(c)) != 0 || c.Flagged(earshot.FlagSilence) {
			t.Errorf("the silence is still there: %v %v", c.Marks, c.Flags)
		}
		note = a.run(t, storage.AnalysisRange{All: true})
		same(t, "all once more", []int64{note.Done, note.Changed}, []int64{45, 0})
		same(t, "none left", a.run(t, storage.AnalysisRange{}).Done, int64(0))
		_, err = a.analysis.Start(ctx, storage.AnalysisRange{From: start, To: start})
		wantCode(t, err, "bad_range")
	})
}

func TestRunGoesOnWhereItWas(t *testing.T) {
	analysings(t, func(t *testing.T, a *analysing) {
		const calls, batch = 510, 500
		var all []earshot.Call
		for i := range calls {
			all = append(all, a.withLevels(t, a.hushed(t, time.Duration(i)*time.Second, nil)))
		}
		must(t, a.SaveCalls(t.Context(), all))
		note, err := a.analysis.Start(t.Context(), storage.AnalysisRange{All: true})
		must(t, err)
		cut, stop := context.WithCancel(t.Context())
		a.told = func(n index.AnalysisNote) {
			if n.Done > 0 {
				stop()
			}
		}
		note, err = a.analysis.Finish(cut, note)
		must(t, err)
		same(t, "a run that was cut off", []any{note.State, note.Done}, []any{index.AnalysisStopped, int64(batch)})
		note = a.run(t, storage.AnalysisRange{All: true})
		same(t, "goes on", []any{note.State, note.Done, note.Total}, []any{index.AnalysisIdle, int64(calls), int64(calls)})
		wantCode(t, a.analysis.Stop(t.Context()), "analysis_idle")
	})
}

// TestRunBesideOthers has a run started by one who does no work, and found by one
// who does.
func TestRunBesideOthers(t *testing.T) {
	analysings(t, func(t *testing.T, a *analysing) {
		must(t, a.SaveCall(t.Context(), a.withLevels(t, a.hushed(t, 0, nil))))
		over := make(chan index.AnalysisNote, 1)
		shared := storage.NewAnalysis(storage.AnalysisOptions{
			Archive: a.Archive, Now: func() time.Time { return a.now }, Log: slog.New(slog.DiscardHandler),
			Told: func(n index.AnalysisNote) {
				if n.State == index.AnalysisIdle {
					over <- n
				}
			},
		})
		_, err := shared.Start(t.Context(), storage.AnalysisRange{All: true})
		must(t, err)
		_, err = shared.Start(t.Context(), storage.AnalysisRange{From: start}) // nobody has taken the first up yet
		wantCode(t, err, "analysis_running")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); shared.Run(ctx) }()
		note := <-over
		same(t, "the first run", []any{note.Done, note.All}, []any{int64(1), true})
		cancel()
		<-ended
		_, err = a.index.ChangeAnalysis(t.Context(), func(n *index.AnalysisNote) error { // another node is at work
			n.State, n.BeatAt, n.Run = index.AnalysisRunning, earshot.At(a.now), "other"
			return nil
		})
		must(t, err)
		_, err = shared.Start(t.Context(), storage.AnalysisRange{})
		wantCode(t, err, "analysis_running")
		must(t, shared.Stop(t.Context()))
	})
}

// TestCallsWithoutLevels are found by themselves, measured once, and not looked at
// for ever.
func TestCallsWithoutLevels(t *testing.T) {
	analysings(t, func(t *testing.T, a *analysing) {
		ctx := t.Context()
		damaged := a.hushed(t, 0, func(c *earshot.Call) { c.SetFlag(earshot.FlagLoud) }) // its audio is no Opus
		must(t, a.SaveCall(ctx, damaged))
		begun := a.hushed(t, time.Minute, func(c *earshot.Call) { c.Parts[0].SHA256 = "" })
		must(t, a.SaveCall(ctx, begun))
		lost := a.hushed(t, 2*time.Minute, nil)
		must(t, a.SaveCall(ctx, lost))
		must(t, a.files.Remove(lost.Parts[0].File))
		if _, err := a.files.ReadWhole(earshot.LevelsFile(damaged.ID, 1)); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if c := a.read(t, damaged.ID); c.Talk != nil || !c.Flagged(earshot.FlagLoud) {
			t.Errorf("without levels it is said: %+v %v", c.Talk, c.Flags)
		}
		note := a.run(t, storage.AnalysisRange{})
		same(t, "looked at", []int64{note.Done, note.Untold, note.Failed}, []int64{3, 2, 0})
		j, err := a.analysis.Judged(ctx)
		must(t, err)
		same(t, "how calls are judged", j, storage.Judged{Now: 2, Never: 1})
		if !a.read(t, damaged.ID).Flagged(earshot.FlagLoud) {
			t.Error("a flag is gone of which nothing is known")
		}
		_, err = a.AddMark(ctx, damaged.ID, earshot.Mark{Kind: earshot.MarkNote, By: "lina", Text: "听不到"})
		must(t, err)
		j, err = a.analysis.Judged(ctx)
		must(t, err)
		same(t, "how calls are judged after an edit", j, storage.Judged{Now: 2, Never: 1})
		must(t, a.SaveCall(ctx, a.withLevels(t, begun.Clone()))) // still not complete
		begun.Parts[0].SHA256 = "bb"
		must(t, a.SaveCall(ctx, begun))
		if a.read(t, begun.ID).Talk == nil {
			t.Error("a call whose parts came to be complete is not judged")
		}
	})
}

// TestVerifyHoldsAfterARun: analysis changes no evidence.
func TestVerifyHoldsAfterARun(t *testing.T) {
	a := attack(t)
	c := a.calls[0]
	must(t, a.files.WriteWhole(earshot.LevelsFile(c.ID, 1), levels.Append(nil, bytes.Repeat([]byte{80}, 2000), bytes.Repeat([]byte{80}, 2000))))
	size := a.ledger.Size()
	analysis := storage.NewAnalysis(storage.AnalysisOptions{Archive: a.Archive, Alone: true, Now: func() time.Time { return a.now }, Log: slog.New(slog.DiscardHandler)})
	note, err := analysis.Start(t.Context(), storage.AnalysisRange{All: true})
	must(t, err)
	note, err = analysis.Finish(t.Context(), note)
	must(t, err)
	judged, err := a.Call(t.Context(), c.ID)
	must(t, err)
	if note.Changed != 1 || len(judged.Holds) != 1 || judged.Talk == nil || len(judged.Marks) == 0 {
		t.Errorf("the held call: %+v of %+v", judged, note)
	}
	must(t, a.NotariseOnce(t.Context()))
	same(t, "records of the ledger", a.ledger.Size(), size)
	same(t, "what verify finds", codes(a.verify(t, a.checkpoint)), codes(storage.Verification{}))
}
