package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// ErrDataFirst is an ErrNotWAV: the samples come before what says how to read
// them.
var ErrDataFirst = fmt.Errorf("%w: its data come before its format", ErrNotWAV)

// File is a WAVE file whose chunks have all been looked at.
type File struct {
	Info // DataBytes is what there really is of it

	Block        int   // bytes of a block, of encodings in blocks; else of one sample of all channels
	BlockSamples int   // a channel, in a block
	Samples      int64 // a channel

	Format []byte // the body of its fmt chunk

	HeaderLies bool    // a size in the header cannot be, or is not filled in
	Torn       bool    // the file ends before its data do
	Hidden     int64   // bytes behind the data that are no chunk: players leave them out
	Lists      []Chunk // INFO lists, ID3 tags, broadcast extensions
}

// Chunk is where the body of a chunk lies.
type Chunk struct {
	ID            string
	Offset, Bytes int64
}

// Duration is how long the samples last.
func (f File) Duration() time.Duration {
	rate := int64(f.Rate)
	if f.Samples/rate >= math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(f.Samples/rate)*time.Second + time.Duration(f.Samples%rate*int64(time.Second)/rate)
}

// Native says whether NewReader can read the samples.
func (f File) Native() bool {
	r := Reader{Info: f.Info}
	return r.sample() != nil
}

// mostChunks bounds how many chunks are looked at.
const mostChunks = 4096

// streamed is what programs begin with that write to a pipe and do not know yet.
const streamed = 0x7FFFF000

func isForm(id string) bool { return id == "RIFF" || id == "RF64" || id == "BW64" }

// Parse looks at all chunks of a WAVE file of size bytes, of any encoding, whether
// it can be read or not. The sizes in it are held against the file's. An error is
// an ErrNotWAV, or one of reading.
func Parse(r io.ReaderAt, size int64) (File, error) {
	p := parser{r: r, size: size, long: -1, fact: -1}
	head, err := p.read(0, 12)
	if err != nil {
		return File{}, err
	}
	if len(head) < 12 || !isForm(string(head[:4])) || string(head[8:]) != "WAVE" {
		return File{}, notWAV("it does not begin with RIFF and WAVE")
	}
	p.riff = int64(binary.LittleEndian.Uint32(head[4:]))
	if err := p.walk(); err != nil {
		return File{}, err
	}
	if p.file.DataOffset == 0 {
		if p.format.channels == 0 {
			return File{}, notWAV("it has neither format nor data")
		}
		return File{}, notWAV("it has no data chunk")
	}
	return p.finish()
}

type parser struct {
	r          io.ReaderAt
	size, riff int64
	long       int64 // the data's size in RF64
	fact       int64 // samples that the header claims
	format     format
	file       File
}

// read is up to n bytes from at on.
func (p *parser) read(at, n int64) ([]byte, error) {
	b := make([]byte, max(min(n, p.size-at), 0))
	k, err := p.r.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read a WAVE file: %w", err)
	}
	return b[:k], nil
}

// walk goes from chunk to chunk.
func (p *parser) walk() error {
	at := int64(12)
	for range mostChunks {
		head, err := p.read(at, 8)
		if err != nil {
			return err
		}
		if len(head) < 8 {
			return nil
		}
		if !plausible(head) || isForm(string(head[:4])) { // or another file begins
			if p.file.DataOffset > 0 {
				p.file.Hidden = p.size - at
			}
			return nil
		}
		c := Chunk{string(head[:4]), at + 8, int64(binary.LittleEndian.Uint32(head[4:]))}
		if c.ID == "data" && p.file.DataOffset == 0 {
			if c.Bytes, err = p.data(c); err != nil {
				return err
			}
		} else if err := p.chunk(c); err != nil {
			return err
		}
		if at, err = p.behind(c); err != nil {
			return err
		}
	}
	return nil
}

// behind is where the next chunk begins. Odd ones should be followed by a byte of
// padding, which some writers forget.
func (p *parser) behind(c Chunk) (int64, error) {
	end := c.Offset + c.Bytes
	if c.Bytes%2 == 0 {
		return end, nil
	}
	padded, err := p.read(end+1, 8)
	if err != nil || len(padded) < 8 || plausible(padded) {
		return end + 1, err
	}
	bare, err := p.read(end, 8)
	if err == nil && plausible(bare) {
		return end, nil
	}
	return end + 1, err
}

