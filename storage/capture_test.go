package storage_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage"
)

// A day's verification, from what is on the shelf, in the index and said.
func TestCapture(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	must(t, h.index.CreateBranch(ctx, earshot.Branch{ID: "east", Name: "城东"}))
	must(t, h.index.CreateBranch(ctx, earshot.Branch{ID: "hall", Name: "营业厅", Parent: "east"}))
	must(t, h.index.CreateBranch(ctx, earshot.Branch{ID: "west", Name: "城西"}))
	for seat, branch := range map[string]string{"s1": "hall", "s2": "hall", "s3": "west"} {
		must(t, h.index.CreateSeat(ctx, earshot.Seat{ID: seat, Name: seat, Branch: branch, Kind: earshot.Counter, Cut: earshot.CutEvent}))
	}
	long := time.Duration(0)
	call := func(seat string, agent, customer byte, flags ...earshot.Flag) earshot.Call {
		t.Helper()
		long -= 3 * time.Minute
		c := stored()
		c.ID, c.Seat = earshot.NewID(start.Add(long)), seat
		c.StartedAt, c.EndedAt, c.Flags = earshot.At(start.Add(long)), earshot.At(start.Add(long+time.Minute)), flags
		h.addPart(t, &c, 0, []byte("audio"))
		must(t, h.files.WriteWhole(earshot.LevelsFile(c.ID, 1), levels.Append(nil, []byte{agent}, []byte{customer})))
		must(t, h.SaveCall(ctx, c))
		return c
	}
	fine := call("s1", 30, 30)
	silent := call("s1", 60, 255, earshot.FlagSilence)
	call("s1", 30, 30, earshot.FlagSilence) // a pause in it, but somebody speaks
	gone := call("s2", 30, 30)
	short := call("s2", 30, 30, earshot.FlagOneSided) // cut short: the graver of the two is said
	must(t, h.files.Remove(gone.Parts[0].File))
	must(t, h.files.WriteWhole(short.Parts[0].File, []byte("aud")))
	must(t, h.Announce(ctx, earshot.Announcement{Seat: "s1", Ref: fine.ID, At: fine.StartedAt, Source: "seat:s1"}))
	must(t, h.Announce(ctx, earshot.Announcement{Seat: "s3", Ref: "pbx-1", At: fine.StartedAt, DurationMs: 60_000, Source: "pbx"}))
	must(t, h.AddSoundCheck(ctx, earshot.SoundCheck{Seat: "s3", At: fine.StartedAt, Result: earshot.SoundOK}))

	query := storage.CaptureQuery{From: start, To: start, Zone: time.UTC}
	all, err := h.Capture(ctx, query)
	must(t, err)
	type row [6]int // announced, calls, missing, damaged, silent, problems
	got := map[string]row{}
	order := ""
	for _, r := range all.Rows {
		got[r.Seat+"@"+r.Branch] = row{r.Announced, r.Calls, r.Missing, r.Damaged, r.Silent, r.Problems}
		order += r.Seat + " "
	}
	same(t, "rows", len(got), 3)
	same(t, "s1", got["s1@hall"], row{1, 3, 0, 0, 1, 1})
	same(t, "s2", got["s2@hall"], row{0, 2, 0, 2, 0, 2})
	same(t, "s3", got["s3@west"], row{1, 0, 1, 0, 0, 1})
	same(t, "the missing one first", order, "s3 s2 s1 ")
	same(t, "sums", []int{all.Totals.Announced, all.Totals.Calls, all.Totals.Missing, all.Totals.Problems}, []int{2, 5, 1, 4})
	kinds := ""
	for _, f := range all.Findings {
		kinds += string(f.Kind) + " "
	}
	same(t, "findings", kinds, "missing damaged damaged silent ")
	same(t, "the silent one", all.Findings[3].Call, silent.ID)
	same(t, "files looked at", all.FilesFrom, "2026-11-21")

	ask := func(change func(*storage.CaptureQuery)) earshot.Capture {
		t.Helper()
		q := query
		change(&q)
		c, err := h.Capture(ctx, q)
		must(t, err)
		return c
	}
	east := ask(func(q *storage.CaptureQuery) { q.Branch = "east" })
	same(t, "a branch with those below", []int{len(east.Rows), east.Totals.Calls, east.Totals.Missing}, []int{2, 5, 0})
	one := ask(func(q *storage.CaptureQuery) { q.Seat = "s3" })
	same(t, "one seat", []int{len(one.Rows), len(one.Findings)}, []int{1, 1})
	damaged := ask(func(q *storage.CaptureQuery) { q.Problem = earshot.CaptureDamaged })
	same(t, "one kind, and the sums of all", []int{len(damaged.Rows), len(damaged.Findings), damaged.Totals.Missing}, []int{1, 2, 1})

	order = ""
	for cursor := ""; ; {
		page := ask(func(q *storage.CaptureQuery) { q.Limit, q.Cursor = 1, cursor })
		order += page.Rows[0].Seat + " "
		for _, f := range page.Findings {
			same(t, "findings of the page's row", f.Seat, page.Rows[0].Seat)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	same(t, "pages", order, "s3 s2 s1 ")

	// A call that comes to the shelf late is missing no more.
	late := stored()
	late.Seat, late.ID, late.StartedAt, late.EndedAt = "s3", earshot.NewID(start.Add(-time.Second)), fine.StartedAt, fine.EndedAt
	h.addPart(t, &late, 0, []byte("audio"))
	must(t, h.SaveCall(ctx, late))
	same(t, "missing", ask(func(*storage.CaptureQuery) {}).Totals.Missing, 0)
}

func TestCaptureRefuses(t *testing.T) {
	h := open(t)
	for code, q := range map[string]storage.CaptureQuery{
		"bad_days":   {From: start, To: start.AddDate(0, 0, -1), Zone: time.UTC},
		"bad_limit":  {From: start, To: start, Zone: time.UTC, Limit: 1001},
		"bad_cursor": {From: start, To: start, Zone: time.UTC, Cursor: "-1"},
	} {
		_, err := h.Capture(t.Context(), q)
		wantCode(t, err, code)
	}
	_, err := h.Capture(t.Context(), storage.CaptureQuery{From: start, To: start.AddDate(0, 0, 92), Zone: time.UTC})
	wantCode(t, err, "bad_days")
}
