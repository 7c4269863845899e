package earshot_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"earshot"
)

// speech are the levels of a real conversation: of the demo's, each 20 ms.
type speech struct{ agent, customer []byte }

func speeches(t *testing.T) map[string]speech {
	t.Helper()
	names, err := filepath.Glob("ingest/seat/demo/*.levels")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no conversations", err)
	}
	all := make(map[string]speech)
	for _, name := range names {
		both, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		const packets = earshot.LevelStepMs / 20
		var s speech
		for ; len(both) >= 2*packets; both = both[2*packets:] {
			agent, customer := byte(earshot.LevelSilence), byte(earshot.LevelSilence)
			for i := range packets {
				agent, customer = min(agent, both[2*i]), min(customer, both[2*i+1])
			}
			s.agent, s.customer = append(s.agent, agent), append(s.customer, customer)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".levels")] = s
	}
	return all
}

// judge is the call with both sides' levels.
func (s speech) judge(kind earshot.SeatKind) earshot.Call {
	call := conversation(int64(max(len(s.agent), len(s.customer)))*earshot.LevelStepMs, earshot.TrackBoth)
	call.Kind = kind
	call.Judge(earshot.Levels{StepMs: earshot.LevelStepMs, Agent: s.agent, Customer: s.customer}, earshot.DefaultThresholds().Of(kind))
	return call
}

const roomNoise = 86

func hush(steps int) []byte { return slices.Repeat([]byte{roomNoise}, steps) }

// leak has each microphone hear the other side, so much quieter.
func leak(dB int) func(speech) speech {
	return func(s speech) speech {
		heard := func(own, other byte) byte {
			power := math.Pow(10, -float64(own)/10) + math.Pow(10, -float64(int(other)+dB)/10)
			return byte(math.Round(-10 * math.Log10(power)))
		}
		out := speech{slices.Clone(s.agent), slices.Clone(s.customer)}
		for i := range s.agent {
			out.agent[i], out.customer[i] = heard(s.agent[i], s.customer[i]), heard(s.customer[i], s.agent[i])
		}
		return out
	}
}

// raised is louder by so much from one step to another where it speaks.
func raised(steps []byte, dB byte, from, to int) []byte {
	out := slices.Clone(steps)
	for i := from; i < to; i++ {
		if out[i] < 45 {
			out[i] -= dB
		}
	}
	return out
}

// turn is where the longest stretch of speech in steps begins and ends.
func turn(steps []byte) (from, to int) {
	begun, last := -1, 0
	for i, level := range steps {
		if level >= 45 {
			continue
		}
		if begun < 0 || i-last > 10 {
			begun = i
		}
		if last = i; i+1-begun > to-from {
			from, to = begun, i+1
		}
	}
	return from, to
}

// TestJudgeSpeech: ordinary conversations cause no alert, at whatever seat and
// however near the microphones are, and what is out of the ordinary in them does.
func TestJudgeSpeech(t *testing.T) {
	same := func(s speech) speech { return s }
	quietHouse := func(s speech) speech { // 40 s in which somebody looks something up
		at := len(s.agent) / 2
		return speech{slices.Concat(s.agent[:at], hush(400), s.agent[at:]), slices.Concat(s.customer[:at], hush(400), s.customer[at:])}
	}
	alone := func(s speech) speech { return speech{s.agent, hush(len(s.agent))} }
	atOnce := func(s speech) speech { // the customer talks into the agent's longest turn
		from, to := turn(s.agent)
		out := slices.Clone(s.customer)
		theirs, end := turn(s.customer)
		for i := from; i < to; i++ {
			out[i] = s.customer[theirs+(i-from)%(end-theirs)]
		}
		return speech{s.agent, out}
	}
	angry := func(s speech) speech {
		from, _ := turn(s.customer)
		return speech{s.agent, raised(s.customer, 12, from, from+40)}
	}
	for _, row := range []struct {
		name    string
		made    []func(speech) speech
		hotline []earshot.Flag
		counter []earshot.Flag
	}{
		{name: "as it was", made: []func(speech) speech{same}},
		{name: "microphones side by side", made: []func(speech) speech{leak(8)}},
		{name: "microphones on one desk", made: []func(speech) speech{leak(11)}},
		{name: "a wide desk", made: []func(speech) speech{leak(16)}},
		{name: "an echo on the line", made: []func(speech) speech{leak(25)}},
		{name: "a long silence", made: []func(speech) speech{quietHouse}, hotline: []earshot.Flag{earshot.FlagSilence}},
		{name: "a side that never speaks", made: []func(speech) speech{alone}, hotline: []earshot.Flag{earshot.FlagOneSided}, counter: []earshot.Flag{earshot.FlagOneSided}},
		{name: "a side that never speaks at one desk", made: []func(speech) speech{alone, leak(11)}, hotline: []earshot.Flag{earshot.FlagOneSided}, counter: []earshot.Flag{earshot.FlagOneSided}},
		{name: "both at once", made: []func(speech) speech{atOnce}, hotline: []earshot.Flag{earshot.FlagOvertalk}, counter: []earshot.Flag{earshot.FlagOvertalk}},
		{name: "both at once at one desk", made: []func(speech) speech{atOnce, leak(11)}, hotline: []earshot.Flag{earshot.FlagOvertalk}, counter: []earshot.Flag{earshot.FlagOvertalk}},
		{name: "a raised voice", made: []func(speech) speech{angry}, hotline: []earshot.Flag{earshot.FlagLoud}, counter: []earshot.Flag{earshot.FlagLoud}},
		{name: "a raised voice at one desk", made: []func(speech) speech{angry, leak(11)}, hotline: []earshot.Flag{earshot.FlagLoud}, counter: []earshot.Flag{earshot.FlagLoud}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for id, s := range speeches(t) {
				for _, make := range row.made {
					s = make(s)
				}
				for kind, want := range map[earshot.SeatKind][]earshot.Flag{earshot.Hotline: row.hotline, earshot.Counter: row.counter} {
					if call := s.judge(kind); !slices.Equal(call.Flags, append([]earshot.Flag{}, want...)) {
						t.Errorf("%s at a %s: flags %v, want %v; %+v, marks %+v", id, kind, call.Flags, want, *call.Talk, call.Marks)
					}
				}
			}
		})
	}
}