// plausible says whether a chunk can begin so.
func plausible(head []byte) bool {
	for _, c := range head[:min(4, len(head))] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(head) >= 8
}

// chunk takes in what is not data.
func (p *parser) chunk(c Chunk) error {
	le := binary.LittleEndian
	most := int64(40)
	if c.ID == "fmt " {
		most = maxFmt
	}
	body, err := p.read(c.Offset, min(c.Bytes, most))
	if err != nil {
		return err
	}
	switch c.ID {
	case "fmt ":
		if int64(len(body)) < min(c.Bytes, 16) {
			return notWAV("it ends in its fmt chunk")
		}
		if p.format, err = parseFormat(body); err != nil {
			return err
		}
		p.file.Format = body
	case "ds64":
		if len(body) >= 16 {
			p.long = int64(le.Uint64(body[8:]) &^ (1 << 63))
		}
	case "fact":
		if len(body) >= 4 {
			p.fact = int64(le.Uint32(body))
		}
	case "LIST", "id3 ", "ID3 ", "bext":
		if (c.ID != "LIST" || string(body[:min(4, len(body))]) == "INFO") && len(p.file.Lists) < 16 {
			c.Bytes = min(c.Bytes, p.size-c.Offset)
			p.file.Lists = append(p.file.Lists, c)
		}
	}
	return nil
}

// data settles how many bytes of audio there are.
func (p *parser) data(c Chunk) (int64, error) {
	if p.format.channels == 0 {
		return 0, ErrDataFirst
	}
	there := p.size - c.Offset
	says := c.Bytes
	if says == math.MaxUint32 && p.long > 0 {
		says = p.long
	}
	f := &p.file
	switch {
	case says >= streamed && p.long <= 0 && (there < says || says == math.MaxUint32):
		says, f.HeaderLies = there, true
	case says == 0 && there > 0:
		next, err := p.read(c.Offset, 8)
		if err != nil {
			return 0, err
		}
		if !p.isLast(next, c.Offset) {
			says, f.HeaderLies = there, true
		}
	case says > there:
		// Either the file is not whole, or its header was never right.
		f.Torn = p.riff == math.MaxUint32 || p.riff+8 > p.size
		says, f.HeaderLies = there, !f.Torn
	case there-says >= 1<<32 && (there-says)%(1<<32) < 1<<16:
		says, f.HeaderLies = there, true // its size went round
	}
	f.DataOffset, f.DataBytes = c.Offset, says
	return says, nil
}

// isLast says whether head is that of a chunk which lies within the file.
func (p *parser) isLast(head []byte, at int64) bool {
	return plausible(head) && at+8+int64(binary.LittleEndian.Uint32(head[4:])) <= p.size
}

func (p *parser) finish() (File, error) {
	f, format := &p.file, p.format
	f.Encoding, f.Channels, f.Rate, f.Bits = format.encoding, format.channels, format.rate, format.bits
	if err := format.check(); err != nil {
		return File{}, err
	}
	if !f.Encoding.InBlocks() {
		f.Block, f.BlockSamples = max(f.FrameBytes(), 1), 1
		f.Samples = f.DataBytes / int64(f.Block)
		return *f, nil
	}
	f.Bits = format.raw
	f.Block = format.block
	f.BlockSamples = format.samplesIn(format.block)
	last := format.samplesIn(int(f.DataBytes % int64(f.Block)))
	f.Samples = f.DataBytes/int64(f.Block)*int64(f.BlockSamples) + int64(last)
	// The last block is filled up: fact says how much of it counts.
	switch short := f.Samples - p.fact; {
	case p.fact < 0 || f.Torn || short == 0:
	case short > 0 && short < int64(f.BlockSamples)+int64(last) && p.fact > 0:
		f.Samples = p.fact
	default:
		f.HeaderLies = f.HeaderLies || p.fact > 0
	}
	return *f, nil
}
