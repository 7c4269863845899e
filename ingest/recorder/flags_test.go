package recorder

import (
	"bytes"
	"slices"
	"testing"

	"earshot"
)

// steps are levels, each for so many steps.
func steps(pairs ...int) []byte {
	var out []byte
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, bytes.Repeat([]byte{byte(pairs[i])}, pairs[i+1])...)
	}
	return out
}

func TestFlags(t *testing.T) {
	const minute = 600 // steps
	for _, row := range []struct {
		name            string
		agent, customer []byte
		channels        int
		ms              int64
		gaps            []earshot.Gap
		want            []earshot.Flag
	}{
		{name: "a plain call", agent: steps(30, 300, 70, 300), customer: steps(70, 300, 30, 300)},
		{name: "30 s of silence", agent: steps(30, 300, 70, 300), customer: steps(70, 200, 30, 100, 70, 300)},
		{name: "more than 30 s of silence", agent: steps(30, 10, 70, 301, 30, 289), customer: steps(60, 311, 30, 289), want: []earshot.Flag{earshot.FlagSilence, earshot.FlagOvertalk}},
		{name: "a gap is no silence", agent: steps(30, 100, 255, 400, 70, 100), customer: steps(70, 100, 255, 400, 30, 100)},
		{name: "talking at once", agent: steps(30, 101, 70, 300, 30, 199), customer: steps(30, 101, 30, 300, 70, 199), want: []earshot.Flag{earshot.FlagOvertalk}},
		{name: "talking at once for 10 s", agent: steps(30, 100, 70, 300, 30, 200), customer: steps(30, 100, 30, 300, 70, 200)},
		{name: "talking at once in a long call", agent: steps(30, 101, 70, 300, 30, 599), customer: steps(30, 101, 30, 300, 70, 599), ms: 100_000},
		{name: "loud", agent: steps(5, 31, 30, 269, 70, 300), customer: steps(70, 300, 30, 300), want: []earshot.Flag{earshot.FlagLoud}},
		{name: "not loud for long", agent: steps(5, 30, 30, 270, 70, 300), customer: steps(70, 300, 30, 300)},
		{name: "one side", agent: steps(30, 300, 40, 300), customer: steps(50, 600), want: []earshot.Flag{earshot.FlagOneSided}},
		{name: "one side of a mixed call", agent: steps(30, 300, 40, 300), customer: steps(255, 600), channels: 1},
		{name: "nobody at all", agent: steps(60, 300), customer: steps(60, 300), ms: 30_000},
		{name: "gaps of more than a second", agent: steps(30, minute), customer: steps(70, 300, 40, 300), want: []earshot.Flag{earshot.FlagGaps},
			gaps: []earshot.Gap{gap(earshot.SideAgent, 0, 500, earshot.CauseLost), gap(earshot.SideCustomer, 0, 501, earshot.CauseStalled)}},
		{name: "gaps that are meant or small", agent: steps(30, minute), customer: steps(70, 300, 40, 300),
			gaps: []earshot.Gap{gap(earshot.SideAgent, 0, 1000, earshot.CauseLost), gap(earshot.SideCustomer, 0, 9000, earshot.CausePaused), gap(earshot.SideCustomer, 0, 9000, earshot.CauseDrift)}},
		{name: "short", agent: steps(30, 49), customer: steps(40, 49), ms: 4999, want: []earshot.Flag{earshot.FlagShort}},
		{name: "long", agent: steps(30, minute), customer: steps(40, minute), ms: 1_800_001, want: []earshot.Flag{earshot.FlagLong}},
	} {
		t.Run(row.name, func(t *testing.T) {
			call := earshot.Call{Channels: max(row.channels, 2-row.channels), DurationMs: row.ms, Gaps: row.gaps}
			if row.channels == 1 {
				call.Channels = 1
			}
			if row.ms == 0 {
				call.DurationMs = 60_000
			}
			got := Flags(call, earshot.Levels{StepMs: 100, Agent: row.agent, Customer: row.customer})
			if !slices.Equal(got, row.want) {
				t.Errorf("flags %v, want %v", got, row.want)
			}
		})
	}
}

func TestEndSetsFlags(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	quiet := customerSender()
	quiet.level = 80
	o := record(t, twoTracks, 4e9, cut(agentSender().events(a, 200, 0), 50, 110), quiet.events(c, 200, 0))
	if want := []earshot.Flag{earshot.FlagOneSided, earshot.FlagGaps, earshot.FlagShort}; !slices.Equal(o.call.Flags, want) {
		t.Errorf("flags %v", o.call.Flags)
	}
}
