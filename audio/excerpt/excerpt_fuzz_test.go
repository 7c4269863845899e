package excerpt

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"earshot/audio/ogg"
	"earshot/audio/ogg/oggtest"
	"earshot/audio/wav"
)

// FuzzOpusSpan cuts any span out of pages that say anything and have the right
// checksum: what comes out is a whole file without damage, no longer than what
// was asked for, and as long as it is said to be.
func FuzzOpusSpan(f *testing.F) {
	whole := recording(120)
	f.Add(whole, int64(500), int64(1200))
	f.Add(whole, int64(0), int64(0))
	f.Add(whole, int64(2399), math.MaxInt64/int64(time.Millisecond))
	f.Add(whole[:len(whole)-100], int64(1000), int64(-1))
	f.Add(whole, math.MaxInt64/int64(time.Millisecond), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, fromMs, toMs int64) {
		b = oggtest.Reseal(b)
		from, to := millis(fromMs), millis(toMs)
		// A day of fillers is lawful, and too much to look at so often.
		out := limited{most: 4 << 20}
		length, err := Opus(&out, bytes.NewReader(b), int64(len(b)), from, to)
		if err != nil {
			return
		}
		if length <= 0 || to > 0 && length > to-max(from, 0)+time.Millisecond {
			t.Fatalf("from %v to %v there is %v", from, to, length)
		}
		if end := endOf(t, out.Bytes()); end < length-time.Microsecond || end > length+time.Microsecond {
			t.Fatalf("it is %v long, and its pages say %v", length, end)
		}
	})
}

// millis keeps fuzzed milliseconds to what a duration can say.
func millis(ms int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(min(max(ms, -most), most)) * time.Millisecond
}

// endOf is how long a file says it is; it fails where the file is not whole.
func endOf(t *testing.T, file []byte) time.Duration {
	t.Helper()
	o, err := ogg.NewOpusReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	for {
		p, err := o.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || p.Lost {
			t.Fatalf("lost %v, %v", p.Lost, err)
		}
		if p.Granule != ogg.NoGranule {
			last = p.Granule
		}
	}
	if d := o.Damage(); len(d) > 0 {
		t.Fatal(d)
	}
	return time.Duration(last-int64(o.Head.PreSkip)) * time.Second / 48000
}

// limited is memory with a bound.
type limited struct {
	bytes.Buffer
	most int
}

var errMuch = errors.New("more than the test looks at")

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > l.most {
		return 0, errMuch
	}
	return l.Buffer.Write(b)
}

// FuzzWAV cuts any span out of anything: what comes out is a WAVE file, its
// samples lie in the source one after another, and it is no longer than asked.
func FuzzWAV(f *testing.F) {
	f.Add(append(wav.AppendHeader(nil, wav.ALaw, 2, 1600), make([]byte, 1600)...), int64(10), int64(50))
	f.Add(append(wav.AppendHeaderOf(nil, wav.Info{Encoding: wav.PCM, Channels: 1, Rate: 768_000, Bits: 16}, 400), make([]byte, 400)...), int64(0), int64(1))
	f.Add(append(wav.AppendHeader(nil, wav.ULaw, 1, 0), make([]byte, 333)...), int64(5), int64(0))
	f.Add(append(wav.AppendHeader(nil, wav.ULaw, 1, 333), make([]byte, 333)...), math.MaxInt64/int64(time.Millisecond), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, fromMs, toMs int64) {
		from, to := millis(fromMs), millis(toMs)
		var out bytes.Buffer
		length, err := WAV(&out, bytes.NewReader(b), int64(len(b)), from, to)
		if err != nil {
			return
		}
		r, err := wav.NewReader(bytes.NewReader(out.Bytes()))
		if err != nil || r.DataBytes <= 0 || r.Duration() != length {
			t.Fatalf("%+v, %v long: %v", r.Info, length, err)
		}
		if to > 0 && length > to-max(from, 0)+time.Second/time.Duration(r.Rate)+1 {
			t.Fatalf("from %v to %v there is %v", from, to, length)
		}
		if samples := out.Bytes()[r.DataOffset : r.DataOffset+r.DataBytes]; !bytes.Contains(b, samples) {
			t.Fatalf("%x is not in the source", samples)
		}
	})
}
