// Package ogg writes and reads Ogg pages (RFC 3533) and the headers of Opus in
// Ogg (RFC 7845). A Writer appends to memory, a Scanner reads from any reader;
// neither starts a goroutine.
package ogg

import (
	"encoding/binary"
	"errors"
)

// Page flags.
const (
	Continued byte = 1 << iota // the first packet began on the page before
	First                      // the first page of a stream
	Last                       // the last page of a stream
)

// Limits of the page format.
const (
	headerBytes = 27
	maxSegments = 255
	// MaxPageBytes is the size of the largest page there can be.
	MaxPageBytes = headerBytes + maxSegments + maxSegments*255
)

// NoGranule is the granule position of a page on which no packet ends.
const NoGranule = int64(-1)

// ErrNotOgg means that there is no page at all where one is needed.
var ErrNotOgg = errors.New("no Ogg page")

// Page is one page as it was read.
type Page struct {
	Offset   int64 // of its first byte in the file
	Size     int   // bytes, header included
	Flags    byte
	Granule  int64 // samples until the end of the last packet that ends here; NoGranule if none does
	Serial   uint32
	Sequence uint32
	Lacing   []byte
	Body     []byte
}

// Packets calls fn for each piece of a packet on the page: whole says that the
// packet ends with it. fn answering false stops.
func (p *Page) Packets(fn func(piece []byte, whole bool) bool) {
	at, size := 0, 0
	for i, l := range p.Lacing {
		size += int(l)
		if l == 255 && i < len(p.Lacing)-1 {
			continue
		}
		if !fn(p.Body[at:at+size:at+size], l < 255) {
			return
		}
		at, size = at+size, 0
	}
}

// pageHeader is where the fields of a page's header lie.
type pageHeader []byte

func (h pageHeader) flags() byte      { return h[5] }
func (h pageHeader) granule() int64   { return int64(binary.LittleEndian.Uint64(h[6:])) }
func (h pageHeader) serial() uint32   { return binary.LittleEndian.Uint32(h[14:]) }
func (h pageHeader) sequence() uint32 { return binary.LittleEndian.Uint32(h[18:]) }
func (h pageHeader) crc() uint32      { return binary.LittleEndian.Uint32(h[22:]) }
func (h pageHeader) segments() int    { return int(h[26]) }

var capture = []byte("OggS")

// crcTables are for eight bytes at a time: polynomial 0x04c11db7, no
// reflection, no inversion.
var crcTables = func() (t [8][256]uint32) {
	for i := range t[0] {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		t[0][i] = c
	}
	for i := range t[0] {
		for k := 1; k < 8; k++ {
			t[k][i] = t[k-1][i]<<8 ^ t[0][t[k-1][i]>>24]
		}
	}
	return t
}()

// Checksum goes on with the checksum crc (0 at first) over b.
func Checksum(crc uint32, b []byte) uint32 {
	t := &crcTables
	for len(b) >= 8 {
		crc ^= binary.BigEndian.Uint32(b)
		crc = t[7][crc>>24] ^ t[6][crc>>16&255] ^ t[5][crc>>8&255] ^ t[4][crc&255] ^
			t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
		b = b[8:]
	}
	for _, c := range b {
		crc = crc<<8 ^ t[0][byte(crc>>24)^c]
	}
	return crc
}

// pageChecksum is the checksum of a page, its own field counted as zero.
func pageChecksum(page []byte) uint32 {
	crc := Checksum(0, page[:22])
	crc = Checksum(crc, []byte{0, 0, 0, 0})
	return Checksum(crc, page[26:])
}
