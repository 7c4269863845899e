package ingest

import (
	"math"
	"testing"

	"earshot"
	"earshot/audio/g711"
	"earshot/ingest/recorder"
)

func TestLevelsOfG711(t *testing.T) {
	loud, quiet := make([]byte, 160), make([]byte, 160)
	for i := range loud {
		s := math.Sin(2 * math.Pi * float64(i) / 16)
		loud[i] = g711.ToALaw(int16(30000 * s))
		quiet[i] = g711.ToALaw(int16(300 * s))
	}
	m := newMeter(recorder.Track{Codec: earshot.PCMA, Channels: 1})
	if level, right := m.measure(loud); level < 3 || level > 5 || right != recorder.NoLevel {
		t.Errorf("a loud tone has level %d, right %d", level, right)
	}
	if level, _ := m.measure(quiet); level < 42 || level > 46 {
		t.Errorf("a quiet tone, 40 dB below, has level %d", level)
	}
}

func TestLevelsOfBrokenOpus(t *testing.T) {
	for _, track := range []recorder.Track{{Codec: earshot.Opus, Channels: 1}, {Codec: earshot.Opus, Channels: 2}} {
		m := newMeter(track)
		left, right := m.measure([]byte{0xff, 0xff, 0xff})
		if left != recorder.NoLevel || right != recorder.NoLevel {
			t.Errorf("%d channels: a broken packet has levels %d, %d", track.Channels, left, right)
		}
		if left, _ := m.measure([]byte{0xf8, 0xff, 0xfe}); left < 90 {
			t.Errorf("%d channels: silence has level %d", track.Channels, left)
		}
	}
}
