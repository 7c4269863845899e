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

// MP3 writes what lies in [from, to) of an MP3 file of size bytes as a file of its
// own, of the same frames, and answers how long it is. A to of 0 or less is the
// file's end. Comments, NAME=text, go into its tag.
//
// A frame needs one or two before it, and up to 511 bytes of those before them. So
// the file begins with a silent frame that carries these bytes, and with the frames
// before the first; an information frame tells players to leave them out, and
// what of the first and the last frame lies outside the span.
func MP3(w io.Writer, r io.ReaderAt, size int64, from, to time.Duration, comments ...string) (time.Duration, error) {
	if f, err := wav.Parse(r, size); err == nil && f.Encoding == wav.MP3 {
		r, size = io.NewSectionReader(r, f.DataOffset, f.DataBytes), f.DataBytes
	}
	c := &mp3Cut{from: max(from, 0).Seconds(), to: math.Inf(1)}
	if to > 0 {
		c.to = to.Seconds()
	}
	end, err := mp3.Tail(r, size)
	if err != nil {
		return 0, err
	}
	if err := c.choose(mp3.NewFrames(r, end)); err != nil {
		return 0, err
	}
	return c.write(w, r, comments)
}

// mp3Cut chooses frames.
type mp3Cut struct {
	from, to float64 // seconds, players' time

	at        float64     // where the frame lies that comes next, in seconds
	head      float64     // what of the file's start players leave out, in seconds
	reservoir []byte      // main data of the frames before the one that comes next
	before    []mp3.Frame // the two before the one that comes next

	begun   bool
	first   mp3.Frame // of the span
	silence []byte    // what goes before it
	skip    int       // samples to leave out at the start
	tail    int       // and at the end
	runs    []run
	frames  int
	bytes   int64
	vbr     bool
	ends    []int64 // how many bytes come before the end of each frame that is a multiple of every
	every   int
	length  float64 // seconds
	rate    float64 // of the last frame, Hz
}

// run are bytes of the file that follow one another.
type run struct{ offset, bytes int64 }

// choose goes through the file's frames.
func (c *mp3Cut) choose(frames *mp3.Frames) error {
	begun := false
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			c.leaveTail(frames.Tail())
			return c.end()
		}
		if err != nil {
			return fmt.Errorf("cut an excerpt: %w", err)
		}
		if !begun {
			begun = true
			c.head = float64(frames.Head()) / float64(f.Rate)
			c.at = -c.head
		}
		if f.Info {
			continue
		}
		if done, err := c.take(f); done || err != nil {
			return errors.Join(err, c.end())
		}
	}
}

// take looks at the next frame; done behind the span.
func (c *mp3Cut) take(f mp3.Frame) (done bool, err error) {
	start, long := c.at, float64(f.Samples)/float64(f.Rate)
	c.at += long
	if start >= c.to-0.5/float64(f.Rate) {
		return true, nil
	}
	if c.at > c.from+0.5/float64(f.Rate) {
		if !c.begun {
			if err := c.begin(f, start); err != nil {
				return true, err
			}
		}
		c.add(f)
		c.rate = float64(f.Rate)
		c.tail = int(math.Round(max(c.at-c.to, 0) * c.rate))
		c.length = min(c.at, c.to) - max(c.from, 0)
		return false, nil
	}
	c.remember(f)
	return false, nil
}

// begin puts before the first frame what it needs.
func (c *mp3Cut) begin(f mp3.Frame, start float64) error {
	c.begun, c.first = true, f.Clone()
	c.skip = int(math.Round((c.from - start) * float64(f.Rate)))
	warm := c.warm(f)
	needs, have := f, c.reservoir
	for _, w := range warm {
		have = have[:max(len(have)-len(w.MainData()), 0)] // what a frame gives is not for itself
	}
	if len(warm) > 0 {
		needs = warm[0]
	}
	have = have[max(len(have)-needs.MainDataBegin(), 0):]
	silence, err := f.Silence(have)
	if err != nil {
		return fmt.Errorf("cut an excerpt: %w", err)
	}
	c.silence = silence
	c.skip += f.Samples
	c.frames, c.bytes = 1, int64(len(silence))
	c.every = 1
	c.noteEnd()
	for _, w := range warm {
		c.skip += w.Samples
		c.add(w)
	}
	return nil
}

