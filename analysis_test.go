package earshot_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"earshot"
)

// steps are levels, each for so many steps.
func steps(pairs ...int) []byte {
	out := []byte{}
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, bytes.Repeat([]byte{byte(pairs[i])}, pairs[i+1])...)
	}
	return out
}

// talks is a voice at a usual 25 that is heard in some spans of steps, from and
// to by turns, of n steps.
func talks(n int, spans ...int) []byte { return talksAt(25, n, spans...) }

func talksAt(level byte, n int, spans ...int) []byte {
	out := bytes.Repeat([]byte{70}, n)
	for i := 0; i < len(spans); i += 2 {
		for at := spans[i]; at < spans[i+1]; at++ {
			out[at] = level
		}
	}
	return out
}

// with lays a level over steps.
func with(steps []byte, level byte, from, to int) []byte {
	out := slices.Clone(steps)
	for i := from; i < to; i++ {
		out[i] = level
	}
	return out
}

const gap = earshot.LevelGap

var analysed = time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)

// conversation is a hotline's call of those parts.
func conversation(ms int64, tracks ...earshot.TrackKind) earshot.Call {
	c := earshot.Call{ID: "0193f1a2-0000-7000-8000-000000000001", Kind: earshot.Hotline, State: earshot.CallStored,
		StartedAt: earshot.At(analysed), DurationMs: ms, Channels: 1, Marks: []earshot.Mark{}, Flags: []earshot.Flag{}}
	for i, track := range tracks {
		c.Parts = append(c.Parts, earshot.Part{N: i + 1, Track: track})
		if track == earshot.TrackBoth {
			c.Channels = 2
		}
	}
	return c
}

func alert(kind earshot.MarkKind, side earshot.Side, startMs, endMs int64) earshot.Mark {
	return earshot.Mark{Kind: kind, Side: side, StartMs: startMs, EndMs: endMs, Shared: true}
}

