package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"earshot"
	"earshot/audio/excerpt"
	"earshot/audio/ogg"
	"earshot/storage/convert"
)

// AudioFrom is Audio of a part of Opus that begins at fromMs of the call's timeline:
// who jumps into hours of audio need not look for the place by halving them over
// the network. It can be read from any place. ErrCannotCut for what is not Opus,
// ErrNoAudio where the part has ended, convert.ErrDamaged.
func (a *Archive) AudioFrom(ctx context.Context, id string, n int, fromMs int64) (io.ReadSeekCloser, earshot.Part, error) {
	file, part, err := a.Audio(ctx, id, n)
	if err != nil {
		return nil, part, err
	}
	rest, err := restOf(part, file, fromMs)
	if err != nil {
		return nil, part, errors.Join(err, file.Close())
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{rest, file}, part, nil
}

// LiveAudioFrom is AudioFrom of a part that is still recorded, of which audio is
// what there is.
func LiveAudioFrom(part earshot.Part, audio io.ReadSeeker, fromMs int64) (io.ReadSeeker, error) {
	return restOf(part, audio, fromMs)
}

func restOf(part earshot.Part, file io.ReadSeeker, fromMs int64) (io.ReadSeeker, error) {
	if fromMs <= part.StartMs {
		return file, nil
	}
	if part.Codec != earshot.Opus {
		return nil, ErrCannotCut
	}
	if fromMs > maxTimelineMs {
		return nil, errBadSpan
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("open part %s: %w", part.File, err)
	}
	from := time.Duration(fromMs-part.StartMs) * time.Millisecond
	rest, err := excerpt.Rest(seekingReader{file}, size, from)
	switch {
	case errors.Is(err, excerpt.ErrEmpty):
		return nil, ErrNoAudio.Because(err)
	case errors.Is(err, excerpt.ErrNoRest):
		return nil, ErrCannotCut.Because(err)
	case errors.Is(err, ogg.ErrNotOgg), errors.Is(err, ogg.ErrNotOpus):
		return nil, convert.ErrDamaged.Because(err)
	case err != nil:
		return nil, fmt.Errorf("take up %s: %w", part.File, err)
	}
	return rest, nil
}
