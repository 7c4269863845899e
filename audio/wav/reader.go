package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"earshot/audio/g711"
	"earshot/audio/pcm"
)

// ErrNotWAV is in the chain of errors about files that are no WAVE file, or
// none that can be read.
var ErrNotWAV = errors.New("not a WAVE file that can be read")

func notWAV(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotWAV, fmt.Sprintf(format, args...))
}

// Info is what a WAVE file's header says.
type Info struct {
	Encoding   Encoding
	Channels   int
	Rate       int   // Hz
	Bits       int   // of a sample
	DataOffset int64 // of the first sample in the file
	DataBytes  int64 // as the header says; −1 where it does not know
}

// FrameBytes is how many bytes one sample of all channels takes.
func (i Info) FrameBytes() int { return i.Channels * i.Bits / 8 }

// Duration is how long DataBytes last; 0 where that is not known, and never more
// than a Duration can say, whatever the header claims.
func (i Info) Duration() time.Duration {
	frames, rate := max(i.DataBytes, 0)/int64(max(i.FrameBytes(), 1)), int64(i.Rate)
	if frames/rate >= math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(frames/rate)*time.Second + time.Duration(frames%rate*int64(time.Second)/rate)
}

// Reader reads the samples of a WAVE file.
type Reader struct {
	Info
	r    io.Reader
	left int64 // bytes; −1 until the end of r
	buf  []byte
}

// NewFileReader is NewReader of a file that Parse has looked at: it reads what
// Parse found, whatever the header says. ErrNotWAV where it is not Native.
func NewFileReader(r io.ReaderAt, f File) (*Reader, error) {
	if !f.Native() {
		return nil, notWAV("encoding %d with %d bits", f.Encoding, f.Bits)
	}
	return &Reader{Info: f.Info, r: io.NewSectionReader(r, f.DataOffset, f.DataBytes), left: f.DataBytes}, nil
}

// maxFmt bounds the fmt chunk; real ones have 16 to 40 bytes.
const maxFmt = 4096

// NewReader reads up to the first sample. Chunks it does not know are passed
// over, at odd sizes too; sizes of 0 or 2³²−1, as streams have them, mean until
// the end.
func NewReader(r io.Reader) (*Reader, error) {
	w := &Reader{r: r}
	head, err := w.take(12)
	if err != nil {
		return nil, notWAV("it ends in its header")
	}
	form := string(head[:4])
	if !isForm(form) || string(head[8:12]) != "WAVE" {
		return nil, notWAV("it does not begin with RIFF and WAVE")
	}
	long := int64(-1) // the data's size in RF64
	for {
		head, err := w.take(8)
		if err != nil {
			return nil, notWAV("it has no data chunk")
		}
		id, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		switch id {
		case "data":
			return w, w.begin(size, long)
		case "fmt ":
			if err := w.format(size); err != nil {
				return nil, err
			}
		case "ds64":
			if size < 24 || size > maxFmt {
				return nil, notWAV("a ds64 chunk of %d bytes", size)
			}
			b, err := w.take(size + size&1)
			if err != nil {
				return nil, notWAV("it ends in its ds64 chunk")
			}
			long = int64(binary.LittleEndian.Uint64(b[8:]) &^ (1 << 63))
		default:
			if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
				return nil, notWAV("it ends in its chunk %q", id)
			}
			w.DataOffset += size + size&1
		}
	}
}

func (w *Reader) take(n int64) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(w.r, b)
	w.DataOffset += n
	return b, err
}

// begin sets how much data there is.
func (w *Reader) begin(size, long int64) error {
	if w.Channels == 0 {
		return notWAV("its data come before its format")
	}
	w.DataBytes = size
	if size == math.MaxUint32 && long >= 0 {
		w.DataBytes = long
	} else if size == 0 || size == math.MaxUint32 {
		w.DataBytes = -1
	}
	w.left = w.DataBytes
	return nil
}

func (w *Reader) format(size int64) error {
	if size < 16 || size > maxFmt {
		return notWAV("a fmt chunk of %d bytes", size)
	}
	b, err := w.take(size + size&1)
	if err != nil {
		return notWAV("it ends in its fmt chunk")
	}
	f, err := parseFormat(b[:size])
	if err != nil {
		return err
	}
	w.Encoding, w.Channels, w.Rate, w.Bits = f.encoding, f.channels, f.rate, f.bits
	if w.sample() == nil {
		return notWAV("encoding %d with %d bits", w.Encoding, w.Bits)
	}
	return nil
}

// sample is how one sample is read; nil where that is not known.
func (w *Reader) sample() func(b []byte) int16 {
	le := binary.LittleEndian
	type kind struct {
		encoding Encoding
		bits     int
	}
	switch (kind{w.Encoding, w.Bits}) {
	case kind{PCM, 8}:
		return func(b []byte) int16 { return int16(int(b[0])-128) << 8 }
	case kind{PCM, 16}:
		return func(b []byte) int16 { return int16(le.Uint16(b)) }
	case kind{PCM, 24}:
		return func(b []byte) int16 { return int16(le.Uint16(b[1:])) }
	case kind{PCM, 32}:
		return func(b []byte) int16 { return int16(le.Uint16(b[2:])) }
	case kind{Float, 32}:
		return func(b []byte) int16 { return fromFloat(float64(math.Float32frombits(le.Uint32(b)))) }
	case kind{Float, 64}:
		return func(b []byte) int16 { return fromFloat(math.Float64frombits(le.Uint64(b))) }
	case kind{ALaw, 8}:
		return func(b []byte) int16 { return g711.ALaw(b[0]) }
	case kind{ULaw, 8}:
		return func(b []byte) int16 { return g711.ULaw(b[0]) }
	}
	return nil
}

func fromFloat(f float64) int16 {
	if math.IsNaN(f) {
		return 0
	}
	return pcm.Clip(int(math.Round(max(min(f, 2), -2) * 32768)))
}

// Read reads samples of all channels, interleaved, into dst, which has room for
// at least one of each; io.EOF after the last whole one. A file that ends before
// its header says so just ends.
func (w *Reader) Read(dst []int16) (int, error) {
	frame := w.FrameBytes()
	want := int64(len(dst) / w.Channels * frame)
	if w.left >= 0 {
		want = min(want, w.left)
	}
	if int64(cap(w.buf)) < want {
		w.buf = make([]byte, want)
	}
	n, err := io.ReadFull(w.r, w.buf[:want])
	if w.left >= 0 {
		w.left -= int64(n)
	}
	n -= n % frame
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("read samples: %w", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	sample, width := w.sample(), w.Bits/8
	for i := 0; i < n; i += width {
		dst[i/width] = sample(w.buf[i : i+width])
	}
	return n / width, nil
}