// warm are the frames that a decoder must have heard before f to be right about
// it: those with the two granules of 576 samples before it. The first granule lends
// its overlap to the second, which fills the filters.
func (c *mp3Cut) warm(f mp3.Frame) []mp3.Frame {
	from, samples := len(c.before), 0
	for from > 0 && samples < 1152 && c.before[from-1].Like(f) {
		from--
		samples += c.before[from].Samples
	}
	return c.before[from:]
}

// leaveTail leaves out what players leave out at the file's end, of which so many
// samples are.
func (c *mp3Cut) leaveTail(samples int) {
	if samples > c.tail && c.begun {
		c.length -= float64(samples-c.tail) / c.rate
		c.tail = samples
	}
}

func (c *mp3Cut) add(f mp3.Frame) {
	if n := len(c.runs); n > 0 && c.runs[n-1].offset+c.runs[n-1].bytes == f.Offset {
		c.runs[n-1].bytes += int64(len(f.Data))
	} else {
		c.runs = append(c.runs, run{f.Offset, int64(len(f.Data))})
	}
	c.vbr = c.vbr || f.Bitrate() != c.first.Bitrate()
	c.frames++
	c.bytes += int64(len(f.Data))
	c.noteEnd()
}

// mostEnds is far more than the hundred places of an information frame.
const mostEnds = 4096

// noteEnd notes where the last frame ends; of days of frames every other, and so on.
func (c *mp3Cut) noteEnd() {
	if c.frames%c.every != 0 {
		return
	}
	c.ends = append(c.ends, c.bytes)
	if len(c.ends) < mostEnds {
		return
	}
	half := c.ends[:0]
	for i := 1; i < len(c.ends); i += 2 {
		half = append(half, c.ends[i])
	}
	c.ends, c.every = half, 2*c.every
}

// remember keeps what a later frame may need.
func (c *mp3Cut) remember(f mp3.Frame) {
	const most = 4096 // what a frame needs of others, and two frames' own
	c.reservoir = append(c.reservoir, f.MainData()...)
	if n := len(c.reservoir) - most; n > 0 {
		c.reservoir = append(c.reservoir[:0], c.reservoir[n:]...)
	}
	c.before = append(c.before, f.Clone())
	if len(c.before) > 2 {
		c.before = append(c.before[:0], c.before[1:]...)
	}
}

// end says whether there is anything.
func (c *mp3Cut) end() error {
	if !c.begun || c.length <= 0 {
		return ErrEmpty
	}
	return nil
}

// write writes tag, information frame, silence and frames.
func (c *mp3Cut) write(w io.Writer, r io.ReaderAt, comments []string) (time.Duration, error) {
	about := mp3.About{Frames: c.frames, Bytes: c.bytes, Head: c.skip, Tail: c.tail, VBR: c.vbr}
	for i := range about.Index {
		if at := min(i*c.frames/100/c.every, len(c.ends)); at > 0 {
			about.Index[i] = byte(c.ends[at-1] * 256 / max(c.bytes, 1))
		}
	}
	info, err := c.first.InfoFrame(about)
	if err != nil {
		return 0, fmt.Errorf("cut an excerpt: %w", err)
	}
	for _, b := range [][]byte{commentTag(comments), info, c.silence} {
		if _, err := w.Write(b); err != nil {
			return 0, fmt.Errorf("write excerpt: %w", err)
		}
	}
	for _, run := range c.runs {
		if _, err := io.Copy(w, io.NewSectionReader(r, run.offset, run.bytes)); err != nil {
			return 0, fmt.Errorf("write excerpt: %w", err)
		}
	}
	return time.Duration(math.Round(c.length * float64(time.Second))), nil
}

// commentTag is an ID3v2.4 tag with comments, NAME=text; nothing without them.
func commentTag(comments []string) []byte {
	size := func(n int) []byte {
		return []byte{byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}
	}
	var frames []byte
	for _, comment := range comments {
		name, text, _ := bytes.Cut([]byte(comment), []byte("="))
		body := bytes.Join([][]byte{append([]byte{3}, name...), text}, []byte{0})
		frames = append(frames, "TXXX"...)
		frames = append(append(frames, size(len(body))...), 0, 0)
		frames = append(frames, body...)
	}
	if frames == nil {
		return nil
	}
	return append(append([]byte("ID3\x04\x00\x00"), size(len(frames))...), frames...)
}
