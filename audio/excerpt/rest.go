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

// Rest makes an Ogg Opus file of size bytes begin at from: head comes in the place
// of all before offset, from where the file goes on as it is. So it can be read
// from any place, as the file can. The beginning is exact to the sample; granules
// stay what they are in the file. It fails with ErrEmpty if the file ends before,
// and with ErrNoRest.
func Rest(r io.ReaderAt, size int64, from time.Duration) (head []byte, offset int64, err error) {
	file, err := open(r, size)
	if err != nil {
		return nil, 0, err
	}
	c, start, err := file.cutFrom(r, size, from)
	if err != nil {
		return nil, 0, err
	}
	next, err := restPage(r, size, start, file.serial, c.roll)
	if err != nil {
		return nil, 0, err
	}
	if next.Offset-start.Offset > mostRestHead || next.Before-c.first > longestRestHole {
		return nil, 0, ErrNoRest
	}
	var anew bytes.Buffer
	c.w, c.placed = &anew, true
	if err := timed(packetsIn(r, start.Offset, next.Offset), start.Before, c.packet); err != nil {
		return nil, 0, err
	}
	if next.Offset == size {
		_, err := c.finish()
		return anew.Bytes(), size, err
	}
	if err := c.upTo(next.Before); err != nil {
		return nil, 0, err
	}
	return anew.Bytes(), next.Offset, nil
}

// restPage is the page from which on the file is left as it is: the first that begins
// with a packet behind roll. At the file's end it is none.
func restPage(r io.ReaderAt, size int64, start ogg.Mark, serial uint32, roll int64) (ogg.Mark, error) {
	s := ogg.NewScannerAt(io.NewSectionReader(r, start.Offset, size-start.Offset), start.Offset)
	before := start.Before
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return ogg.Mark{Offset: size, Before: before}, nil
		}
		if err != nil {
			return ogg.Mark{}, fmt.Errorf("find the rest: %w", err)
		}
		if page.Serial != serial {
			continue
		}
		if page.Flags&ogg.Continued == 0 && before > roll {
			return ogg.Mark{Offset: page.Offset, Granule: page.Granule, Before: before}, nil
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
