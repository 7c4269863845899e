package excerpt

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"earshot/audio/ogg"
	"earshot/audio/opus"
)

// preRoll is how much a decoder must hear before it is right again (RFC 7845,
// section 4.6): 80 ms at 48 kHz. Players leave it out, as pre-skip.
const preRoll = 3840

// pageSamples is how much audio lies on one page: a second.
const pageSamples = 48000

// Opus writes what lies in [from, to) of an Ogg Opus file of size bytes as a
// file of its own and answers how long it is, to the sample. A to of 0 or less
// is the file's end. Comments are added to the file's tags. What is damaged in
// the file is silent in the excerpt, so that all else stays in its place.
func Opus(w io.Writer, r io.ReaderAt, size int64, from, to time.Duration, comments ...string) (time.Duration, error) {
	file, err := open(r, size)
	if err != nil {
		return 0, err
	}
	end := int64(math.MaxInt64)
	if to > 0 {
		end = file.granule(to)
	}
	c, at, err := file.cutFrom(r, size, from)
	if err != nil {
		return 0, err
	}
	if c.first >= end {
		return 0, ErrEmpty
	}
	c.w, c.end, c.comments = w, end, comments
	if err := timed(packetsIn(r, at.Offset, size), at.Before, c.packet); err != nil {
		return 0, err
	}
	return c.finish()
}

// packetsIn are the packets of the pages in [from, to), where a page begins at from.
func packetsIn(r io.ReaderAt, from, to int64) *ogg.PacketReader {
	return ogg.NewPacketReader(ogg.NewScannerAt(io.NewSectionReader(r, from, to-from), from))
}

// source is what the headers say.
type source struct {
	head   ogg.OpusHead
	tags   ogg.OpusTags
	serial uint32
	base   int64 // granule at which the first packet begins; 0 in all files but those cut out of streams
	audio  int64 // offset of the first page with audio
}

func open(r io.ReaderAt, size int64) (source, error) {
	o, err := ogg.NewOpusReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return source{}, err
	}
	s := source{head: o.Head, tags: o.Tags, serial: o.Serial(), audio: -1}
	samples := int64(0)
	for {
		p, err := o.Next()
		if errors.Is(err, io.EOF) {
			return s, ErrEmpty
		}
		if err != nil {
			return s, err
		}
		if s.audio < 0 {
			s.audio = p.Page
		}
		if p.Lost {
			return s, nil // where it begins can no longer be told
		}
		n, err := opus.Samples(p.Data)
		if err != nil {
			return s, err
		}
		samples += int64(n)
		if p.Granule != ogg.NoGranule {
			if !p.Last {
				s.base = max(p.Granule-samples, 0)
			}
			return s, nil
		}
	}
}

// granule is where the time d lies that players show.
func (s source) granule(d time.Duration) int64 {
	return samplesIn(max(d, 0), opus.SampleRate) + int64(s.head.PreSkip) + s.base
}

// cutFrom is a cut that begins at from, and the page from which on it needs packets.
func (s source) cutFrom(r io.ReaderAt, size int64, from time.Duration) (*cut, ogg.Mark, error) {
	first := s.granule(from)
	roll := max(first-preRoll, s.base)
	// A page may begin inside a packet: a second more makes sure that the first
	// one needed is whole.
	at, err := ogg.SeekGranule(r, size, s.serial, max(roll-pageSamples, 0))
	if errors.Is(err, io.EOF) {
		return nil, at, ErrEmpty
	}
	if err != nil {
		return nil, at, fmt.Errorf("find the excerpt: %w", err)
	}
	at.Offset, at.Before = max(at.Offset, s.audio), max(at.Before, s.base)
	return &cut{file: s, first: first, end: math.MaxInt64, roll: roll}, at, nil
}

// packet is a packet and the granules between which it lies.
type packet struct {
	data       []byte
	start, end int64
}

// timed calls fn with each packet and its place, until fn answers false. at is
// where the first packet begins unless something is missing; behind what is
// missing the granule of the page's end tells where packets lie.
func timed(r *ogg.PacketReader, at int64, fn func(packet) (more bool, err error)) error {
	var page []packet
	known := true
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read packets: %w", err)
		}
		n, err := opus.Samples(p.Data)
		if err != nil {
			known = false // as good as missing
			continue
		}
		known = known && !p.Lost
		page = append(page, packet{data: append([]byte(nil), p.Data...), end: int64(n)})
		if p.Granule == ogg.NoGranule {
			continue
		}
		at = place(page, at, p.Granule, known)
		known = true
		for _, one := range page {
			more, err := fn(one)
			if err != nil || !more {
				return err
			}
		}
		page = page[:0]
	}
}

