package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"earshot"
	"earshot/audio/excerpt"
)

// ErrNoAudio means that nothing was recorded in the span asked for.
var ErrNoAudio = earshot.Fail(earshot.NotFound, "no_audio", "nothing was recorded in that span")

// Excerpt is what was recorded from fromMs until toMs of a call's timeline, as a
// complete file of the part's media type; a toMs of 0 is the call's end. The
// span is cut to the one part in it. It fails with earshot.ErrNoCall, `bad_span`,
// ErrNoAudio, and earshot.ErrManyParts where several parts lie in the span.
func (a *Archive) Excerpt(ctx context.Context, id string, fromMs, toMs int64) ([]byte, earshot.Part, error) {
	c, err := a.Call(ctx, id)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	if toMs == 0 {
		toMs = max(c.DurationMs, fromMs+1)
	}
	if fromMs < 0 || toMs <= fromMs || toMs > maxTimelineMs {
		return nil, earshot.Part{}, earshot.Fail(earshot.Invalid, "bad_span", "an excerpt begins in the call and ends after it begins")
	}
	part, err := partIn(c, fromMs, toMs)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	audio, err := a.cut(part, fromMs, toMs)
	return audio, part, err
}

// maxTimelineMs is longer than any call; a time beyond it is nonsense.
const maxTimelineMs = int64(48 * time.Hour / time.Millisecond)

// partIn is the only part of c with audio in the span.
func partIn(c earshot.Call, fromMs, toMs int64) (earshot.Part, error) {
	var in []earshot.Part
	for _, p := range c.Parts {
		if p.SHA256 != "" && p.Track != earshot.TrackHelper && p.StartMs < toMs && p.StartMs+p.DurationMs > fromMs {
			in = append(in, p)
		}
	}
	switch len(in) {
	case 0:
		return earshot.Part{}, ErrNoAudio
	case 1:
		return in[0], nil
	}
	return earshot.Part{}, earshot.ErrManyParts
}

func (a *Archive) cut(part earshot.Part, fromMs, toMs int64) (audio []byte, err error) {
	file, size, err := a.files.Open(part.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, earshot.ErrNoPart.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open part %s: %w", part.File, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()

	from := time.Duration(max(fromMs-part.StartMs, 0)) * time.Millisecond
	to := time.Duration(min(toMs-part.StartMs, part.DurationMs)) * time.Millisecond
	var out bytes.Buffer
	if part.Codec == earshot.Opus {
		_, err = excerpt.Opus(&out, seekingReader{file}, size, from, to, fmt.Sprintf("EARSHOT_EXCERPT=%d-%d", fromMs, toMs))
	} else {
		_, err = excerpt.WAV(&out, seekingReader{file}, size, from, to)
	}
	if errors.Is(err, excerpt.ErrEmpty) {
		return nil, ErrNoAudio.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("cut an excerpt out of %s: %w", part.File, err)
	}
	return out.Bytes(), nil
}

// seekingReader reads at any place of a file that nobody else reads.
type seekingReader struct{ file io.ReadSeeker }

func (r seekingReader) ReadAt(p []byte, at int64) (int, error) {
	if _, err := r.file.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.file, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