func TestJudge(t *testing.T) {
	const A, C = earshot.SideAgent, earshot.SideCustomer
	type rows = []earshot.Mark
	for _, row := range []struct {
		name            string
		agent, customer []byte
		tracks          []earshot.TrackKind // both
		ms              int64               // as long as the levels
		edit            func(*earshot.Thresholds)
		talk            *earshot.Talk
		marks           rows
	}{
		{name: "taking turns", agent: talks(600, 0, 300), customer: talks(600, 300, 600),
			talk: &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "pauses between words belong to a turn, longer ones do not", agent: talks(100, 0, 20, 25, 50, 56, 80), customer: talks(100, 90, 100),
			talk: &earshot.Talk{AgentShare: 740, CustomerShare: 100, SilenceShare: 160, LongestMonologue: 8_000, LongestMonologist: A, LongestSilence: 1_000}},
		{name: "a click is no word", agent: talks(200, 0, 50, 100, 102, 150, 200), customer: talks(200, 120, 123),
			talk: &earshot.Talk{AgentShare: 500, CustomerShare: 15, SilenceShare: 485, LongestMonologue: 5_000, LongestMonologist: A, LongestSilence: 7_000}},
		{name: "silence as long as its threshold", agent: talks(400, 0, 50, 350, 400), customer: talks(400, 40, 50),
			talk: &earshot.Talk{AgentShare: 250, CustomerShare: 25, SilenceShare: 750, OvertalkShare: 25, Interruptions: 1, LongestMonologue: 5_000, LongestMonologist: A, LongestSilence: 30_000}},
		{name: "silence longer than its threshold", agent: talks(401, 0, 50, 351, 401), customer: talks(401, 40, 43),
			talk:  &earshot.Talk{AgentShare: 249, CustomerShare: 7, SilenceShare: 751, OvertalkShare: 7, LongestMonologue: 5_000, LongestMonologist: A, LongestSilence: 30_100},
			marks: rows{alert(earshot.MarkSilence, "", 5_000, 35_100)}},
		{name: "a gap is no silence", agent: with(talks(401, 0, 50, 351, 401), gap, 200, 210), customer: with(talks(401, 40, 43), gap, 200, 210),
			talk: &earshot.Talk{AgentShare: 256, CustomerShare: 8, SilenceShare: 744, OvertalkShare: 8, LongestMonologue: 5_000, LongestMonologist: A, LongestSilence: 15_000}},
		{name: "a gap of one side is not known to be silence", agent: talks(401, 0, 50, 351, 401), customer: with(talks(401, 40, 43), gap, 200, 210),
			talk: &earshot.Talk{AgentShare: 256, CustomerShare: 8, SilenceShare: 744, OvertalkShare: 8, LongestMonologue: 5_000, LongestMonologist: A, LongestSilence: 15_000}},
		{name: "the wait for the end of a call", agent: talks(700, 0, 50, 60, 100), customer: talks(700, 50, 60),
			talk: &earshot.Talk{AgentShare: 900, CustomerShare: 100, LongestMonologue: 5_000, LongestMonologist: A}},
		{name: "silence after the last word for longer than the wait", agent: talks(1100, 0, 50, 60, 100), customer: talks(1100, 50, 60),
			talk:  &earshot.Talk{AgentShare: 180, CustomerShare: 20, SilenceShare: 800, LongestMonologue: 5_000, LongestMonologist: A, LongestSilence: 40_000},
			marks: rows{alert(earshot.MarkSilence, "", 10_000, 50_000)}},
		{name: "nobody at all", agent: talks(310), customer: talks(310),
			talk:  &earshot.Talk{SilenceShare: 1000, LongestSilence: 31_000},
			marks: rows{alert(earshot.MarkSilence, "", 0, 31_000)}},
		{name: "both at once, for as long as may be", agent: talks(300, 0, 150), customer: talks(300, 100, 300),
			talk: &earshot.Talk{AgentShare: 500, CustomerShare: 667, OvertalkShare: 167, Interruptions: 1, LongestMonologue: 20_000, LongestMonologist: C}},
		{name: "both at once for longer", agent: talks(300, 0, 151), customer: talks(300, 100, 300),
			talk:  &earshot.Talk{AgentShare: 503, CustomerShare: 667, OvertalkShare: 170, Interruptions: 1, LongestMonologue: 20_000, LongestMonologist: C},
			marks: rows{alert(earshot.MarkOvertalk, "", 10_000, 15_100)}},
		{name: "both at once, with breath in between", agent: talks(300, 0, 130, 138, 170), customer: talks(300, 100, 300),
			talk:  &earshot.Talk{AgentShare: 540, CustomerShare: 667, OvertalkShare: 207, Interruptions: 2, LongestMonologue: 16_200, LongestMonologist: C},
			marks: rows{alert(earshot.MarkOvertalk, "", 10_000, 17_000)}},
		{name: "listening aloud interrupts nobody", agent: talks(300, 0, 300), customer: talks(300, 50, 56, 100, 109, 200, 209),
			talk: &earshot.Talk{AgentShare: 1000, CustomerShare: 80, OvertalkShare: 80, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "an interruption ends a monologue", agent: talks(300, 0, 300), customer: talks(300, 100, 120),
			talk: &earshot.Talk{AgentShare: 1000, CustomerShare: 67, OvertalkShare: 67, Interruptions: 1, LongestMonologue: 20_000, LongestMonologist: A}},
		{name: "thinking does not end a monologue", agent: talks(300, 0, 100, 120, 200, 221, 250), customer: talks(300, 260, 300),
			talk: &earshot.Talk{AgentShare: 697, CustomerShare: 133, SilenceShare: 170, LongestMonologue: 20_000, LongestMonologist: A, LongestSilence: 2_100}},
		{name: "what bleeds into a microphone is nobody's", agent: talks(300, 0, 200), customer: with(talksAt(30, 300, 200, 300), 41, 0, 200),
			talk: &earshot.Talk{AgentShare: 667, CustomerShare: 333, LongestMonologue: 20_000, LongestMonologist: A}},
		{name: "a quiet line that talks at once is no bleed", agent: talks(300, 0, 200), customer: talksAt(42, 300, 100, 300),
			talk:  &earshot.Talk{AgentShare: 667, CustomerShare: 667, OvertalkShare: 333, Interruptions: 1, LongestMonologue: 20_000, LongestMonologist: C},
			marks: rows{alert(earshot.MarkOvertalk, "", 10_000, 20_000)}},
		{name: "a side that never speaks", agent: talks(300, 0, 200, 210, 300), customer: talks(300),
			talk:  &earshot.Talk{AgentShare: 967, SilenceShare: 33, LongestMonologue: 30_000, LongestMonologist: A, LongestSilence: 1_000},
			marks: rows{alert(earshot.MarkOneSided, C, 0, 30_000)}},
		{name: "a side in whose microphone the other is heard never speaks", agent: with(talks(300), 45-4, 0, 200), customer: talks(300, 0, 200),
			talk:  &earshot.Talk{CustomerShare: 1000, LongestMonologue: 20_000, LongestMonologist: C},
			marks: rows{alert(earshot.MarkOneSided, A, 0, 30_000)}, ms: 30_000},
		{name: "too little is said to miss the other", agent: talks(300, 0, 20), customer: talks(300),
			talk: &earshot.Talk{AgentShare: 1000, LongestMonologue: 2_000, LongestMonologist: A}},
		{name: "of a side without audio nothing is said", agent: talks(300, 0, 300), customer: steps(gap, 300),
			talk: &earshot.Talk{AgentShare: 1000, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "a raised voice", agent: with(with(talks(600, 0, 300), 14, 100, 116), 12, 250, 265), customer: talks(600, 300, 600),
			talk:  &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A},
			marks: rows{alert(earshot.MarkLoud, A, 10_000, 11_600)}},
		{name: "a voice raised word by word", agent: talks(600, 0, 300), customer: with(with(talks(600, 300, 600), 10, 400, 409), 10, 418, 427),
			talk:  &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A},
			marks: rows{alert(earshot.MarkLoud, C, 40_000, 42_700)}},
		{name: "a loud microphone is no raised voice", agent: talksAt(6, 600, 0, 300), customer: talks(600, 300, 600),
			talk: &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "a quiet microphone raised is still quiet", agent: with(talksAt(40, 600, 0, 300), 22, 100, 150), customer: talks(600, 300, 600),
			talk: &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "who says little has no usual voice", agent: with(talks(600, 0, 49), 8, 20, 40), customer: talks(600, 49, 600),
			talk: &earshot.Talk{AgentShare: 82, CustomerShare: 918, LongestMonologue: 55_100, LongestMonologist: C}},
		{name: "a mixed channel", agent: with(talks(600, 0, 200, 550, 600), 8, 100, 150), customer: steps(gap, 600), tracks: []earshot.TrackKind{earshot.TrackMixed},
			talk:  &earshot.Talk{Mixed: true, SilenceShare: 583, LongestSilence: 35_000},
			marks: rows{alert(earshot.MarkSilence, "", 20_000, 55_000)}},
		{name: "a device with one side", agent: steps(gap, 600), customer: talks(600, 0, 600), tracks: []earshot.TrackKind{earshot.TrackCustomer},
			talk: &earshot.Talk{CustomerShare: 1000, LongestMonologue: 60_000, LongestMonologist: C}},
		{name: "two devices with a side each", agent: talks(600, 0, 300), customer: talks(600, 300, 600),
			tracks: []earshot.TrackKind{earshot.TrackAgent, earshot.TrackCustomer},
			talk:   &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "the helper is not part of it", agent: talks(600, 0, 300), customer: talks(600, 300, 600),
			tracks: []earshot.TrackKind{earshot.TrackBoth, earshot.TrackHelper},
			talk:   &earshot.Talk{AgentShare: 500, CustomerShare: 500, LongestMonologue: 30_000, LongestMonologist: A}},
		{name: "a part without sides among others", agent: talks(600, 0, 300), customer: talks(600, 300, 600),
			tracks: []earshot.TrackKind{earshot.TrackBoth, earshot.TrackMixed},
			talk:   &earshot.Talk{Mixed: true}},
		{name: "marks end with the call", agent: talks(320), customer: talks(320), ms: 31_950,
			talk:  &earshot.Talk{SilenceShare: 1000, LongestSilence: 32_000},
			marks: rows{alert(earshot.MarkSilence, "", 0, 31_950)}},
		{name: "other thresholds", agent: talks(100, 0, 40, 71, 100), customer: talksAt(40, 100, 0, 100), edit: func(t *earshot.Thresholds) { t.SilenceMs, t.SpeechDBov = 3_000, -40 },
			talk:  &earshot.Talk{AgentShare: 690, SilenceShare: 310, LongestMonologue: 4_000, LongestMonologist: A, LongestSilence: 3_100},
			marks: rows{alert(earshot.MarkOneSided, C, 0, 10_000), alert(earshot.MarkSilence, "", 4_000, 7_100)}},
		{name: "nothing but gaps", agent: steps(gap, 100), customer: steps(gap, 100)},
		{name: "no levels"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.tracks == nil {
				row.tracks = []earshot.TrackKind{earshot.TrackBoth}
			}
			ms := int64(max(len(row.agent), len(row.customer))) * earshot.LevelStepMs
			if row.ms != 0 {
				ms = row.ms
			}
			thresholds := earshot.DefaultThresholds().Hotline
			if row.edit != nil {
				row.edit(&thresholds)
			}
			call := conversation(ms, row.tracks...)
			call.Judge(earshot.Levels{StepMs: 100, Agent: row.agent, Customer: row.customer}, thresholds)
			if row.talk != nil {
				row.talk.Judged = thresholds.Fingerprint(earshot.Hotline)
			}
			if diff := cmp.Diff(row.talk, call.Talk); diff != "" {
				t.Errorf("talk (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(row.marks, call.Marks, cmpopts.IgnoreFields(earshot.Mark{}, "ID"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("marks (-want +got)\n%s", diff)
			}
			for _, flag := range []earshot.Flag{earshot.FlagSilence, earshot.FlagOvertalk, earshot.FlagLoud, earshot.FlagOneSided} {
				due := slices.ContainsFunc(row.marks, func(m earshot.Mark) bool { return m.Kind == earshot.MarkKind(flag) })
				if call.Flagged(flag) != due {
					t.Errorf("flag %s is %v", flag, !due)
				}
			}
		})
	}
}
