package files

import (
	"encoding/binary"
	"hash/crc32"
)

// The journal's format on the disk; docs/recording-format.md says the same, and
// a test holds the two together. All numbers are little-endian.
const (
	journalFolder  = "journal"
	segmentSuffix  = ".journal"
	damagedSuffix  = ".damaged"
	segmentMagic   = "ESJRNL1\n"
	segmentVersion = 1

	segmentHeadSize = 64 // bytes
	recordHeadSize  = 16 // bytes
	recordAlign     = 8  // bytes; every record begins on such a boundary
	maxPayload      = 16 << 20

	recordMagic0, recordMagic1 = 0xE5, 0x4A

	flagState = 1 << 0 // of the states that a segment begins with
	flagBegun = 1 << 1 // those are complete; the payload is the segment's head once more
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentHead is what a segment begins with.
type segmentHead struct {
	number  uint64
	salt    uint64 // random, so that no record of another segment passes here
	lost    uint64 // records that were not written since the segment before it
	skipped uint32 // numbers directly before this one that were given up
}

func (h segmentHead) encode() []byte {
	b := make([]byte, segmentHeadSize)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], segmentVersion)
	binary.LittleEndian.PutUint32(b[12:], h.skipped)
	binary.LittleEndian.PutUint64(b[16:], h.number)
	binary.LittleEndian.PutUint64(b[24:], h.salt)
	binary.LittleEndian.PutUint64(b[32:], h.lost)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

// decodeSegmentHead reads the head that b begins with, if it is one of the given
// number.
func decodeSegmentHead(b []byte, number uint64) (segmentHead, bool) {
	if len(b) < segmentHeadSize || string(b[:8]) != segmentMagic {
		return segmentHead{}, false
	}
	h := segmentHead{
		skipped: binary.LittleEndian.Uint32(b[12:]),
		number:  binary.LittleEndian.Uint64(b[16:]),
		salt:    binary.LittleEndian.Uint64(b[24:]),
		lost:    binary.LittleEndian.Uint64(b[32:]),
	}
	ok := binary.LittleEndian.Uint32(b[60:]) == crc32.Checksum(b[:60], castagnoli) &&
		binary.LittleEndian.Uint32(b[8:]) == segmentVersion && h.number == number
	return h, ok
}

// seed is what the checksums of the segment's records begin with.
func (h segmentHead) seed() uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], h.number)
	binary.LittleEndian.PutUint64(b[8:], h.salt)
	return crc32.Checksum(b[:], castagnoli)
}

// recordSize is how many bytes a record takes with its padding.
func recordSize(payload int) int {
	return (recordHeadSize + payload + recordAlign - 1) &^ (recordAlign - 1)
}

// appendRecord encodes a record behind dst. The payload is the pieces, one after
// another, size bytes in all.
func appendRecord(dst []byte, seed uint32, flags, kind uint8, call uint32, size int, pieces ...[]byte) []byte {
	start := len(dst)
	dst = append(dst, recordMagic0, recordMagic1, flags, kind)
	dst = binary.LittleEndian.AppendUint32(dst, call)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(size))
	dst = append(dst, 0, 0, 0, 0)
	for _, piece := range pieces {
		dst = append(dst, piece...)
	}
	record := dst[start:]
	binary.LittleEndian.PutUint32(record[12:], recordSum(seed, record))
	for (len(dst)-start)%recordAlign != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// recordSum is the checksum over a record's head, without the sum itself, and
// its payload.
func recordSum(seed uint32, record []byte) uint32 {
	sum := crc32.Update(seed, castagnoli, record[:12])
	return crc32.Update(sum, castagnoli, record[recordHeadSize:])
}
