package earshot_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"earshot"
)

// TestJudgeLeavesWhatIsNotItsOwn replaces alerts, and nothing else.
func TestJudgeLeavesWhatIsNotItsOwn(t *testing.T) {
	thresholds := earshot.DefaultThresholds().Hotline
	levels := earshot.Levels{StepMs: 100, Agent: talks(900, 0, 50, 400, 450, 850, 900), Customer: talks(900)}
	call := conversation(90_000, earshot.TrackBoth)
	note := earshot.Mark{ID: "note", Kind: earshot.MarkNote, StartMs: 6_000, EndMs: 7_000, By: "lina", Text: "听这里"}
	stray := earshot.Mark{ID: "stray", Kind: earshot.MarkSilence, StartMs: 1, EndMs: 2, By: "lina"} // as nobody can make one
	pause := earshot.Mark{ID: "pause", Kind: earshot.MarkPause, StartMs: 8_000, EndMs: 9_000}
	call.Marks = []earshot.Mark{pause, note, stray}
	call.Flags = []earshot.Flag{earshot.FlagDamaged, earshot.FlagLoud, earshot.FlagShort, earshot.FlagInterrupted}
	call.Tags = []string{"vip"}
	before := call.Clone()

	call.Judge(levels, thresholds)
	if want := []earshot.Flag{earshot.FlagDamaged, earshot.FlagInterrupted, earshot.FlagSilence, earshot.FlagOneSided}; !slices.Equal(call.Flags, want) {
		t.Errorf("flags %v, want %v", call.Flags, want)
	}
	for _, m := range before.Marks {
		if !slices.Contains(call.Marks, m) {
			t.Errorf("the mark %s is gone or changed", m.ID)
		}
	}
	if len(call.Marks) != len(before.Marks)+3 { // two silences, and a side that never speaks
		t.Fatalf("marks %+v", call.Marks)
	}
	again := call.Clone()
	again.Judge(levels, thresholds)
	if diff := cmp.Diff(call.Clone(), again); diff != "" {
		t.Errorf("judging once more changed it (-first +second)\n%s", diff)
	}

	thresholds.SilenceMs = 36_000 // one of the two is left, and it is the same mark
	again.Judge(levels, thresholds)
	var left []earshot.Mark
	for _, m := range again.Marks {
		if m.Kind == earshot.MarkSilence && m.By == "" {
			left = append(left, m)
		}
	}
	if len(left) != 1 || !slices.Contains(call.Marks, left[0]) {
		t.Errorf("silence that is left %+v", left)
	}
	if again.Talk.Judged == call.Talk.Judged {
		t.Error("other thresholds have the same fingerprint")
	}

	again.Unjudge()
	if again.Talk != nil || len(again.Marks) != len(before.Marks) || again.Flagged(earshot.FlagSilence) || !again.Flagged(earshot.FlagDamaged) {
		t.Errorf("taken back: %+v", again)
	}
}

func TestAlertIDsAreCallsUUIDs(t *testing.T) {
	call := conversation(80_000, earshot.TrackBoth)
	call.ID = earshot.NewID(analysed)
	call.Judge(earshot.Levels{StepMs: 100, Agent: talks(800), Customer: talks(800)}, earshot.DefaultThresholds().Hotline)
	if len(call.Marks) != 1 {
		t.Fatal(call.Marks)
	}
	id := call.Marks[0].ID
	if at, ok := earshot.IDTime(id); !earshot.ValidCallID(id) || !ok || !at.Equal(analysed) {
		t.Errorf("the id %s is no UUIDv7 of the call's time", id)
	}
	other := call.Clone()
	other.ID = earshot.NewID(analysed)
	other.Judge(earshot.Levels{StepMs: 100, Agent: talks(800), Customer: talks(800)}, earshot.DefaultThresholds().Hotline)
	if other.Marks[0].ID == id {
		t.Error("two calls' alerts have one id")
	}
}

func TestFlagsOfGapsAndLength(t *testing.T) {
	gapOf := func(ms int64, cause earshot.Cause) earshot.Gap {
		return earshot.Gap{Side: earshot.SideAgent, EndMs: ms, Cause: cause}
	}
	for _, row := range []struct {
		name string
		ms   int64
		gaps []earshot.Gap
		want []earshot.Flag
	}{
		{"plain", 60_000, nil, nil},
		{"gaps of more than a second", 60_000, []earshot.Gap{gapOf(500, earshot.CauseLost), gapOf(501, earshot.CauseStalled)}, []earshot.Flag{earshot.FlagGaps}},
		{"gaps that are meant or small", 60_000, []earshot.Gap{gapOf(1000, earshot.CauseLost), gapOf(9000, earshot.CausePaused), gapOf(9000, earshot.CauseDrift)}, nil},
		{"short", 4_999, nil, []earshot.Flag{earshot.FlagShort}},
		{"not short", 5_000, nil, nil},
		{"long", 1_800_001, nil, []earshot.Flag{earshot.FlagLong}},
		{"not long", 1_800_000, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			call := conversation(row.ms, earshot.TrackBoth)
			call.Gaps, call.Flags = row.gaps, []earshot.Flag{}
			call.Judge(earshot.Levels{}, earshot.DefaultThresholds().Hotline)
			if !slices.Equal(call.Flags, row.want) {
				t.Errorf("flags %v, want %v", call.Flags, row.want)
			}
			if call.Talk != nil {
				t.Error("talk is told without levels")
			}
		})
	}
}

