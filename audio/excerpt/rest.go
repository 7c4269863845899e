package excerpt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/audio/ogg"
	"earshot/audio/opus"
)

// mostRestHead bounds what Rest makes anew: a file may have pages without end in
// which no packet begins, or a hole of hours.
const (
	mostRestHead    = 1 << 20               // bytes that are read for it
	longestRestHole = 600 * opus.SampleRate // that is filled
)

// ErrNoRest means that a file cannot go on as it is anywhere near where it is to begin.
var ErrNoRest = errors.New("the recording cannot be taken up there")

// Rest is an Ogg Opus file of size bytes as if it began at from, to be read from any
// place as the file itself can: the packets around from come on pages made anew, and
// all that follow as they are, on their pages. Only granules and numbers of pages
// are less: browsers take a file's time for what its granules say. The beginning is
// exact to the sample. It fails with ErrEmpty if the file ends before, and with
// ErrNoRest.
func Rest(r io.ReaderAt, size int64, from time.Duration) (io.ReadSeeker, error) {
	file, err := open(r, size)
	if err != nil {
		return nil, err
	}
	c, start, err := file.cutFrom(r, size, from)
	if err != nil {
		return nil, err
	}
	next, sequence, err := restPage(r, size, start, file.serial, c.roll)
	if err != nil {
		return nil, err
	}
	if next.Offset-start.Offset > mostRestHead || next.Before-c.first > longestRestHole {
		return nil, ErrNoRest
	}
	var head bytes.Buffer
	c.w = &head
	if err := timed(packetsIn(r, start.Offset, next.Offset), start.Before, c.packet); err != nil {
		return nil, err
	}
	if next.Offset == size {
		if _, err := c.finish(); err != nil {
			return nil, err
		}
		return bytes.NewReader(head.Bytes()), nil
	}
	if err := c.upTo(next.Before); err != nil {
		return nil, err
	}
	tail := &shifted{r: r, size: size, serial: file.serial, granule: c.zero, sequence: sequence - c.pages.Sequence}
	return &rest{head: head.Bytes(), tail: tail, offset: next.Offset, size: int64(head.Len()) + size - next.Offset}, nil
}

// restPage is the page from which on pages are left as they are, and its number: the
// first that begins with a packet behind roll. At the file's end it is none.
func restPage(r io.ReaderAt, size int64, start ogg.Mark, serial uint32, roll int64) (at ogg.Mark, sequence uint32, err error) {
	s := ogg.NewScannerAt(io.NewSectionReader(r, start.Offset, size-start.Offset), start.Offset)
	before := start.Before
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return ogg.Mark{Offset: size, Before: before}, 0, nil
		}
		if err != nil {
			return ogg.Mark{}, 0, fmt.Errorf("find the rest: %w", err)
		}
		if page.Serial != serial {
			continue
		}
		if page.Flags&ogg.Continued == 0 && before > roll {
			return ogg.Mark{Offset: page.Offset, Granule: page.Granule, Before: before}, page.Sequence, nil
		}
		if page.Granule != ogg.NoGranule {
			before = max(before, page.Granule)
		}
	}
}

// upTo fills what is missing up to where the file goes on, and ends the last page.
func (c *cut) upTo(granule int64) error {
	if !c.begun {
		c.begin(granule)
	}
	if err := c.fill(granule); err != nil {
		return err
	}
	c.buf = c.pages.Flush(c.buf)
	return c.flush(0)
}
