package index_test

import (
	"fmt"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// What the index knows of a day, put together as verification needs it.
func TestCaptureFacts(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		day := earshot.Days(start, start, time.UTC)[0]
		made := 0
		call := func(seat string, after time.Duration, change func(*earshot.Call)) earshot.Call {
			t.Helper()
			made++
			at := day.From.Add(8*time.Hour + after)
			c := earshot.Call{ID: earshot.NewID(at.Add(time.Duration(made) * time.Millisecond)), Seat: seat, Branch: "hall", Kind: earshot.Counter,
				Direction: earshot.NoDirection, State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Minute)),
				DurationMs: 60_000, Channels: 2, Node: "n1",
				Parts: []earshot.Part{{N: 1, File: fmt.Sprintf("f%d.opus", made), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2, DurationMs: 60_000, Bytes: 77, SHA256: "ab"}}}
			if change != nil {
				change(&c)
			}
			must(t, ix.SaveCall(ctx, c))
			return c
		}
		fine := call("s1", 0, nil)
		gappy := call("s1", 10*time.Minute, func(c *earshot.Call) {
			c.Flags = []earshot.Flag{earshot.FlagGaps, earshot.FlagOneSided}
			c.Gaps = []earshot.Gap{{Side: earshot.SideAgent, StartMs: 0, EndMs: 5000, Cause: earshot.CauseLost},
				{Side: earshot.SideCustomer, StartMs: 0, EndMs: 5000, Cause: earshot.CauseStalled},
				{Side: earshot.SideCustomer, StartMs: 7000, EndMs: 14_000, Cause: earshot.CauseDisconnected},
				{Side: earshot.SideAgent, StartMs: 7000, EndMs: 50_000, Cause: earshot.CausePaused}}
		})
		empty := call("s2", 0, func(c *earshot.Call) {
			c.Parts, c.Flags = nil, []earshot.Flag{earshot.FlagGaps}
			c.Gaps = []earshot.Gap{{Side: earshot.SideAgent, EndMs: 60_000, Cause: earshot.CauseDisconnected}}
		})
		live := call("s2", time.Hour, func(c *earshot.Call) {
			c.State, c.EndedAt, c.DurationMs, c.Parts = earshot.CallLive, earshot.Time{}, 0, nil
		})
		still := call("s3", 0, nil)
		must(t, ix.MarkUnheard(ctx, still.ID, still.StartedAt.Time, true))
		must(t, ix.MarkUnheard(ctx, fine.ID, fine.StartedAt.Time, true))
		must(t, ix.MarkUnheard(ctx, fine.ID, fine.StartedAt.Time, false))
		call("s1", 24*time.Hour, func(c *earshot.Call) { c.Flags = []earshot.Flag{earshot.FlagDamaged} }) // another day's

		announce := func(seat, ref string, at time.Time) {
			must(t, ix.Announce(ctx, earshot.Announcement{Seat: seat, Ref: ref, At: earshot.At(at), Source: "seat:" + seat}))
		}
		announce("s1", fine.ID, fine.StartedAt.Time)
		announce("s2", empty.ID, empty.StartedAt.Time)
		announce("s2", live.ID, live.StartedAt.Time)
		announce("s4", "pbx-1", day.From.Add(time.Hour))
		announce("s4", "pbx-1", day.From.Add(2*time.Hour)) // the later word counts
		near := call("s4", 0, nil)
		announce("s4", "pbx-2", near.StartedAt.Time)
		announce("s4", "pbx-9", day.To.Add(time.Hour)) // another day's

		span := earshot.StreamSpan{ID: "st-1", Seat: "s5", Node: "n1", Sides: []earshot.Side{earshot.SideAgent, earshot.SideCustomer},
			Since: earshot.At(day.From.Add(-10 * time.Minute)), Until: earshot.At(day.From.Add(time.Minute)), Packets: 5}
		must(t, ix.SaveStreams(ctx, []earshot.StreamSpan{span}))
		span.Packets, span.SpokeMs, span.OutsideMs, span.OutsideAt, span.DeadMic, span.Bleed = 9, 7000, 6000, earshot.At(day.From.Add(30*time.Second)), earshot.SideCustomer, true
		gone := span
		gone.ID, gone.Until = "st-0", earshot.At(day.From.Add(-time.Second))
		must(t, ix.SaveStreams(ctx, []earshot.StreamSpan{span, gone}))
		check := earshot.SoundCheck{ID: earshot.NewID(day.From), Seat: "s5", At: earshot.At(day.From.Add(time.Hour)), Result: earshot.SoundSwapped, AgentDBov: 60, CustomerDBov: 20}
		must(t, ix.AddSoundCheck(ctx, check))

		now := live.StartedAt.Add(time.Hour)
		facts, err := ix.CaptureFacts(ctx, day.From, day.To, "", now, 30*time.Second)
		must(t, err)
		bySeat := map[string]earshot.SeatCalls{}
		for _, c := range facts.Calls {
			bySeat[c.Seat] = c
		}
		same(t, "figures", bySeat, map[string]earshot.SeatCalls{
			"s1": {Seat: "s1", Branch: "hall", Calls: 2, Stored: 2, TalkMs: 120_000}, "s2": {Seat: "s2", Branch: "hall", Calls: 2, Stored: 1, TalkMs: 60_000},
			"s3": {Seat: "s3", Branch: "hall", Calls: 1, Stored: 1, TalkMs: 60_000}, "s4": {Seat: "s4", Branch: "hall", Calls: 1, Stored: 1, TalkMs: 60_000},
		})
		odd := map[string]earshot.CaptureCall{}
		for _, c := range facts.Odd {
			odd[c.ID] = c
		}
		as := func(c earshot.Call) earshot.CaptureCall {
			return earshot.CaptureCall{ID: c.ID, Seat: c.Seat, State: c.State, StartedAt: c.StartedAt.Time, DurationMs: c.DurationMs, Audio: len(c.Parts) > 0}
		}
		want := map[string]earshot.CaptureCall{}
		for _, c := range []earshot.Call{gappy, empty, live, still} {
			want[c.ID] = as(c)
		}
		g, e, s := want[gappy.ID], want[empty.ID], want[still.ID]
		g.OneSided, g.GapMs, g.GapSide = true, 12_000, earshot.SideCustomer
		e.GapMs, e.GapSide = 60_000, earshot.SideAgent
		s.Unheard = true
		want[gappy.ID], want[empty.ID], want[still.ID] = g, e, s
		same(t, "odd calls", odd, want)
		same(t, "announced", facts.Announced, map[string]int{"s1": 1, "s2": 2, "s4": 2})
		open := map[string]earshot.Time{}
		for _, a := range facts.Open {
			open[a.Ref] = a.At
		}
		same(t, "open", open, map[string]earshot.Time{empty.ID: empty.StartedAt, "pbx-1": earshot.At(day.From.Add(2 * time.Hour)), "pbx-2": near.StartedAt})
		nearIDs := map[string]int64{}
		for _, c := range facts.Near {
			nearIDs[c.ID] = c.DurationMs
		}
		same(t, "near", nearIDs, map[string]int64{near.ID: 60_000, live.ID: 3_600_000})
		same(t, "streams", facts.Streams, []earshot.StreamSpan{span})
		same(t, "sound checks", facts.Checks, []earshot.SoundCheck{check})

		one, err := ix.CaptureFacts(ctx, day.From, day.To, "s1", now, time.Minute)
		must(t, err)
		same(t, "one seat", []int{len(one.Calls), len(one.Odd), len(one.Open), len(one.Streams), len(one.Checks)}, []int{1, 1, 0, 0, 0})
		parts, err := ix.CaptureParts(ctx, day.From, day.To, "s4")
		must(t, err)
		same(t, "parts", parts, []index.CapturePart{{Call: near.ID, File: near.Parts[0].File, Bytes: 77}})
		wantCode(t, ix.Announce(ctx, earshot.Announcement{Seat: "s1", At: earshot.At(start)}), "bad_ref")
	})
}