func TestAlertsAreBounded(t *testing.T) {
	thresholds := earshot.DefaultThresholds().Hotline
	thresholds.SilenceMs = 3_000
	var agent []byte
	for i := range 300 {
		agent = append(agent, steps(25, 5, 80, 31+i%7)...)
	}
	call := conversation(int64(len(agent))*100, earshot.TrackBoth)
	call.Judge(earshot.Levels{StepMs: 100, Agent: agent, Customer: steps(80, len(agent))}, thresholds)
	n := map[earshot.MarkKind]int{}
	for _, m := range call.Marks {
		n[m.Kind]++
		if m.Kind == earshot.MarkSilence && m.EndMs-m.StartMs < 3_500 { // the longest ones stay
			t.Errorf("a silence of %d ms", m.EndMs-m.StartMs)
		}
	}
	if n[earshot.MarkSilence] != 100 {
		t.Errorf("%d silences are marked", n[earshot.MarkSilence])
	}
}

// anyLevels draws stretches of levels, of any byte.
func anyLevels(t *rapid.T, name string) []byte {
	var out []byte
	for range rapid.IntRange(0, 30).Draw(t, name+" stretches") {
		level := rapid.SampledFrom([]int{0, 3, 10, 20, 25, 30, 40, 44, 45, 46, 60, 127, 128, 200, 254, 255}).Draw(t, name+" level")
		out = append(out, steps(level, rapid.IntRange(1, 400).Draw(t, name+" steps"))...)
	}
	return out
}

func anyThresholds(t *rapid.T) earshot.Thresholds {
	ms := rapid.Int64Range(3_000, 90_000)
	return earshot.Thresholds{
		SpeechDBov: rapid.IntRange(-70, -20).Draw(t, "speech"), SilenceMs: ms.Draw(t, "silence"), OvertalkMs: rapid.Int64Range(1_000, 30_000).Draw(t, "overtalk"),
		LoudDB: rapid.IntRange(3, 40).Draw(t, "loud by"), LoudDBov: rapid.IntRange(-40, -1).Draw(t, "loud"), LoudMs: rapid.Int64Range(300, 9_000).Draw(t, "loud for"),
		OneSidedMs: rapid.Int64Range(1_000, 9_000).Draw(t, "one side"), GapsMs: 1_000, ShortMs: 5_000, LongMs: 60_000,
	}
}

func TestJudgeHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels := earshot.Levels{StepMs: 100, Agent: anyLevels(t, "agent"), Customer: anyLevels(t, "customer")}
		tracks := rapid.SliceOfN(rapid.SampledFrom([]earshot.TrackKind{
			earshot.TrackBoth, earshot.TrackAgent, earshot.TrackCustomer, earshot.TrackMixed, earshot.TrackHelper}), 0, 3).Draw(t, "tracks")
		n := int64(max(len(levels.Agent), len(levels.Customer)))
		call := conversation(rapid.Int64Range(0, n*100+500).Draw(t, "ms"), tracks...)
		call.Marks = []earshot.Mark{{ID: "n", Kind: earshot.MarkNote, StartMs: 3, EndMs: 3, By: "lina"}}
		agent, customer := slices.Clone(levels.Agent), slices.Clone(levels.Customer)
		thresholds := anyThresholds(t)
		call.Judge(levels, thresholds)

		if !slices.Equal(agent, levels.Agent) || !slices.Equal(customer, levels.Customer) {
			t.Fatal("the levels were changed")
		}
		again := call.Clone()
		again.Judge(levels, thresholds)
		if diff := cmp.Diff(call.Clone(), again); diff != "" {
			t.Fatalf("judging once more changed it\n%s", diff)
		}
		sound(t, call, slices.Contains(tracks, earshot.TrackMixed) || len(tracks) == 0, n)
	})
}

