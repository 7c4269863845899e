package index_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

const day = 24 * time.Hour

// hold is a hold on what, a call's id or a window of a seat.
func hold(edit func(*earshot.Hold)) earshot.Hold {
	h := earshot.Hold{ID: earshot.NewID(start), Reason: "投诉 T-1", By: "eve", At: earshot.At(start)}
	edit(&h)
	return h
}

func onCall(id string) func(*earshot.Hold) { return func(h *earshot.Hold) { h.Call = id } }

func onSeat(from, to time.Duration) func(*earshot.Hold) {
	return func(h *earshot.Hold) {
		h.Seat, h.From = "seat-1", earshot.At(start.Add(from))
		if to != 0 {
			h.To = earshot.At(start.Add(to))
		}
	}
}

// orders lets calls go a day after their end.
func orders(t *testing.T, ix *index.Index) {
	t.Helper()
	must(t, ix.CreatePolicy(t.Context(), earshot.Policy{ID: "day", Name: "一天", DeleteDays: 1}))
}

var ripe = start.Add(3 * day) // when the calls of the tests may go

func TestHoldsOfACall(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		must(t, ix.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "厅"}))
		must(t, ix.CreateSeat(t.Context(), earshot.Seat{ID: "seat-1", Name: "一", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutEvent}))
		first, second := call(0, nil), call(time.Hour, nil)
		save(t, ix, first, second)
		alone, window := hold(onCall(first.ID)), hold(onSeat(-time.Hour, 30*time.Second))
		open := hold(onSeat(30*time.Minute, 0))
		lapsed := hold(func(h *earshot.Hold) { onCall(second.ID)(h); h.Until = earshot.At(start.Add(time.Hour)) })
		for i, h := range []*earshot.Hold{&alone, &window, &open, &lapsed} {
			h.At = earshot.At(start.Add(time.Duration(i) * time.Second))
			if h == &lapsed {
				h.Until = earshot.At(start.Add(2 * time.Hour))
			}
			must(t, ix.AddHold(t.Context(), *h))
		}
		same(t, "the first's", read(t, ix, first.ID).Holds, []earshot.Hold{alone, window})
		same(t, "the second's", read(t, ix, second.ID).Holds, []earshot.Hold{open, lapsed})
		later := call(2*time.Hour, nil)
		save(t, ix, later)
		same(t, "of a call that came later", read(t, ix, later.ID).Holds, []earshot.Hold{open})
		elsewhere := call(2*time.Hour, func(c *earshot.Call) { c.Seat = "seat-2" })
		save(t, ix, elsewhere)
		same(t, "at another seat", read(t, ix, elsewhere.ID).Holds, []earshot.Hold{})

		released, err := alone.Released(start.Add(time.Minute), "bob", "结案")
		must(t, err)
		must(t, ix.ReleaseHold(t.Context(), released))
		if err := ix.ReleaseHold(t.Context(), released); !errors.Is(err, earshot.ErrReleased) {
			t.Errorf("released twice: %v", err)
		}
		same(t, "after the release", read(t, ix, first.ID).Holds, []earshot.Hold{released, window})

		now := start.Add(3 * time.Hour)
		for what, row := range map[string]struct {
			q    index.HoldQuery
			want []earshot.Hold
		}{
			"all":               {index.HoldQuery{}, []earshot.Hold{lapsed, open, window, released}},
			"active":            {index.HoldQuery{State: index.HoldsActive, Now: now}, []earshot.Hold{open, window}},
			"past":              {index.HoldQuery{State: index.HoldsPast, Now: now}, []earshot.Hold{lapsed, released}},
			"active before":     {index.HoldQuery{State: index.HoldsActive, Now: start.Add(time.Hour)}, []earshot.Hold{lapsed, open, window}},
			"of a call":         {index.HoldQuery{Call: later.ID}, []earshot.Hold{open}},
			"of a call without": {index.HoldQuery{Call: elsewhere.ID}, []earshot.Hold{}},
			"of a seat":         {index.HoldQuery{Seat: "seat-1"}, []earshot.Hold{lapsed, open, window, released}},
			"of another seat":   {index.HoldQuery{Seat: "seat-2"}, []earshot.Hold{}},
		} {
			row.q.Limit = 1
			var got []earshot.Hold
			for {
				page, err := ix.SearchHolds(t.Context(), row.q)
				must(t, err)
				got = append(got, page.Holds...)
				if row.q.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			same(t, what, got, row.want)
		}
		found, err := ix.SearchCalls(t.Context(), index.CallQuery{HeldAt: now})
		must(t, err)
		same(t, "held calls", idsOf(found.Calls), []string{later.ID, second.ID, first.ID})
		found, err = ix.SearchCalls(t.Context(), index.CallQuery{HeldAt: now, To: start.Add(90 * time.Minute), Seats: []string{"seat-1"}, Limit: 1})
		must(t, err)
		same(t, "of some, a page", idsOf(found.Calls), []string{second.ID})
		found, err = ix.SearchCalls(t.Context(), index.CallQuery{HeldAt: now, To: start.Add(90 * time.Minute), Cursor: found.Next})
		must(t, err)
		same(t, "the page after it", idsOf(found.Calls), []string{first.ID})
	})
}

