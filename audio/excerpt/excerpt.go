// Package excerpt cuts a span of time out of a recording and makes a complete
// file of it, without coding anything again. It starts no goroutine.
package excerpt

import (
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/audio/wav"
)

// ErrEmpty means that the recording has no audio in the span.
var ErrEmpty = errors.New("the recording has no audio there")

// WAV writes what lies in [from, to) of a WAVE file of size bytes as a file of
// its own and answers how long it is. A to of 0 or less is the file's end. Blocks
// of ADPCM or GSM are not torn apart: those that touch the span are taken, so that
// it begins and ends up to a block earlier and later.
func WAV(w io.Writer, r io.ReaderAt, size int64, from, to time.Duration) (time.Duration, error) {
	f, err := wav.Parse(r, size)
	if err != nil {
		return 0, err
	}
	if !f.Encoding.InBlocks() && !f.Native() {
		return 0, fmt.Errorf("%w: encoding %d cannot be cut", wav.ErrNotWAV, f.Encoding)
	}
	first, last := spanIn(f, from, to)
	if first >= last {
		return 0, ErrEmpty
	}
	perBlock := int64(f.BlockSamples)
	block, behind := first/perBlock, (last+perBlock-1)/perBlock
	start := block * int64(f.Block)
	n := min(behind*int64(f.Block), f.DataBytes) - start
	samples := min(behind*perBlock, f.Samples) - block*perBlock
	var head []byte
	if f.Encoding.InBlocks() {
		head = wav.AppendBlocksHeader(nil, f, n, samples)
	} else {
		head = wav.AppendHeaderOf(nil, f.Info, n)
	}
	if _, err := w.Write(head); err != nil {
		return 0, fmt.Errorf("write excerpt: %w", err)
	}
	if _, err := io.Copy(w, io.NewSectionReader(r, f.DataOffset+start, n)); err != nil {
		return 0, fmt.Errorf("write excerpt: %w", err)
	}
	if _, err := w.Write(wav.Pad(n)); err != nil {
		return 0, fmt.Errorf("write excerpt: %w", err)
	}
	return time.Duration(samples/int64(f.Rate))*time.Second + time.Duration(samples%int64(f.Rate)*int64(time.Second)/int64(f.Rate)), nil
}

// spanIn is which samples of f lie in [from, to).
func spanIn(f wav.File, from, to time.Duration) (first, last int64) {
	at := func(d time.Duration) int64 { return min(max(samplesIn(d, f.Rate), 0), f.Samples) }
	first, last = at(from), f.Samples
	if to > 0 {
		last = at(to)
	}
	return first, last
}

// samplesIn is how many samples at rate Hz lie in d. Whole seconds are counted
// apart: a span that somebody asks for may be longer than any recording, and
// must not come out as another place in it.
func samplesIn(d time.Duration, rate int) int64 {
	return int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second)
}
