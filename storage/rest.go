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

// AudioFrom is Audio of a part of Opus or MP3 that begins at fromMs of the call's
// timeline: who jumps into hours of Opus need not look for the place by halving them
// over the network, and of MP3 not guess it from a bitrate that changes. It can be
// read from any place. ErrCannotCut for other codecs, ErrNoAudio where the part has
// ended, convert.ErrDamaged.
func (a *Archive) AudioFrom(ctx context.Context, id string, n int, fromMs int64) (io.ReadSeekCloser, earshot.Part, error) {
	file, part, err := a.Audio(ctx, id, n)
	if err != nil {
		return nil, part, err
	}
	rest, err := a.restOf(ctx, part, file, fromMs)
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
	return restOf(part, audio, fromMs, opusRest)
}

// restFrom makes what comes from a place on of a file of size bytes.
type restFrom func(r io.ReaderAt, size int64, from time.Duration) (io.ReadSeeker, error)

func opusRest(r io.ReaderAt, size int64, from time.Duration) (io.ReadSeeker, error) {
	return excerpt.Rest(r, size, from)
}

func (a *Archive) restOf(ctx context.Context, part earshot.Part, file io.ReadSeeker, fromMs int64) (io.ReadSeeker, error) {
	if part.Codec != earshot.MP3 {
		return restOf(part, file, fromMs, opusRest)
	}
	return restOf(part, file, fromMs, func(r io.ReaderAt, size int64, from time.Duration) (io.ReadSeeker, error) {
		places, err := a.mp3Places.of(part.SHA256, func() (*excerpt.MP3Index, error) { return excerpt.IndexMP3(wanted{ctx, r}, size) })
		if err != nil {
			return nil, err
		}
		return places.Rest(r, from)
	})
}

func restOf(part earshot.Part, file io.ReadSeeker, fromMs int64, from restFrom) (io.ReadSeeker, error) {
	if fromMs <= part.StartMs {
		return file, nil
	}
	if part.Codec != earshot.Opus && part.Codec != earshot.MP3 {
		return nil, ErrCannotCut
	}
	if fromMs > maxTimelineMs {
		return nil, errBadSpan
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("open part %s: %w", part.File, err)
	}
	rest, err := from(seekingReader{file}, size, time.Duration(fromMs-part.StartMs)*time.Millisecond)
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
