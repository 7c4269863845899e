package evidence

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"earshot"
)

// ErrCannotSilence means that a stretch was to be silenced in a file that can only
// be handed over whole.
var ErrCannotSilence = earshot.Fail(earshot.Conflict, "cannot_silence",
	"a stretch cannot be silenced in a recording that was brought in: its original goes into the package whole; leave the stretch or the call out")

// Cuts says whether pages of a part's file can be left out or silenced: those that
// our recorder wrote. What was brought in goes into a package whole.
func Cuts(c earshot.Call, part earshot.Part) bool { return c.Origin == nil && part.Codec.Recorded() }

// CheckSilence is ErrCannotSilence where one of the stretches touches a part that
// can only be handed over whole.
func CheckSilence(c earshot.Call, silence []earshot.PackageSilence) error {
	for _, s := range silence {
		for _, part := range c.Parts {
			touches := s.Call == c.ID && s.FromMs < part.StartMs+part.DurationMs && s.ToMs > part.StartMs
			if touches && !Cuts(c, part) {
				return ErrCannotSilence
			}
		}
	}
	return nil
}

// Decode writes what is to be heard of a part's file as samples of 16 bits, one
// channel, at rate Hz. It fails with ErrUndecodable where nothing can.
type Decode func(ctx context.Context, part earshot.Part, file io.ReadSeeker, rate int, w io.Writer) error

// ErrUndecodable means that no decoder makes anything of a recording.
var ErrUndecodable = errors.New("the recording cannot be decoded")

// decoded has a file that was brought in decoded for the mix, by way of a
// temporary file; nil where that is impossible.
func (b *builder) decoded(file io.ReadCloser, part earshot.Part) (io.ReadCloser, error) {
	seeker, ok := file.(io.ReadSeeker)
	if b.in.Decode == nil || !ok {
		return nil, nil
	}
	temp, err := os.CreateTemp(b.in.TempDir, "package-*.tmp")
	if err != nil {
		return nil, err
	}
	if os.Remove(temp.Name()) != nil {
		b.temps = append(b.temps, temp.Name())
	}
	if err = b.in.Decode(b.ctx, part, seeker, mixRate, temp); err == nil {
		_, err = temp.Seek(0, io.SeekStart)
	}
	if err == nil {
		return temp, nil
	}
	err = errors.Join(err, temp.Close())
	if errors.Is(err, ErrUndecodable) {
		return nil, nil
	}
	return nil, fmt.Errorf("decode part %d: %w", part.N, err)
}

// rawSamples reads what Decode wrote.
func rawSamples(file io.Reader) func() ([]int16, error) {
	raw, out := make([]byte, 2*mixChunk), make([]int16, 0, mixChunk)
	return func() ([]int16, error) {
		n, err := io.ReadFull(file, raw)
		if n < 2 {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return nil, err
		}
		out = out[:0]
		for i := 0; i+1 < n; i += 2 {
			out = append(out, int16(binary.LittleEndian.Uint16(raw[i:])))
		}
		return out, nil
	}
}
