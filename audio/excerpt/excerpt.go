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
// its own and answers how long it is. A to of 0 or less is the file's end.
func WAV(w io.Writer, r io.ReaderAt, size int64, from, to time.Duration) (time.Duration, error) {
	in, err := wav.NewReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return 0, err
	}
	info, frame := in.Info, int64(in.FrameBytes())
	bytes := max(size-info.DataOffset, 0)
	if info.DataBytes >= 0 {
		bytes = min(bytes, info.DataBytes)
	}
	total := bytes / frame
	at := func(d time.Duration) int64 {
		return min(max(samplesIn(d, info.Rate), 0), total)
	}
	first, last := at(from), total
	if to > 0 {
		last = at(to)
	}
	if first >= last {
		return 0, ErrEmpty
	}
	n := (last - first) * frame
	if _, err := w.Write(wav.AppendHeaderOf(nil, info, n)); err != nil {
		return 0, fmt.Errorf("write excerpt: %w", err)
	}
	if _, err := io.Copy(w, io.NewSectionReader(r, info.DataOffset+first*frame, n)); err != nil {
		return 0, fmt.Errorf("write excerpt: %w", err)
	}
	if _, err := w.Write(wav.Pad(n)); err != nil {
		return 0, fmt.Errorf("write excerpt: %w", err)
	}
	return time.Duration((last - first) * int64(time.Second) / int64(info.Rate)), nil
}

// samplesIn is how many samples at rate Hz lie in d. Whole seconds are counted
// apart: a span that somebody asks for may be longer than any recording, and
// must not come out as another place in it.
func samplesIn(d time.Duration, rate int) int64 {
	return int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second)
}
