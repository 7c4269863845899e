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

// Scan reads a whole file and says what it holds: ErrNotMP3 where there are no
// frames, ErrFreeFormat where they cannot be told apart.
func Scan(r io.Reader) (Info, error) {
	var info Info
	s := newScanner(r)
	var bits, samples int64
	var length float64 // seconds
	var first header
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Info{}, err
		}
		if info.Frames == 0 {
			if x, ok := parseXing(f); ok {
				info.trim(x)
				continue
			}
			first = f.header
			info.Version, info.Rate = f.version, f.rate
		}
		info.Frames++
		info.Channels = max(info.Channels, f.channels)
		info.VBR = info.VBR || f.bitrate != first.bitrate
		bits += int64(f.bitrate) * int64(f.samples())
		samples += int64(f.samples())
		length += float64(f.samples()) / float64(f.rate)
		if info.untrusted == nil {
			info.untrusted = f.trusted()
		}
		if info.untrusted == nil && f.rate != first.rate {
			info.untrusted = fmt.Errorf("%w: its sample rate changes", ErrUntrusted)
		}
	}
	info.Skipped, info.Torn = s.skipped, s.torn
	if info.Frames == 0 {
		if s.free {
			return Info{}, ErrFreeFormat
		}
		return Info{}, ErrNotMP3
	}
	if int64(info.head+info.tail) >= samples {
		info.head, info.tail = 0, 0
	}
	info.Bitrate = int(bits / samples)
	length -= float64(info.head+info.tail) / float64(info.Rate)
	info.Duration = time.Duration(length * float64(time.Second))
	return info, nil
}

// trim takes over what an encoder says that it has put at both ends.
func (i *Info) trim(x xing) {
	if x.delay == 0 && x.padding == 0 {
		return
	}
	i.head, i.tail = x.delay+decoderDelay, max(x.padding-decoderDelay, 0)
}
