// Package pcm works on decoded audio: channels, and sample rates. It starts no
// goroutine.
package pcm

import "math"

// Mono appends the mean of the channels of interleaved samples.
func Mono(dst, interleaved []int16, channels int) []int16 {
	if channels == 1 {
		return append(dst, interleaved...)
	}
	for i := 0; i+channels <= len(interleaved); i += channels {
		sum := 0
		for _, s := range interleaved[i : i+channels] {
			sum += int(s)
		}
		dst = append(dst, int16(sum/channels))
	}
	return dst
}

// Channel appends one channel of interleaved samples.
func Channel(dst, interleaved []int16, channels, channel int) []int16 {
	for i := channel; i < len(interleaved); i += channels {
		dst = append(dst, interleaved[i])
	}
	return dst
}

// Clip is v as a sample.
func Clip(v int) int16 { return int16(min(max(v, math.MinInt16), math.MaxInt16)) }

// zeroCrossings of the windowed sinc on each side: about 70 dB of stop band.
const zeroCrossings = 16

// Resampler changes the sample rate of one channel, piece by piece.
type Resampler struct {
	up, down int         // the ratio to/from, reduced
	taps     [][]float32 // a filter for each phase, which begins half before the centre
	half     int
	in       []int16 // what still may be needed, from sample start on
	start    int     // of the input
	out      int     // samples made
	taken    int     // samples of the input
}

// NewResampler changes from Hz to to Hz, both above zero.
func NewResampler(from, to int) *Resampler {
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if r.up == r.down {
		return r
	}
	cutoff := 0.94 * min(1, float64(to)/float64(from))
	r.half = int(math.Ceil(zeroCrossings / cutoff))
	r.taps = make([][]float32, r.up)
	for phase := range r.taps {
		r.taps[phase] = filter(float64(phase)/float64(r.up), cutoff, r.half)
	}
	// Silence before the start, so that the first sample has neighbours.
	r.in = make([]int16, r.half)
	r.start = -r.half
	return r
}

// filter is a Blackman-windowed sinc around a place frac of a sample behind the
// centre, of unit gain.
func filter(frac, cutoff float64, half int) []float32 {
	f := make([]float64, 2*half+1)
	sum := 0.0
	for i := range f {
		x := float64(i-half) - frac
		w := math.Pi * x / float64(half+1)
		window := 0.42 + 0.5*math.Cos(w) + 0.08*math.Cos(2*w)
		f[i] = window * cutoff * sinc(cutoff*x)
		sum += f[i]
	}
	out := make([]float32, len(f))
	for i, v := range f {
		out[i] = float32(v / sum)
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// Append takes in more samples and appends all that can be made of those so far.
func (r *Resampler) Append(dst, samples []int16) []int16 {
	if r.taps == nil {
		return append(dst, samples...)
	}
	r.in = append(r.in, samples...)
	r.taken += len(samples)
	for {
		centre := r.out * r.down / r.up
		if centre+r.half >= r.start+len(r.in) {
			break
		}
		from := centre - r.half - r.start
		acc := float32(0)
		taps := r.taps[r.out*r.down%r.up]
		for i, s := range r.in[from : from+len(taps)] {
			acc += taps[i] * float32(s)
		}
		dst = append(dst, Clip(int(math.RoundToEven(float64(acc)))))
		r.out++
	}
	if drop := r.out*r.down/r.up - r.half - r.start; drop > 0 {
		drop = min(drop, len(r.in))
		r.in = r.in[:copy(r.in, r.in[drop:])]
		r.start += drop
	}
	return dst
}

// Finish appends what the end of the input still owes: in all the output is as
// long as the input, rounded up to a sample.
func (r *Resampler) Finish(dst []int16) []int16 {
	if r.taps == nil {
		return dst
	}
	want := (r.taken*r.up + r.down - 1) / r.down
	before, made := len(dst), r.out
	dst = r.Append(dst, make([]int16, r.half+r.down))
	return dst[:before+max(want-made, 0)]
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