// sound says what holds of every call that was judged.
func sound(t *rapid.T, call earshot.Call, mixed bool, steps int64) {
	seen := map[string]bool{}
	for _, m := range call.Marks {
		if seen[m.ID] {
			t.Fatalf("two marks have the id %s", m.ID)
		}
		seen[m.ID] = true
		if !m.Kind.Alert() {
			continue
		}
		if m.StartMs < 0 || m.EndMs < m.StartMs || m.EndMs > max(call.DurationMs, 0) && call.DurationMs > 0 || m.By != "" || !m.Shared {
			t.Fatalf("the mark %+v in a call of %d ms", m, call.DurationMs)
		}
		if !call.Flagged(earshot.Flag(m.Kind)) {
			t.Fatalf("the mark %s has no flag", m.Kind)
		}
		if mixed && (m.Side != "" || m.Kind == earshot.MarkOneSided || m.Kind == earshot.MarkOvertalk || m.Kind == earshot.MarkLoud) {
			t.Fatalf("of a mixed call it is said: %+v", m)
		}
	}
	if !seen["n"] {
		t.Fatal("the note is gone")
	}
	talk := call.Talk
	if talk == nil {
		return
	}
	for _, share := range []int{talk.AgentShare, talk.CustomerShare, talk.SilenceShare, talk.OvertalkShare} {
		if share < 0 || share > 1000 {
			t.Fatalf("shares %+v", talk)
		}
	}
	if talk.Mixed != mixed {
		t.Fatalf("a call that is mixed (%t) has talk %+v", mixed, talk)
	}
	if sum := talk.AgentShare + talk.CustomerShare - talk.OvertalkShare + talk.SilenceShare; !mixed && (sum < 998 || sum > 1002) {
		t.Fatalf("the shares sum up to %d: %+v", sum, talk)
	}
	if talk.OvertalkShare > min(talk.AgentShare, talk.CustomerShare)+1 || talk.LongestSilence > steps*100 || talk.LongestMonologue > steps*100 {
		t.Fatalf("talk %+v", talk)
	}
	if (talk.LongestMonologist == "") != (talk.LongestMonologue == 0) || mixed && (talk.LongestMonologue != 0 || talk.AgentShare != 0 || talk.CustomerShare != 0 || talk.OvertalkShare != 0 || talk.Interruptions != 0) {
		t.Fatalf("talk %+v", talk)
	}
}

var errBadThresholds = earshot.Fail(earshot.Invalid, "bad_thresholds", "")

func TestThresholdsAreBounded(t *testing.T) {
	if err := earshot.DefaultThresholds().Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	for name, edit := range map[string]func(*earshot.ThresholdsByKind){
		"speech louder than a shout":    func(t *earshot.ThresholdsByKind) { t.Counter.SpeechDBov = 0 },
		"any sound is speech":           func(t *earshot.ThresholdsByKind) { t.Hotline.SpeechDBov = -127 },
		"silence at once":               func(t *earshot.ThresholdsByKind) { t.Hotline.SilenceMs = 2_999 },
		"overtalk for an hour":          func(t *earshot.ThresholdsByKind) { t.Counter.OvertalkMs = 3_600_001 },
		"loud by nothing":               func(t *earshot.ThresholdsByKind) { t.Counter.LoudDB = 0 },
		"louder than there is":          func(t *earshot.ThresholdsByKind) { t.Counter.LoudDBov = 0 },
		"loud for no time":              func(t *earshot.ThresholdsByKind) { t.Counter.LoudMs = 0 },
		"one side for no time":          func(t *earshot.ThresholdsByKind) { t.Hotline.OneSidedMs = 0 },
		"negative gaps":                 func(t *earshot.ThresholdsByKind) { t.Hotline.GapsMs = -1 },
		"a long call is a short one":    func(t *earshot.ThresholdsByKind) { t.Hotline.LongMs = t.Hotline.ShortMs },
		"longer than calls ever are":    func(t *earshot.ThresholdsByKind) { t.Counter.LongMs = 4*3_600_000 + 1 },
		"a kind of seat without limits": func(t *earshot.ThresholdsByKind) { t.Hotline = earshot.Thresholds{} },
	} {
		thresholds := earshot.DefaultThresholds()
		edit(&thresholds)
		if !errors.Is(thresholds.Validate(), errBadThresholds) {
			t.Errorf("%s: %v", name, thresholds.Validate())
		}
	}
}

func TestFingerprintsTellThresholdsApart(t *testing.T) {
	usual := earshot.DefaultThresholds()
	seen := map[string]bool{usual.Counter.Fingerprint(earshot.Counter): true}
	other := usual.Counter
	other.LoudMs++
	for _, f := range []string{usual.Counter.Fingerprint(earshot.Hotline), usual.Hotline.Fingerprint(earshot.Hotline), other.Fingerprint(earshot.Counter)} {
		if seen[f] {
			t.Errorf("%s is another's, too", f)
		}
		seen[f] = true
	}
	if usual.Of(earshot.Hotline) != usual.Hotline || usual.Of(earshot.Counter) != usual.Counter {
		t.Error("a kind of seat has another's thresholds")
	}
}

func BenchmarkJudgeAnHour(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	line := func() []byte {
		var out []byte
		for len(out) < 36_000 {
			for range 5 + random.IntN(60) {
				out = append(out, byte(18+random.IntN(22)))
			}
			for range random.IntN(80) {
				out = append(out, byte(55+random.IntN(30)))
			}
		}
		return out[:36_000]
	}
	levels := earshot.Levels{StepMs: 100, Agent: line(), Customer: line()}
	call := conversation(3_600_000, earshot.TrackBoth)
	thresholds := earshot.DefaultThresholds().Hotline
	for b.Loop() {
		call.Judge(levels, thresholds)
	}
}
