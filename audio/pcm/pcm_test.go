package pcm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tone(rate int, hz float64, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(10000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

func TestResampleKeepsTones(t *testing.T) {
	for _, c := range []struct{ from, to int }{
		{44100, 8000}, {48000, 8000}, {22050, 8000}, {11025, 8000}, {16000, 8000}, {8000, 48000}, {8000, 16000}, {32000, 8000},
	} {
		r := NewResampler(c.from, c.to)
		in := tone(c.from, 1000, c.from)
		var out []int16
		for len(in) > 0 {
			n := min(len(in), 1+rand.IntN(3000))
			out = r.Append(out, in[:n])
			in = in[n:]
		}
		out = r.Finish(out)
		if len(out) != c.to {
			t.Errorf("%d to %d: %d samples of a second", c.from, c.to, len(out))
			continue
		}
		want := tone(c.to, 1000, c.to)
		signal, noise := 0.0, 0.0
		for i := 200; i < len(out)-200; i++ {
			signal += float64(want[i]) * float64(want[i])
			d := float64(want[i]) - float64(out[i])
			noise += d * d
		}
		if snr := 10 * math.Log10(signal/noise); snr < 60 {
			t.Errorf("%d to %d: %.1f dB", c.from, c.to, snr)
		}
	}
}

func TestResampleRemovesWhatWouldFold(t *testing.T) {
	r := NewResampler(48000, 8000)
	out := r.Finish(r.Append(nil, tone(48000, 6000, 48000)))
	for i, s := range out[100 : len(out)-100] {
		if s > 20 || s < -20 {
			t.Fatalf("sample %d is %d", i, s)
		}
	}
}

func TestSameRateIsTheSame(t *testing.T) {
	in := tone(8000, 440, 1000)
	r := NewResampler(8000, 8000)
	if d := cmp.Diff(in, r.Finish(r.Append(nil, in))); d != "" {
		t.Error(d)
	}
}

func TestChannels(t *testing.T) {
	in := []int16{1, 3, -32768, -32768, 32767, 32767}
	if d := cmp.Diff([]int16{2, -32768, 32767}, Mono(nil, in, 2)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int16{3, -32768, 32767}, Channel(nil, in, 2, 1)); d != "" {
		t.Error(d)
	}
	if Clip(40000) != 32767 || Clip(-40000) != -32768 {
		t.Error("not clipped")
	}
}