func idsOf(calls []earshot.Call) []string {
	ids := []string{}
	for _, c := range calls {
		ids = append(ids, c.ID)
	}
	return ids
}

func TestHoldsRefused(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		orders(t, ix)
		gone := call(0, nil)
		save(t, ix, gone)
		_, err := ix.DeleteCall(t.Context(), gone.ID, earshot.Deletion{At: earshot.At(ripe)}, ripe)
		must(t, err)
		for what, row := range map[string]struct {
			edit func(*earshot.Hold)
			code string
		}{
			"nothing":           {func(*earshot.Hold) {}, "bad_hold"},
			"no call":           {onCall(earshot.NewID(start)), "no_call"},
			"a deleted call":    {onCall(gone.ID), "deleted"},
			"no seat":           {func(h *earshot.Hold) { h.Seat, h.From = "nowhere", h.At }, "no_seat"},
			"without a reason":  {func(h *earshot.Hold) { onCall(gone.ID)(h); h.Reason = "" }, "bad_reason"},
			"a window reversed": {onSeat(time.Hour, time.Minute), "bad_window"},
		} {
			t.Run(what, func(t *testing.T) {
				wantCode(t, ix.AddHold(t.Context(), hold(row.edit)), row.code)
				wantCode(t, ix.Holdable(t.Context(), hold(row.edit)), row.code)
			})
		}
		// Its calls are there though the seat is not.
		must(t, ix.AddHold(t.Context(), hold(onSeat(0, 0))))
		_, err = ix.Hold(t.Context(), earshot.NewID(start))
		wantCode(t, err, "no_hold")
	})
}

func TestPolicies(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		must(t, ix.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "厅"}))
		p := earshot.Policy{ID: "a", Name: "投诉", Branch: "hall", Kind: earshot.Hotline, Business: "投诉", KeepDays: 3, DeleteDays: 9}
		must(t, ix.CreatePolicy(t.Context(), p))
		wantCode(t, ix.CreatePolicy(t.Context(), p), "exists")
		wantCode(t, ix.CreatePolicy(t.Context(), earshot.Policy{ID: "b", Name: "b", Branch: "nowhere"}), "bad_branch")
		wantCode(t, ix.CreatePolicy(t.Context(), earshot.Policy{ID: "b", Name: "b", KeepDays: 3, DeleteDays: 1}), "bad_days")
		p.KeepDays = 4
		must(t, ix.SavePolicy(t.Context(), p))
		wantCode(t, ix.SavePolicy(t.Context(), earshot.Policy{ID: "none", Name: "x"}), "no_policy")
		must(t, ix.DeleteBranch(t.Context(), "hall"))
		p.Name = "还在"
		must(t, ix.SavePolicy(t.Context(), p)) // its branch may be gone
		got, err := ix.Policies(t.Context())
		must(t, err)
		same(t, "policies", got, []earshot.Policy{p})
		must(t, ix.DeletePolicy(t.Context(), "a"))
		wantCode(t, ix.DeletePolicy(t.Context(), "a"), "no_policy")
	})
}

