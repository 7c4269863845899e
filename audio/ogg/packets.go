package ogg

import (
	"errors"
	"fmt"
	"io"
)

// Packet is one packet of a stream.
type Packet struct {
	Data    []byte // valid until the next call
	Granule int64  // of the page, where this is the last packet that ends on it; else NoGranule
	Page    int64  // offset of the page on which it ends
	Lost    bool   // pages are missing between the packet before and this one
	Last    bool   // the page is marked as the last
}

// PacketReader joins the pieces of one stream's packets. Packets of which a
// piece is missing are left out.
type PacketReader struct {
	s      *Scanner
	serial uint32
	chosen bool

	queue   []Packet // whole packets of the page read last
	next    int
	held    []byte // a packet's pieces from pages before
	partial bool
	seq     uint32
	begun   bool
	lost    bool
}

// NewPacketReader reads the packets of the first stream whose page comes.
func NewPacketReader(s *Scanner) *PacketReader { return &PacketReader{s: s} }

// Serial is the stream's number, once the first packet was read.
func (r *PacketReader) Serial() uint32 { return r.serial }

// Next is the next packet; io.EOF after the last.
func (r *PacketReader) Next() (Packet, error) {
	for r.next == len(r.queue) {
		page, err := r.s.Next()
		if err != nil {
			return Packet{}, err
		}
		if !r.chosen {
			r.serial, r.chosen = page.Serial, true
		}
		if page.Serial == r.serial {
			r.take(page)
		}
	}
	p := r.queue[r.next]
	r.next++
	return p, nil
}

// take puts a page's whole packets into the queue.
func (r *PacketReader) take(page *Page) {
	r.queue, r.next = r.queue[:0], 0
	if r.begun && page.Sequence != r.seq+1 {
		r.lost, r.partial = true, false
	}
	r.begun, r.seq = true, page.Sequence
	if page.Flags&Continued == 0 {
		r.partial = false
	}
	first := true
	page.Packets(func(piece []byte, whole bool) bool {
		continued := first && page.Flags&Continued != 0
		first = false
		switch {
		case continued && !r.partial: // the rest of a packet whose beginning is gone
			r.lost = true
			return true
		case continued:
			r.held = append(r.held, piece...)
			piece = r.held
		case !whole:
			r.held = append([]byte(nil), piece...)
		}
		r.partial = !whole
		if whole {
			r.queue = append(r.queue, Packet{Data: piece, Granule: NoGranule, Page: page.Offset, Lost: r.lost, Last: page.Flags&Last != 0})
			r.lost = false
		}
		return true
	})
	if n := len(r.queue); n > 0 {
		r.queue[n-1].Granule = page.Granule
	}
}

// OpusReader reads an Ogg Opus file's audio packets.
type OpusReader struct {
	Head    OpusHead
	Tags    OpusTags
	packets *PacketReader
	scanner *Scanner
}

// NewOpusReader reads the two headers.
func NewOpusReader(r io.Reader) (*OpusReader, error) {
	s := NewScanner(r)
	o := &OpusReader{packets: NewPacketReader(s), scanner: s}
	p, err := o.packets.Next()
	if err != nil {
		return nil, missing(err, ErrNotOgg)
	}
	if o.Head, err = ParseOpusHead(p.Data); err != nil {
		return nil, err
	}
	if p, err = o.packets.Next(); err != nil {
		return nil, missing(err, ErrNotOpus)
	}
	if o.Tags, err = ParseOpusTags(p.Data); err != nil {
		return nil, err
	}
	return o, nil
}

// Next is the next audio packet; io.EOF after the last.
func (o *OpusReader) Next() (Packet, error) { return o.packets.Next() }

// Serial is the stream's number.
func (o *OpusReader) Serial() uint32 { return o.packets.Serial() }

// Damage is what was passed over so far.
func (o *OpusReader) Damage() []Damage { return o.scanner.Damage() }

// missing says what is not there when a file ends before its headers do.
func missing(err, what error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the file ends before its headers do", what)
	}
	return err
}
