package ogg

import (
	"errors"
	"fmt"
	"io"
)

// LastGranule is the granule position of the last good page of the stream on
// which a packet ends, looked up from the end of the file, and that page's
// offset. ErrNotOgg if there is none.
func LastGranule(r io.ReaderAt, size int64, serial uint32) (granule, offset int64, err error) {
	for span := int64(2 * MaxPageBytes); ; span *= 4 {
		from := max(size-span, 0)
		granule, offset, err = lastIn(r, from, size, serial)
		if err != nil || offset >= 0 {
			return granule, offset, err
		}
		if from == 0 {
			return 0, 0, fmt.Errorf("%w of stream %08x on which a packet ends", ErrNotOgg, serial)
		}
	}
}

// lastIn is the last such page that begins in [from, to); offset −1 if none does.
func lastIn(r io.ReaderAt, from, to int64, serial uint32) (granule, offset int64, err error) {
	s := NewScannerAt(io.NewSectionReader(r, from, to-from), from)
	offset = -1
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return granule, offset, nil
		}
		if err != nil {
			return 0, -1, err
		}
		if page.Serial == serial && page.Granule != NoGranule {
			granule, offset = page.Granule, page.Offset
		}
	}
}

// Mark is a page found by SeekGranule.
type Mark struct {
	Offset  int64 // of the page
	Granule int64 // of the page
	Before  int64 // granule of the page before it; 0 for the first
}

// SeekGranule finds by bisection the first page of the stream on which a
// packet ends later than granule: the page in which that sample lies. io.EOF
// if the stream ends before. Granules must grow along the file.
func SeekGranule(r io.ReaderAt, size int64, serial uint32, granule int64) (Mark, error) {
	// Every page that begins before lo ends at or before granule; one that
	// begins at hi or later ends after it.
	lo, hi := int64(0), size
	for hi-lo > 4*MaxPageBytes {
		mid := lo + (hi-lo)/2
		offset, g, next, err := pageFrom(r, mid, hi, serial)
		if err != nil {
			return Mark{}, err
		}
		switch {
		case offset < 0 || g > granule:
			hi = mid
		default:
			lo = next
		}
	}
	return seekAlong(r, lo, size, serial, granule)
}

// pageFrom is the first page of the stream with a granule that begins in
// [from, before); offset −1 if there is none.
func pageFrom(r io.ReaderAt, from, before int64, serial uint32) (offset, granule, next int64, err error) {
	s := NewScannerAt(io.NewSectionReader(r, from, before+MaxPageBytes-from), from)
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return -1, 0, 0, nil
		}
		if err != nil {
			return -1, 0, 0, err
		}
		if page.Offset >= before {
			return -1, 0, 0, nil
		}
		if page.Serial == serial && page.Granule != NoGranule {
			return page.Offset, page.Granule, page.Offset + int64(page.Size), nil
		}
	}
}

// seekAlong looks at page after page from lo on, which is where a page begins
// or the file's start.
func seekAlong(r io.ReaderAt, lo, size int64, serial uint32, granule int64) (Mark, error) {
	before := int64(0)
	if lo > 0 {
		var err error
		if before, _, err = LastGranule(r, lo, serial); err != nil {
			return Mark{}, err
		}
	}
	s := NewScannerAt(io.NewSectionReader(r, lo, size-lo), lo)
	for {
		page, err := s.Next()
		if err != nil {
			return Mark{}, err
		}
		if page.Serial != serial || page.Granule == NoGranule {
			continue
		}
		if page.Granule > granule {
			return Mark{Offset: page.Offset, Granule: page.Granule, Before: before}, nil
		}
		before = page.Granule
	}
}