// What Due finds in SQL is what Decide says of every call.
func TestDueIsWhatDecideSays(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		branches := []earshot.Branch{{ID: "east", Name: "东"}, {ID: "hall", Name: "厅", Parent: "east"}, {ID: "north", Name: "北"}}
		for _, b := range branches {
			must(t, ix.CreateBranch(t.Context(), b))
		}
		policies := []earshot.Policy{
			{ID: "a", Name: "a", Branch: "east", DeleteDays: 10},
			{ID: "b", Name: "b", Kind: earshot.Hotline, KeepDays: 20, DeleteDays: 20},
			{ID: "c", Name: "c", Business: "投诉"},
			{ID: "d", Name: "d", Branch: "north", Business: "查询", DeleteDays: 5},
		}
		for _, p := range policies {
			must(t, ix.CreatePolicy(t.Context(), p))
		}
		var calls []earshot.Call
		for i, branch := range []string{"east", "hall", "north", "gone"} {
			for j, kind := range []earshot.SeatKind{earshot.Counter, earshot.Hotline} {
				for k, business := range []string{"", "投诉", "查询"} {
					for _, age := range []int{0, 4, 5, 9, 10, 11, 19, 20, 21, 300} {
						calls = append(calls, call(-time.Duration(age)*day, func(c *earshot.Call) {
							c.Branch, c.Kind, c.Business, c.Seat = branch, kind, business, fmt.Sprintf("seat-%d", (i+j+k)%3)
							c.Parts = []earshot.Part{{N: 1, File: "f", Bytes: int64(age)}}
						}))
					}
				}
			}
		}
		save(t, ix, calls...)
		window := hold(func(h *earshot.Hold) {
			h.Seat, h.From, h.To = "seat-1", earshot.At(start.Add(-12*day)), earshot.At(start)
		})
		must(t, ix.AddHold(t.Context(), window))

		now := start.Add(2 * time.Minute)
		want := map[string]earshot.Fate{}
		for _, c := range calls {
			if fate := earshot.Decide(c, policies, []earshot.Hold{window}, earshot.Under(branches), now); !fate.DueAt.IsZero() && !now.Before(fate.DueAt.Time) {
				want[c.ID] = fate
			}
		}
		got, cursor, last := map[string]earshot.Fate{}, "", earshot.Time{}
		for {
			page, err := ix.Due(t.Context(), now, cursor, 7)
			must(t, err)
			for _, d := range page.Calls {
				c := read(t, ix, d.ID)
				if c.EndedAt.Before(last.Time) || d.Bytes != c.Parts[0].Bytes {
					t.Fatalf("out of order, or %d bytes: %+v", d.Bytes, c)
				}
				last = c.EndedAt
				got[d.ID] = earshot.Fate{Deletable: d.Hold == "", Policy: d.Policy, Hold: d.Hold, DueAt: d.DueAt}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		same(t, "what is due", got, want)
		held := 0
		for _, fate := range got {
			if fate.Hold != "" {
				held++
			}
		}
		if held == 0 || held == len(got) {
			t.Errorf("%d of %d are held: the test tests nothing", held, len(got))
		}
		_, err := ix.Due(t.Context(), now, "x", 7)
		wantCode(t, err, "bad_cursor")
	})
}

func TestDeleteCall(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		c := full()
		save(t, ix, c)
		d := earshot.Deletion{At: earshot.At(ripe), By: earshot.ByRetention, Reason: "nightly"}
		refused := func(id, code string) {
			t.Helper()
			_, err := ix.DeleteCall(t.Context(), id, d, ripe)
			wantCode(t, err, code)
		}
		refused(earshot.NewID(start), "no_call")
		refused(c.ID, "kept")
		orders(t, ix)
		must(t, ix.AddHold(t.Context(), hold(func(h *earshot.Hold) { onCall(c.ID)(h); h.Until = earshot.At(ripe.Add(time.Hour)) })))
		refused(c.ID, "held")
		live := call(0, func(c *earshot.Call) { c.State, c.EndedAt = earshot.CallLive, earshot.Time{} })
		save(t, ix, live)
		refused(live.ID, "live")
		same(t, "the call refused", read(t, ix, c.ID).State, earshot.CallStored)
		buried(t, ix, c, d)
	})
}

