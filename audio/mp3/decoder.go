package mp3

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	gomp3 "github.com/hajimehoshi/go-mp3"
)

// Decoder decodes a file's frames one after another. A frame that cannot be
// decoded is silence, so that what follows stays in its place.
type Decoder struct {
	info    Info
	scanner *scanner
	feed    bytes.Reader
	mp3     *gomp3.Decoder // nil: begin anew with the next frame
	begun   bool
	// reservoir is how many bytes of earlier frames go-mp3 has at hand.
	reservoir int
	stereo    []byte  // one decoded frame, as go-mp3 makes it
	out       []int16 // what Read has not taken yet
	skip      int     // samples a channel still to leave out
	left      int64   // samples a channel still to give
	damaged   int
}

// NewDecoder scans the file, then decodes from its start. What cannot be
// trusted to go-mp3 is refused with ErrUntrusted.
func NewDecoder(r io.ReadSeeker) (*Decoder, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("find the end of the MP3 file: %w", err)
	}
	first := newScanner(r)
	first.size, first.mostIn = size, mostBefore
	info, err := scan(first)
	if err != nil {
		return nil, err
	}
	if err := info.Trusted(); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("go back to the start of the MP3 file: %w", err)
	}
	d := &Decoder{info: info, scanner: newScanner(r), skip: info.head, left: info.Samples()}
	d.scanner.size = size
	return d, nil
}

// Info is what the file holds.
func (d *Decoder) Info() Info { return d.info }

// Damaged is how many frames could not be decoded so far.
func (d *Decoder) Damaged() int { return d.damaged }

// Read reads samples, Info().Channels of them interleaved, into pcm; io.EOF
// after the last.
func (d *Decoder) Read(pcm []int16) (int, error) {
	for len(d.out) == 0 {
		if d.left == 0 {
			return 0, io.EOF
		}
		f, err := d.scanner.next()
		if err != nil {
			return 0, err
		}
		if !d.begun {
			d.begun = true
			if _, ok := parseXing(f); ok {
				continue
			}
		}
		d.frame(f)
	}
	n := copy(pcm, d.out)
	d.out = d.out[n:]
	return n, nil
}

// frame decodes one frame and puts what is to be given of it into out.
func (d *Decoder) frame(f frame) {
	d.stereo = append(d.stereo[:0], make([]byte, 4*f.samples())...)
	if f.cut {
		d.mp3 = nil
	}
	if err := d.decode(f); err != nil {
		d.mp3 = nil
		d.damaged++
		clear(d.stereo)
	}
	from := min(d.skip, f.samples())
	d.skip -= from
	n := int(min(int64(f.samples()-from), d.left))
	d.left -= int64(n)
	d.out = d.out[:0]
	for i := from; i < from+n; i++ {
		for c := range d.info.Channels {
			d.out = append(d.out, int16(binary.LittleEndian.Uint16(d.stereo[4*i+2*c:])))
		}
	}
}

// decode runs go-mp3 over exactly one frame. Its faults are errors here.
func (d *Decoder) decode(f frame) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("go-mp3: %v", r)
		}
	}()
	begin, data := f.mainDataBegin(), f.data
	missing := begin > d.reservoir
	if d.mp3 == nil {
		// A decoder that begins here has nothing of the frames before. It gets the
		// frame as if it needed none of them, for the sake of those that follow.
		missing = begin > 0
		begin, d.reservoir = 0, 0
		data = f.withoutReservoir()
	} else if missing {
		begin = d.reservoir
	}
	d.reservoir = begin + f.size() - f.body() - f.sideInfo()
	d.feed.Reset(data)
	if d.mp3 == nil {
		if d.mp3, err = gomp3.NewDecoder(onlyReader{&d.feed}); err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(d.mp3, d.stereo); err != nil {
		return err
	}
	if d.feed.Len() != 0 {
		return fmt.Errorf("go-mp3 left %d bytes of the frame", d.feed.Len())
	}
	if missing {
		d.damaged++
		clear(d.stereo)
	}
	return nil
}

// onlyReader hides that the frame could be sought in: go-mp3 would read it all.
type onlyReader struct{ io.Reader }

// mainDataBegin is how many bytes before the frame's own its data begin.
func (f frame) mainDataBegin() int {
	at := f.body()
	if f.version == MPEG1 {
		return int(f.data[at])<<1 | int(f.data[at+1]>>7) // nine bits
	}
	return int(f.data[at]) // eight
}

// withoutReservoir is the frame with its main_data_begin set to 0.
func (f frame) withoutReservoir() []byte {
	data := bytes.Clone(f.data)
	at := f.body()
	data[at] = 0
	if f.version == MPEG1 {
		data[at+1] &= 0x7f
	}
	return data
}
