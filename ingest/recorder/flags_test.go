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

// TestFlags is about what the recorder adds to the rules: the thresholds of the
// call's kind of seat.
func TestFlags(t *testing.T) {
	agent, customer := steps(30, 100, 70, 450, 30, 50), steps(70, 100, 70, 450, 70, 40, 30, 10)
	for _, row := range []struct {
		kind earshot.SeatKind
		want []earshot.Flag
	}{
		{earshot.Hotline, []earshot.Flag{earshot.FlagSilence}},
		{earshot.Counter, nil},
	} {
		call := earshot.Call{Kind: row.kind, Channels: 2, DurationMs: 60_000, Flags: []earshot.Flag{earshot.FlagInterrupted}}
		got := Flags(call, earshot.Levels{StepMs: 100, Agent: agent, Customer: customer})
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: flags %v, want %v", row.kind, got, row.want)
		}
	}
}

func TestEndSetsFlags(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	quiet := customerSender()
	quiet.level = 80
	o := record(t, twoTracks, 4e9, cut(agentSender().events(a, 200, 0), 50, 110), quiet.events(c, 200, 0))
	if want := []earshot.Flag{earshot.FlagGaps, earshot.FlagShort, earshot.FlagOneSided}; !slices.Equal(o.call.Flags, want) {
		t.Errorf("flags %v", o.call.Flags)
	}
}