// buried deletes c when its hold has lapsed, and looks at what is left.
func buried(t *testing.T, ix *index.Index, c earshot.Call, d earshot.Deletion) {
	t.Helper()
	later := ripe.Add(2 * time.Hour)
	tombstone, err := ix.DeleteCall(t.Context(), c.ID, d, later)
	must(t, err)
	d.Policy = "day"
	held := read(t, ix, c.ID)
	want := c.Tombstone(d)
	want.Holds = held.Holds
	same(t, "the tombstone", tombstone, want)
	same(t, "in the index", held, want)
	again, err := ix.DeleteCall(t.Context(), c.ID, earshot.Deletion{Reason: "other"}, later)
	must(t, err)
	same(t, "deleted again", again, want)
	save(t, ix, c)
	same(t, "saved again", read(t, ix, c.ID), want)
	page, err := ix.SearchCalls(t.Context(), index.CallQuery{Words: "王小明"})
	must(t, err)
	same(t, "found by name", idsOf(page.Calls), []string{})
	page, err = ix.SearchCalls(t.Context(), index.CallQuery{States: []earshot.CallState{earshot.CallDeleted}})
	must(t, err)
	same(t, "found by state", page.Calls, []earshot.Call{want})

	left, err := ix.Burials(t.Context(), 10)
	must(t, err)
	same(t, "what is to be finished", left, []index.Burial{{Call: want, Entry: -1}})
	must(t, ix.NoteEntries(t.Context(), index.Noted{From: 0, Size: 3, Deletions: []index.DeletionEntry{{Call: c.ID, Entry: 1}}}))
	b, done, err := ix.Burial(t.Context(), c.ID)
	must(t, err)
	same(t, "its record", b.Entry, int64(1))
	same(t, "done", done, false)
	must(t, ix.Buried(t.Context(), c.ID, later))
	left, err = ix.Burials(t.Context(), 10)
	must(t, err)
	same(t, "what is left to be finished", left, []index.Burial{})
}

// Of a hold and a deletion of one call that come at once one wins, never both
// and never none.
func TestHoldAgainstDeletion(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		orders(t, ix)
		held, deleted := 0, 0
		for i := range 60 {
			c := call(time.Duration(i)*time.Second, nil)
			save(t, ix, c)
			h := hold(onCall(c.ID))
			if i%2 == 0 {
				h = hold(onSeat(time.Duration(i)*time.Second, time.Duration(i)*time.Second+time.Millisecond))
			}
			var holding, deleting error
			var both sync.WaitGroup
			begin := make(chan struct{})
			both.Go(func() {
				<-begin
				time.Sleep(rand.N(2 * time.Millisecond)) // so that each comes first at times
				holding = ix.AddHold(t.Context(), h)
			})
			both.Go(func() {
				<-begin
				time.Sleep(rand.N(2 * time.Millisecond))
				_, deleting = ix.DeleteCall(t.Context(), c.ID, earshot.Deletion{At: earshot.At(ripe)}, ripe)
			})
			close(begin)
			both.Wait()
			state := read(t, ix, c.ID).State
			switch {
			case deleting == nil && state == earshot.CallDeleted && (errors.Is(holding, earshot.ErrDeleted) || h.Seat != ""):
				deleted++ // a window may be held though a call of it is gone already
			case holding == nil && errors.Is(deleting, index.ErrHeld) && state == earshot.CallStored:
				held++
			default:
				t.Fatalf("hold: %v, deletion: %v, the call is %s", holding, deleting, state)
			}
			if h.Seat != "" { // out of the way of the next
				released, err := h.Released(ripe, "x", "x")
				must(t, err)
				must(t, ix.ReleaseHold(t.Context(), released))
			}
		}
		if held == 0 || deleted == 0 {
			t.Errorf("%d held, %d deleted: they never met", held, deleted)
		}
	})
}

