// Package oggtest helps tests to say with any bytes what only sealed pages can
// say. It starts no goroutine.
package oggtest

import (
	"bytes"
	"encoding/binary"
)

const (
	headerBytes = 27
	crcAt       = 22
)

// Reseal is a copy of file in which every stretch that is laid out as a page has
// the checksum of one: whatever else a fuzzer changed in it is then believed.
func Reseal(file []byte) []byte {
	file = bytes.Clone(file)
	for rest := file; ; {
		at := bytes.Index(rest, []byte("OggS"))
		if at < 0 {
			return file
		}
		rest = rest[at:]
		size := pageBytes(rest)
		if size == 0 {
			rest = rest[4:]
			continue
		}
		page := rest[:size]
		copy(page[crcAt:], []byte{0, 0, 0, 0})
		binary.LittleEndian.PutUint32(page[crcAt:], checksum(page))
		rest = rest[size:]
	}
}

// pageBytes is how long the page is with which b begins; 0 if none does.
func pageBytes(b []byte) int {
	if len(b) < headerBytes || b[4] != 0 {
		return 0
	}
	size := headerBytes + int(b[26])
	if len(b) < size {
		return 0
	}
	for _, n := range b[headerBytes:size] {
		size += int(n)
	}
	if len(b) < size {
		return 0
	}
	return size
}

// checksum is RFC 3533's, bit by bit: slow, and nobody's but the tests'.
func checksum(b []byte) (crc uint32) {
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			carry := crc & (1 << 31)
			crc <<= 1
			if carry != 0 {
				crc ^= 0x04c11db7
			}
		}
	}
	return crc
}
