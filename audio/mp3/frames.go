package mp3

import (
	"bytes"
	"io"
)

// Frame is one frame of a file, as it was found.
type Frame struct {
	Offset  int64  // in the file
	Data    []byte // valid until the next one is asked for
	Rate    int    // Hz
	Samples int    // a channel
	Info    bool   // it tells about the file and holds no audio
	frame   frame
}

// Frames finds the frames of a file one after another.
type Frames struct {
	scanner *scanner
	begun   bool
	head    int
	tail    int
}

// NewFrames begins at the start of a file of size bytes.
func NewFrames(r io.ReaderAt, size int64) *Frames {
	s := newScanner(io.NewSectionReader(r, 0, size))
	s.size, s.mostIn = size, mostBefore
	return &Frames{scanner: s}
}

// NewFramesAt goes on in a file at offset, where a frame begins that was found before.
func NewFramesAt(r io.ReaderAt, size, offset int64) *Frames {
	s := newScanner(io.NewSectionReader(r, offset, size-offset))
	s.size, s.at, s.mostIn = size, offset, mostBefore
	return &Frames{scanner: s, begun: true}
}

// Next is the next whole frame; io.EOF after the last.
func (f *Frames) Next() (Frame, error) {
	found, err := f.scanner.next()
	if err != nil {
		return Frame{}, err
	}
	out := Frame{Offset: found.offset, Data: found.data, Rate: found.rate, Samples: found.samples(), frame: found}
	if !f.begun {
		f.begun = true
		if x, ok := parseXing(found); ok {
			out.Info = true
			if x.delay != 0 || x.padding != 0 {
				f.head, f.tail = x.delay+decoderDelay, max(x.padding-decoderDelay, 0)
			}
		}
	}
	return out, nil
}

// Head and Tail are how many samples a channel players leave out at the start and
// at the end, once the first frame was read.
func (f *Frames) Head() int { return f.head }

// Tail is said at Head.
func (f *Frames) Tail() int { return f.tail }

// Clone is the frame with bytes that stay valid.
func (f Frame) Clone() Frame {
	f.Data = bytes.Clone(f.Data)
	f.frame.data = f.Data
	return f
}

// Bitrate of the frame, in bit/s.
func (f Frame) Bitrate() int { return f.frame.bitrate }

// MainDataBegin is how many bytes of frames before this one belong to it.
func (f Frame) MainDataBegin() int { return f.frame.mainDataBegin() }

// MainData is what lies behind the frame's side information.
func (f Frame) MainData() []byte { return f.Data[f.frame.body()+f.frame.sideInfo():] }

// Like says whether both can be of one stream.
func (f Frame) Like(o Frame) bool { return f.frame.like(o.frame.header) }

// MostReservoir is how many bytes of frames before a frame can belong to it.
const MostReservoir = 511