func TestRecordsOfParts(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		c := full()
		live := call(time.Minute, func(c *earshot.Call) {
			c.State, c.EndedAt = earshot.CallLive, earshot.Time{}
			c.Parts = []earshot.Part{{N: 1, File: "x", SHA256: "ee"}}
		})
		save(t, ix, c, live)
		waiting := func(want ...index.PendingPart) {
			t.Helper()
			got, err := ix.PendingParts(t.Context(), "", 0, 10)
			must(t, err)
			same(t, "parts without a record", got, want)
			n, err := ix.CountPending(t.Context())
			must(t, err)
			same(t, "how many", n, int64(len(want)))
		}
		pending := func(n int) index.PendingPart {
			return index.PendingPart{Call: c.ID, Seat: c.Seat, StartedAt: c.StartedAt, Part: c.Parts[n-1]}
		}
		waiting(pending(1), pending(2))
		behind, err := ix.PendingParts(t.Context(), c.ID, 1, 10)
		must(t, err)
		same(t, "behind the first", behind, []index.PendingPart{pending(2)})

		note := func(from, size int64, parts ...index.PartEntry) {
			t.Helper()
			must(t, ix.NoteEntries(t.Context(), index.Noted{From: from, Size: size, Parts: parts}))
		}
		known := func(want int64) {
			t.Helper()
			got, err := ix.LedgerKnown(t.Context())
			must(t, err)
			same(t, "how far the ledger is known", got, want)
		}
		note(0, 2, index.PartEntry{Call: c.ID, N: 1, SHA256: "ab", Entry: 0}, index.PartEntry{Call: c.ID, N: 2, SHA256: "another", Entry: 1})
		known(2)
		waiting(pending(2))
		note(5, 6, index.PartEntry{Call: c.ID, N: 2, SHA256: "cd", Entry: 5}) // 2 to 4 are not known
		known(2)
		waiting()
		note(2, 6)
		known(6)
		note(0, 1)
		known(6)

		c.Tags = append(c.Tags, "又")
		save(t, ix, c) // the records stay
		entries, err := ix.PartEntries(t.Context(), c.ID)
		must(t, err)
		same(t, "records", entries, map[int]int64{1: 0, 2: 5})
		c.Parts = c.Parts[1:]
		c.Parts[0].SHA256 = "new"
		save(t, ix, c)
		waiting(index.PendingPart{Call: c.ID, Seat: c.Seat, StartedAt: c.StartedAt, Part: c.Parts[0]})
		same(t, "the parts", read(t, ix, c.ID).Parts, c.Parts)
	})
}

// Holds that only the ledger has are kept, and a release is never undone.
func TestHoldsFromTheLedger(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		c := call(0, nil)
		save(t, ix, c)
		h := hold(onCall(c.ID))
		released, err := h.Released(start.Add(time.Minute), "bob", "结案")
		must(t, err)
		for i, row := range []struct{ told, want earshot.Hold }{{h, h}, {h, h}, {released, released}, {h, released}} {
			must(t, ix.NoteEntries(t.Context(), index.Noted{From: int64(i), Size: int64(i + 1), Holds: []earshot.Hold{row.told}}))
			same(t, "the hold", read(t, ix, c.ID).Holds, []earshot.Hold{row.want})
		}
		must(t, ix.PutHold(t.Context(), h))
		same(t, "put again", read(t, ix, c.ID).Holds, []earshot.Hold{released})
		must(t, ix.AddHold(t.Context(), h)) // as when the notary was faster

		unfiled, err := ix.UnfiledHolds(t.Context(), 10)
		must(t, err)
		same(t, "to be filed", unfiled, []earshot.Hold{released})
		must(t, ix.HoldFiled(t.Context(), h)) // not what it says now
		must(t, ix.HoldFiled(t.Context(), released))
		unfiled, err = ix.UnfiledHolds(t.Context(), 10)
		must(t, err)
		same(t, "left to be filed", unfiled, []earshot.Hold{})
	})
}

func TestRuns(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		first := earshot.RetentionRun{ID: earshot.NewID(start), At: earshot.At(start), Reason: earshot.RetainNightly}
		second := earshot.RetentionRun{ID: earshot.NewID(ripe), At: earshot.At(ripe), Reason: earshot.RetainDiskFull, Failed: 1}
		must(t, ix.SaveRun(t.Context(), first))
		must(t, ix.SaveRun(t.Context(), second))
		first.EndedAt, first.Deleted, first.Bytes = earshot.At(start.Add(time.Minute)), 7, 99
		must(t, ix.SaveRun(t.Context(), first))
		runs, err := ix.Runs(t.Context(), 10)
		must(t, err)
		same(t, "runs", runs, []earshot.RetentionRun{second, first})
		last, err := ix.LastRun(t.Context(), earshot.RetainNightly)
		must(t, err)
		same(t, "the last at night", last, first)
		none, err := ix.LastRun(t.Context(), "never")
		must(t, err)
		same(t, "the last of none", none, earshot.RetentionRun{})
	})
}
