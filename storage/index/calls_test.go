package index_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// full is a call with something in every field.
func full() earshot.Call {
	return call(0, func(c *earshot.Call) {
		c.Agent = &earshot.Agent{ID: "A0017", Name: "王小明"}
		c.Kind, c.Direction, c.Number = earshot.Hotline, earshot.Inbound, "13800001234"
		c.Account, c.Ticket, c.Business, c.Rating = "330100998877", "T-2026-1", "过户", 4
		c.Parts = []earshot.Part{
			{N: 1, File: earshot.PartFile(c.ID, 1, earshot.Opus), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2,
				StartMs: 0, DurationMs: 30000, Bytes: 12345, SHA256: "ab", Clock: []earshot.ClockPoint{{FileMs: 0, At: c.StartedAt}}},
			{N: 2, File: earshot.PartFile(c.ID, 2, earshot.PCMA), Track: earshot.TrackAgent, Codec: earshot.PCMA, Channels: 1,
				StartMs: 31000, DurationMs: 29000, Bytes: 99, SHA256: "cd", Clock: []earshot.ClockPoint{}},
		}
		c.Gaps = []earshot.Gap{
			{Side: earshot.SideAgent, StartMs: 30000, EndMs: 31000, Cause: earshot.CauseDisconnected},
			{Side: earshot.SideCustomer, StartMs: 100, EndMs: 140, Cause: earshot.CauseLost},
		}
		c.Marks = []earshot.Mark{
			{ID: "m1", Kind: earshot.MarkNote, Side: earshot.SideAgent, StartMs: 5, EndMs: 10, By: "inspector", Text: "语气 \"不耐烦\" '; DROP TABLE calls;--", Shared: true},
			{ID: "m2", Kind: earshot.MarkBookmark, StartMs: 7, EndMs: 7, By: "admin", Text: "🙂"},
		}
		c.Tags = []string{"投诉", "vip", "a'b\"c\\d?e"}
		c.Flags = []earshot.Flag{earshot.FlagGaps, earshot.FlagLoud}
		c.Talk = &earshot.Talk{AgentShare: 512, CustomerShare: 300, SilenceShare: 200, OvertalkShare: 12, Interruptions: 3,
			LongestMonologue: 61_000, LongestMonologist: earshot.SideCustomer, LongestSilence: 9_100, Judged: "0f1e2d3c4b5a"}
		c.Origin = &earshot.Origin{Batch: "batch-1", Path: "2019/03 月/\"王\".mp3", At: earshot.At(start), By: "admin",
			Remarks: []string{"no_waveform"}}
	})
}

func TestSaveCallKeepsEverything(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		want := full()
		save(t, ix, want, want)
		same(t, "the call", read(t, ix, want.ID), want)

		less := call(0, func(c *earshot.Call) { c.ID = want.ID })
		save(t, ix, less)
		same(t, "the call replaced", read(t, ix, want.ID), less)
		must(t, ix.RestoreCalls(t.Context(), []index.Restored{{Call: want}}))
		same(t, "the call put back", read(t, ix, want.ID), want)
		must(t, ix.RestoreCalls(t.Context(), []index.Restored{{Call: less}}))
		same(t, "the call put back without talk and origin", read(t, ix, want.ID), less)
		_, err := ix.Call(t.Context(), earshot.NewID(start))
		wantCode(t, err, "no_call")
		wantCode(t, ix.SaveCall(t.Context(), earshot.Call{ID: "../../etc"}), "bad_call")
	})
}

func TestDeletedCallStaysDeleted(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		c := full()
		gone := c.Clone()
		gone.State, gone.Parts = earshot.CallDeleted, nil
		save(t, ix, c, gone, c)
		same(t, "the call", read(t, ix, c.ID), gone)
		page, err := ix.SearchCalls(t.Context(), index.CallQuery{})
		must(t, err)
		same(t, "what a search finds", page.Calls, []earshot.Call{})
	})
}

func TestOpenCalls(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		interrupted := func(c *earshot.Call) { c.SetFlag(earshot.FlagInterrupted) }
		now := start.Add(time.Hour)
		old := call(0, func(c *earshot.Call) { c.State = earshot.CallLive; c.EndedAt = earshot.Time{} })
		recent := call(time.Minute, func(c *earshot.Call) { interrupted(c); c.EndedAt = earshot.At(now.Add(-60 * time.Second)) })
		save(t, ix, recent, old,
			call(2*time.Minute, func(c *earshot.Call) { interrupted(c); c.EndedAt = earshot.At(now.Add(-61 * time.Second)) }),
			call(3*time.Minute, func(c *earshot.Call) { c.EndedAt = earshot.At(now) }),
			call(4*time.Minute, func(c *earshot.Call) { c.State = earshot.CallLive; c.Node = "node-b" }),
			call(5*time.Minute, func(c *earshot.Call) {
				interrupted(c)
				c.State, c.EndedAt = earshot.CallDeleted, earshot.At(now)
			}))
		got, err := ix.OpenCalls(t.Context(), "node-a", now)
		must(t, err)
		same(t, "open calls", got, []earshot.Call{old, recent})
		got, err = ix.OpenCalls(t.Context(), "nobody", now)
		must(t, err)
		same(t, "open calls of an unknown node", got, []earshot.Call{})
	})
}
