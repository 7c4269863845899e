package ingest

import (
	"testing"
	"time"

	"earshot"
)

func TestSpeechStartsACall(t *testing.T) {
	// A row is a string of packets, 20 ms each: # is speech, . is not, and a
	// blank is no packet at all.
	const speech300 = "################"
	rows := []struct {
		name  string
		cut   earshot.Cut
		heard string
		start int // the packet that starts the call, −1 for none
		from  int // the packet that speech began with
	}{
		{"silence", earshot.CutVoice, "....................", -1, 0},
		{"speech", earshot.CutVoice, "..." + speech300, 18, 3},
		{"too short", earshot.CutVoice, "...##############.......##############", -1, 0},
		{"with breath", earshot.CutVoice, "...####....####....####", 19, 3},
		{"taken up again", earshot.CutVoice, "####......" + speech300, 25, 10},
		{"lost packets", earshot.CutVoice, "### # ## ## ### ####", 16, 0},
		{"another way of cutting", earshot.CutEvent, speech300 + speech300, -1, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := cutter{cut: row.cut, voice: earshot.DefaultVoiceCut}
			start := -1
			var from time.Time
			for i, what := range row.heard {
				level := uint8(45) // exactly the threshold is not above it
				if what == '#' {
					level = 44
				}
				if what == ' ' || start >= 0 {
					continue
				}
				at := dawn.Add(time.Duration(i) * 20 * time.Millisecond)
				if f, yes := c.heard(at, level); yes {
					start, from = i, f
				}
			}
			if start != row.start {
				t.Fatalf("packet %d started the call, want %d", start, row.start)
			}
			if want := dawn.Add(time.Duration(row.from)*20*time.Millisecond - 3*time.Second); start >= 0 && !from.Equal(want) {
				t.Errorf("the call counts from %s, want %s", from, want)
			}
		})
	}
}

func TestWhenCallsEnd(t *testing.T) {
	c := cutter{cut: earshot.CutVoice, voice: earshot.DefaultVoiceCut, reconnectWithin: time.Minute, longest: 4 * time.Hour}
	c.opened(dawn)
	c.spoke(dawn.Add(10*time.Second), 44)
	c.spoke(dawn.Add(20*time.Second), 45)
	for after, want := range map[time.Duration]bool{69 * time.Second: false, 70 * time.Second: true} {
		if c.silent(dawn.Add(after)) != want {
			t.Errorf("silent after %v: %v", after, !want)
		}
	}
	if c.gone(time.Time{}, dawn.Add(time.Hour)) {
		t.Error("a call with a stream, or that awaits its first, is gone")
	}
	for after, want := range map[time.Duration]bool{59 * time.Second: false, 60 * time.Second: true} {
		if c.gone(dawn, dawn.Add(after)) != want {
			t.Errorf("gone after %v: %v", after, !want)
		}
	}
	for after, want := range map[time.Duration]bool{4*time.Hour - time.Millisecond: false, 4 * time.Hour: true, 5 * time.Hour: true} {
		cut, long := c.long(dawn, dawn.Add(after))
		if long != want || !cut.Equal(dawn.Add(4*time.Hour)) {
			t.Errorf("after %v: long %v, cut at %s", after, long, cut)
		}
	}
	for cut, want := range map[earshot.Cut]bool{earshot.CutSession: true, earshot.CutEvent: false, earshot.CutVoice: false} {
		if c := (cutter{cut: cut}); c.first() != want || c.left() != want {
			t.Errorf("%s: begins with a stream %v, ends with it %v", cut, c.first(), c.left())
		}
	}
}
