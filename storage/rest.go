package storage

import (
	"bytes"
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
func LiveAudioFrom(part earshot.Part, audio []byte, fromMs int64) ([]byte, error) {
	rest, err := restOf(part, bytes.NewReader(audio), fromMs)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(rest)
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
	head, offset, err := excerpt.Rest(seekingReader{file}, size, from)
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
	return &joined{head: head, file: file, offset: offset, size: int64(len(head)) + size - offset}, nil
}

// joined are head and what of file comes from offset on.
type joined struct {
	head   []byte
	file   io.ReadSeeker
	offset int64
	size   int64 // bytes in all
	at     int64
}

// Read reads on.
func (j *joined) Read(p []byte) (int, error) {
	if j.at >= j.size {
		return 0, io.EOF
	}
	if j.at < int64(len(j.head)) {
		n := copy(p, j.head[j.at:])
		j.at += int64(n)
		return n, nil
	}
	if _, err := j.file.Seek(j.offset+j.at-int64(len(j.head)), io.SeekStart); err != nil {
		return 0, err
	}
	n, err := j.file.Read(p)
	j.at += int64(n)
	return n, err
}

// Seek sets the place from which Read reads.
func (j *joined) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += j.at
	case io.SeekEnd:
		offset += j.size
	}
	if offset < 0 {
		return 0, errors.New("a place before the file")
	}
	j.at = offset
	return offset, nil
}
