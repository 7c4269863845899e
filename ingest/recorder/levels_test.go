package recorder

import (
	"bytes"
	"testing"
	"time"

	"earshot"
	"earshot/audio/levels"

	"github.com/google/go-cmp/cmp"
)

func TestLevelsFile(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	events := change(agentSender().events(a, 150, 0), 0, all, func(i int, e *event) { e.p.Level = uint8(30 + i%20) })
	o := record(t, twoTracks, 3*time.Second, cut(events, 50, 60), customerSender().events(c, 150, 0))
	file := o.shelf.files[earshot.LevelsFile(callID, 1)]
	if file == nil || !file.sealed {
		t.Fatal("no levels file")
	}
	agent, customer, err := levels.Parse(file.data)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 30)
	for i := range want {
		want[i] = 30 + byte(i*5%20)
	}
	want[10], want[11] = earshot.LevelGap, earshot.LevelGap
	if d := cmp.Diff(want, agent); d != "" {
		t.Errorf("agent (-want +got):\n%s", d)
	}
	if len(customer) != 30 || customer[3] != 20 {
		t.Errorf("customer %v", customer)
	}
	live := o.r.Levels()
	if !bytes.Equal(live.Agent, agent) || !bytes.Equal(live.Customer, customer) {
		t.Error("the call's levels differ from the file's")
	}
}

// Levels that the sender does not say come from decoding, and are near those of
// the samples.
func TestLevelsDecoded(t *testing.T) {
	for _, row := range []struct {
		fixture string
		track   Track
	}{
		{"agent", agentTrack},
		{"stereo", Track{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 2}},
	} {
		packets := fixture(t, row.fixture)
		events := change(agentSender().events(packets, 250, 0), 0, all, func(_ int, e *event) { e.p.Level = NoLevel })
		o := record(t, []Track{row.track}, 5*time.Second, events)
		pcm := decode(t, o.file(1))
		for c := range row.track.Channels {
			got := [][]byte{o.r.Levels().Agent, o.r.Levels().Customer}[c]
			off := 0
			for step := range 49 {
				var loudest byte = earshot.LevelSilence
				for i := range 5 {
					var part []int16
					for k := max(0, (step*5+i)*slot-312); k < (step*5+i+1)*slot-312; k++ {
						part = append(part, pcm[k*row.track.Channels+c])
					}
					loudest = min(loudest, levels.OfPCM(part))
				}
				if d := int(got[step]) - int(loudest); max(d, -d) > 4 && loudest < 60 {
					off++
				}
			}
			if off > 3 {
				t.Errorf("%s, channel %d: %d of 49 steps are off", row.fixture, c, off)
			}
		}
	}
}

func TestLevelsOfG711(t *testing.T) {
	for codec, of := range map[earshot.Codec]func([]byte) byte{earshot.PCMU: levels.OfULaw, earshot.PCMA: levels.OfALaw} {
		tone := g711Packets(50, 160, 3)
		s := agentSender()
		s.ticks = 160
		events := change(s.events(tone, 50, 0), 0, all, func(_ int, e *event) { e.p.Level = NoLevel })
		o := record(t, []Track{{Side: earshot.SideAgent, Codec: codec}}, time.Second, events)
		for step, got := range o.r.Levels().Agent {
			want := byte(earshot.LevelGap)
			for _, p := range tone[step*5 : step*5+5] {
				want = min(want, of(p))
			}
			if got != want {
				t.Errorf("%s: step %d has level %d, want %d", codec, step, got, want)
			}
		}
	}
}