func total(page []packet) (n int64) {
	for _, p := range page {
		n += p.end
	}
	return n
}

// place sets where a page's packets lie, whose end is their length before, and
// answers where the next page begins: one after another from at if nothing is
// missing, else backwards from granule. The last packet may be cut short.
func place(page []packet, at, granule int64, known bool) int64 {
	if sum := total(page); !known || granule > at+sum {
		at = max(granule-sum, at)
	}
	for i := range page {
		length := page[i].end
		page[i].start, page[i].end = at, at+length
		at += length
	}
	last := &page[len(page)-1]
	if granule < last.end {
		last.end = max(granule, last.start)
	}
	return max(granule, last.start)
}

// cut writes the packets of one excerpt.
type cut struct {
	w          io.Writer
	file       source
	first, end int64 // what is asked for
	roll       int64 // packets that end later are needed
	comments   []string

	pages ogg.Writer
	buf   []byte
	begun bool
	zero  int64 // the file's granule that is 0 in the excerpt: of the first packet's start
	at    int64 // where the next packet must begin
	held  int64 // where the page being gathered begins
}

// packet takes the next packet in.
func (c *cut) packet(p packet) (more bool, err error) {
	if p.start >= c.end {
		return false, nil
	}
	if p.end <= c.roll || p.end == p.start {
		return true, nil
	}
	if !c.begun {
		c.begin(p.start)
	}
	if err := c.fill(p.start); err != nil {
		return false, err
	}
	c.put(p.data, p.end)
	return true, c.flush(48 << 10)
}

// longestHole is more than any recording lasts: a jump beyond it is a fault in
// the file and not worth a day of fillers.
const longestHole = 24 * 3600 * opus.SampleRate

// fill puts fillers up to the packet that begins at start.
func (c *cut) fill(start int64) error {
	if start-c.at > longestHole {
		return fmt.Errorf("the recording jumps by %d samples", start-c.at)
	}
	for start-c.at >= 960 {
		c.put(c.filler(), c.at+960)
		if err := c.flush(48 << 10); err != nil {
			return err
		}
	}
	return nil
}

// begin writes the headers. If the excerpt's first packet is missing, fillers
// stand for it.
func (c *cut) begin(start int64) {
	c.begun = true
	if start > c.first {
		start -= (start - c.roll + 959) / 960 * 960 // one too many rather than a shifted beginning
	}
	c.zero, c.at, c.held = start, start, start
	head, tags := c.file.head, c.file.tags
	head.PreSkip = int(max(c.first-start, 0))
	tags.Comments = append(append([]string{}, tags.Comments...), c.comments...)
	c.pages = ogg.NewWriter(c.file.serial)
	c.buf = c.pages.Headers(c.buf, head, tags)
}

// put adds a packet that ends at end.
func (c *cut) put(data []byte, end int64) {
	// A full page is only closed when another packet comes: the last one needs
	// its mark.
	if c.at-c.held >= pageSamples {
		c.buf = c.pages.Flush(c.buf)
		c.held = c.at
	}
	c.buf = c.pages.Packet(c.buf, data, min(end, c.end)-c.zero)
	c.at = end
}

// filler is 20 ms of nothing in each of the file's streams.
func (c *cut) filler() []byte {
	var p []byte
	for range c.file.head.Streams - 1 {
		p = append(p, opus.Filler, 0)
	}
	return append(p, opus.Filler)
}

// flush hands over what was written, once it is more than limit.
func (c *cut) flush(limit int) error {
	if len(c.buf) <= limit {
		return nil
	}
	if _, err := c.w.Write(c.buf); err != nil {
		return fmt.Errorf("write excerpt: %w", err)
	}
	c.buf = c.buf[:0]
	return nil
}

func (c *cut) finish() (time.Duration, error) {
	samples := min(c.at, c.end) - c.first
	if !c.begun || samples <= 0 {
		return 0, ErrEmpty
	}
	c.buf = c.pages.Finish(c.buf)
	if err := c.flush(0); err != nil {
		return 0, err
	}
	return time.Duration(samples * int64(time.Second) / opus.SampleRate), nil
}
