package excerpt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"earshot/audio/mp3"
	"earshot/audio/wav"
)

// framesApart is how many frames lie between two that an index knows.
const framesApart = 64

// MP3Index knows where the frames of an MP3 file lie, so that it can be taken up
// anywhere at once: how long a file is up to a byte is only known by counting its
// frames. It may be used from any goroutine.
type MP3Index struct {
	offset, size int64 // of the frames and their tags in the file
	end          int64 // of the last frame, tags left out
	marks        []mp3Mark
	frames       int // with audio
	tail         int // samples to leave out at the end
	vbr          bool
}

// mp3Mark is a frame and what is before it.
type mp3Mark struct {
	offset int64
	at     float64 // seconds, players' time
	frames int
}

// IndexMP3 goes through an MP3 file of size bytes: through all of it, which takes
// some 10 ms an hour where it is in memory.
func IndexMP3(r io.ReaderAt, size int64) (*MP3Index, error) {
	x := &MP3Index{size: size}
	if f, err := wav.Parse(r, size); err == nil && f.Encoding == wav.MP3 {
		x.offset, x.size = f.DataOffset, f.DataBytes
	}
	body := io.NewSectionReader(r, x.offset, x.size)
	end, err := mp3.Tail(body, x.size)
	if err != nil {
		return nil, err
	}
	x.end = end
	return x, x.read(mp3.NewFrames(body, end))
}

func (x *MP3Index) read(frames *mp3.Frames) error {
	at, begun, bitrate := 0.0, false, 0
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			x.tail = frames.Tail()
			return nil
		}
		if err != nil {
			return fmt.Errorf("index MP3 frames: %w", err)
		}
		if !begun {
			begun, at = true, -float64(frames.Head())/float64(f.Rate)
		}
		if f.Info {
			continue
		}
		if x.frames%framesApart == 0 {
			x.marks = append(x.marks, mp3Mark{f.Offset, at, x.frames})
		}
		if x.frames == 0 {
			bitrate = f.Bitrate()
		}
		x.vbr = x.vbr || f.Bitrate() != bitrate
		x.frames++
		at += float64(f.Samples) / float64(f.Rate)
	}
}

// Rest is the file as if it began at from, to be read from any place: a few frames
// made anew, and all that follow as they are. The beginning is exact to the sample
// for players that heed what the first frame says. ErrEmpty if the file ends before.
func (x *MP3Index) Rest(r io.ReaderAt, from time.Duration) (io.ReadSeeker, error) {
	body := io.NewSectionReader(r, x.offset, x.size)
	c := &mp3Cut{from: max(from, 0).Seconds(), to: math.Inf(1), every: 1}
	near := x.before(c.from)
	c.at = near.at
	frames, passed := mp3.NewFramesAt(body, x.end, near.offset), near.frames
	for !c.begun {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return nil, ErrEmpty
		}
		if err != nil {
			return nil, fmt.Errorf("take up an MP3 file: %w", err)
		}
		if _, err := c.take(f); err != nil {
			return nil, err
		}
		passed++
	}
	return x.join(body, c, x.frames-passed)
}

// before is a frame far enough before an instant to know by then all that the frame
// there needs.
func (x *MP3Index) before(seconds float64) mp3Mark {
	i := 0
	for i+1 < len(x.marks) && x.marks[i+1].at <= seconds {
		i++
	}
	if len(x.marks) == 0 {
		return mp3Mark{}
	}
	return x.marks[max(i-1, 0)]
}

// join puts what c has chosen before what comes behind its first frame, more frames.
func (x *MP3Index) join(body io.ReaderAt, c *mp3Cut, more int) (io.ReadSeeker, error) {
	offset := c.first.Offset
	left := x.end - offset
	about := mp3.About{
		Frames: c.frames + more,
		Bytes:  c.bytes - int64(len(c.first.Data)) + left,
		Head:   c.skip,
		Tail:   x.tail,
		VBR:    x.vbr,
	}
	about.Index = x.hundredths(c, about)
	info, err := c.first.InfoFrame(about)
	if err != nil {
		return nil, fmt.Errorf("take up an MP3 file: %w", err)
	}
	head := bytes.NewBuffer(append(info, c.silence...))
	for _, run := range c.runs {
		n := min(run.bytes, offset-run.offset) // what lies before the first frame
		if n <= 0 {
			continue
		}
		if _, err := io.Copy(head, io.NewSectionReader(body, run.offset, n)); err != nil {
			return nil, fmt.Errorf("take up an MP3 file: %w", err)
		}
	}
	return &rest{
		head:   head.Bytes(),
		tail:   plain{io.NewSectionReader(body, 0, x.end)},
		offset: offset,
		size:   int64(head.Len()) + left,
	}, nil
}

// hundredths is where each hundredth of the rest's time lies, in 256ths of its bytes.
func (x *MP3Index) hundredths(c *mp3Cut, about mp3.About) (table [100]byte) {
	first, next := x.frames-(about.Frames-c.frames)-1, 0 // the frame that c begins with
	for i := range table {
		wanted := first + i*(x.frames-first)/100
		for next+1 < len(x.marks) && x.marks[next+1].frames <= wanted {
			next++
		}
		if len(x.marks) > 0 {
			table[i] = byte(max(x.marks[next].offset-c.first.Offset, 0) * 256 / max(about.Bytes, 1))
		}
	}
	return table
}

// plain reads a file as it is.
type plain struct{ io.ReaderAt }

func (p plain) readAt(b []byte, offset int64) (int, error) {
	n, err := p.ReadAt(b, offset)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
