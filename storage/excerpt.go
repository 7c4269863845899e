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
	part, toMs, err := partIn(c, fromMs, toMs, func(p earshot.Part) bool { return p.SHA256 != "" })
	if err != nil {
		return nil, earshot.Part{}, err
	}
	audio, err := a.cut(part, fromMs, toMs)
	return audio, part, err
}

// LiveExcerpt is Excerpt of a call c that is still recorded. soFar is a complete
// file of what there is of a part until now.
func LiveExcerpt(c earshot.Call, fromMs, toMs int64, soFar func(part earshot.Part) ([]byte, error)) ([]byte, earshot.Part, error) {
	part, toMs, err := partIn(c, fromMs, toMs, func(earshot.Part) bool { return true })
	if err != nil {
		return nil, earshot.Part{}, err
	}
	whole, err := soFar(part)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	audio, err := cutFrom(part, bytes.NewReader(whole), int64(len(whole)), fromMs, toMs)
	return audio, part, err
}

// maxTimelineMs is longer than any call; a time beyond it is nonsense.
const maxTimelineMs = int64(48 * time.Hour / time.Millisecond)

// partIn is the only part of c that counts and has audio in the span, and where
// the span ends.
func partIn(c earshot.Call, fromMs, toMs int64, counts func(earshot.Part) bool) (part earshot.Part, end int64, err error) {
	if toMs == 0 {
		toMs = max(c.DurationMs, fromMs+1)
	}
	if fromMs < 0 || toMs <= fromMs || toMs > maxTimelineMs {
		return part, 0, earshot.Fail(earshot.Invalid, "bad_span", "an excerpt begins in the call and ends after it begins")
	}
	var in []earshot.Part
	for _, p := range c.Parts {
		if counts(p) && p.Track != earshot.TrackHelper && p.StartMs < toMs && p.StartMs+p.DurationMs > fromMs {
			in = append(in, p)
		}
	}
	switch len(in) {
	case 0:
		return part, 0, ErrNoAudio
	case 1:
		return in[0], toMs, nil
	}
	return part, 0, earshot.ErrManyParts
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
	return cutFrom(part, seekingReader{file}, size, fromMs, toMs)
}

// cutFrom cuts the span out of the part's file, of size bytes.
func cutFrom(part earshot.Part, file io.ReaderAt, size, fromMs, toMs int64) (audio []byte, err error) {
	from := time.Duration(max(fromMs-part.StartMs, 0)) * time.Millisecond
	to := time.Duration(min(toMs-part.StartMs, part.DurationMs)) * time.Millisecond
	var out bytes.Buffer
	if part.Codec == earshot.Opus {
		_, err = excerpt.Opus(&out, file, size, from, to, fmt.Sprintf("EARSHOT_EXCERPT=%d-%d", fromMs, toMs))
	} else {
		_, err = excerpt.WAV(&out, file, size, from, to)
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
