package mp3

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// decoderDelay is how many samples every MP3 decoder lags behind.
const decoderDelay = 529

// Info is what the frames of a file say.
type Info struct {
	Version  Version
	Rate     int // Hz, of the first frame
	Channels int // 2 if any frame has two
	Frames   int // with audio
	VBR      bool
	Bitrate  int // bit/s, the mean
	Duration time.Duration
	Skipped  int64 // bytes that belong to no frame and no tag
	Torn     bool  // the last frame ends too early and is left out

	// Bytes other than zero that belong to no frame and no tag: before the first
	// frame, between frames, behind the last.
	Before, Inside, Behind int64
	First                  int64 // where the first frame begins
	Joined                 bool  // another file begins inside
	Missing                int   // frames that its head says follow, and do not
	RateChanges            bool

	head, tail int   // samples a channel to leave out at start and end
	untrusted  error // why go-mp3 cannot decode it
}

// Trusted is nil if go-mp3 decodes the file right, else an ErrUntrusted that
// says why not.
func (i Info) Trusted() error { return i.untrusted }

// Samples is how many samples a channel the file has, without what encoders add
// at both ends.
func (i Info) Samples() int64 {
	return int64(i.Duration.Seconds()*float64(i.Rate) + 0.5)
}

// mostBefore is how much a file may have before its first frame, tags apart,
// when it is not known to be an MP3 file.
const mostBefore = 32 << 20

// Scan reads a whole file and says what it holds: ErrNotMP3 where there are no
// frames, ErrFreeFormat where they cannot be told apart.
func Scan(r io.Reader) (Info, error) { return scan(newScanner(r)) }

// ScanFile is Scan of a file of size bytes. It believes no tag that would be
// longer than the file, and gives up looking for a first frame after 32 MiB.
func ScanFile(r io.ReaderAt, size int64) (Info, error) {
	s := newScanner(io.NewSectionReader(r, 0, size))
	s.size, s.mostIn = size, mostBefore
	return scan(s)
}

func scan(s *scanner) (Info, error) {
	c := census{scanner: s}
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			return c.finish()
		}
		if err != nil {
			return Info{}, err
		}
		c.take(f)
	}
}

// census counts frames.
type census struct {
	Info
	scanner       *scanner
	first         header
	bits, samples int64
	begun         bool
	length        float64 // seconds
	junk          int64   // up to the frame before
	said          int     // frames, by the file's head; 0: it does not say
}

func (c *census) take(f frame) {
	if !c.begun {
		c.begun, c.First = true, f.offset
	}
	if junk := c.scanner.skipped - c.scanner.zeros; c.Frames == 0 {
		c.Before, c.junk = junk, junk
	} else {
		c.Inside += junk - c.junk
		c.junk = junk
	}
	x, isXing := parseXing(f)
	if c.Frames == 0 {
		if isXing {
			c.trim(x)
			c.said = x.frames
			return
		}
		c.first = f.header
		c.Version, c.Rate = f.version, f.rate
	}
	c.RateChanges = c.RateChanges || f.rate != c.first.rate
	c.Joined = c.Joined || c.RateChanges || c.Frames > 0 && (isXing || f.tagged)
	c.Frames++
	c.Channels = max(c.Channels, f.channels)
	c.VBR = c.VBR || f.bitrate != c.first.bitrate
	c.bits += int64(f.bitrate) * int64(f.samples())
	c.samples += int64(f.samples())
	c.length += float64(f.samples()) / float64(f.rate)
	if c.untrusted == nil {
		c.untrusted = f.trusted()
	}
	if c.untrusted == nil && c.RateChanges {
		c.untrusted = fmt.Errorf("%w: its sample rate changes", ErrUntrusted)
	}
}

func (c *census) finish() (Info, error) {
	c.Skipped, c.Torn = c.scanner.skipped, c.scanner.torn
	if c.Frames == 0 {
		if c.scanner.free {
			return Info{}, ErrFreeFormat
		}
		return Info{}, ErrNotMP3
	}
	c.Behind = c.scanner.skipped - c.scanner.zeros - c.junk
	if int64(c.head+c.tail) >= c.samples {
		c.head, c.tail = 0, 0
	}
	c.Missing = max(c.said-c.Frames, 0)
	c.Bitrate = int(c.bits / c.samples)
	length := c.length - float64(c.head+c.tail)/float64(c.Rate)
	c.Duration = time.Duration(length * float64(time.Second))
	return c.Info, nil
}

// trim takes over what an encoder says that it has put at both ends.
func (i *Info) trim(x xing) {
	if x.delay == 0 && x.padding == 0 {
		return
	}
	i.head, i.tail = x.delay+decoderDelay, max(x.padding-decoderDelay, 0)
}
