package mix

import (
	"testing"

	"earshot"
	"earshot/audio/g711"
)

func frame(v int16, n int) []byte {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = v
	}
	return g711.EncodeULaw(nil, pcm)
}

func TestSidesAddUp(t *testing.T) {
	m, err := New(earshot.PCMU, 2)
	if err != nil {
		t.Fatal(err)
	}
	push := func(side int, payload []byte) {
		t.Helper()
		if err := m.Push(side, payload); err != nil {
			t.Fatal(err)
		}
	}
	push(0, frame(1000, 160))
	push(1, frame(3000, 80))
	got, any := m.Pull(nil)
	if !any || len(got) != 160 {
		t.Fatalf("%d bytes, %v", len(got), any)
	}
	first, last := g711.ULaw(got[0]), g711.ULaw(got[159])
	if first < 3900 || first > 4100 || last < 950 || last > 1050 {
		t.Errorf("%d and %d instead of 4000 and 1000", first, last)
	}
	push(0, frame(30000, 160))
	push(1, frame(30000, 160))
	if got, _ := m.Pull(nil); g711.ULaw(got[5]) < 32000 {
		t.Errorf("loud sides wrap round: %d", g711.ULaw(got[5]))
	}
	if got, any := m.Pull(nil); any || g711.ULaw(got[0]) != 0 {
		t.Error("audio of nothing")
	}
}

func TestASideThatRunsAheadIsCut(t *testing.T) {
	m, err := New(earshot.PCMU, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 15 {
		if err := m.Push(0, frame(int16(i)*1000, 160)); err != nil {
			t.Fatal(err)
		}
	}
	if m.Queued(0) != 1600 || m.Dropped() != 800 {
		t.Errorf("%d queued, %d dropped", m.Queued(0), m.Dropped())
	}
	if got, _ := m.Pull(nil); g711.ULaw(got[0]) < 4800 || g711.ULaw(got[0]) > 5200 {
		t.Errorf("the oldest is %d", g711.ULaw(got[0]))
	}
}

func TestOpusAndBadPackets(t *testing.T) {
	m, err := New(earshot.Opus, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Push(0, []byte{0xF8}); err != nil {
		t.Fatal(err)
	}
	if m.Queued(0) != 160 {
		t.Errorf("%d samples of an empty frame", m.Queued(0))
	}
	if err := m.Push(1, nil); err == nil {
		t.Error("nothing is a packet")
	}
	if _, any := m.Pull(nil); !any {
		t.Error("nothing to hear")
	}
}
