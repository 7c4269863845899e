package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"earshot"
	"earshot/audio/excerpt"
	"earshot/audio/wav"
)

// ErrNoAudio means that nothing was recorded in the span asked for.
var ErrNoAudio = earshot.Fail(earshot.NotFound, "no_audio", "nothing was recorded in that span")

// Clip is a span of one part that has been found and not been cut yet. Close it.
type Clip struct {
	Part         earshot.Part
	FromMs, ToMs int64 // what of the part it has, on the call's timeline
	audio        io.ReaderAt
	size         int64
	close        func() error
}

// Excerpt finds what was recorded from fromMs until toMs of a call's timeline; a
// toMs of 0 is the call's end. n says in which part; with 0 the span is cut to
// the one part in it. It fails with earshot.ErrNoCall, earshot.ErrNoPart,
// `bad_span`, ErrNoAudio, ErrCannotCut, and earshot.ErrManyParts where several
// parts lie in the span. The clip can be cut until ctx ends.
func (a *Archive) Excerpt(ctx context.Context, id string, n int, fromMs, toMs int64) (*Clip, error) {
	c, err := a.Call(ctx, id)
	if err != nil {
		return nil, err
	}
	clip, err := clipOf(c, n, fromMs, toMs, func(p earshot.Part) bool { return p.SHA256 != "" })
	if err != nil {
		return nil, err
	}
	file, size, err := a.files.Open(clip.Part.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, earshot.ErrNoPart.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open part %s: %w", clip.Part.File, err)
	}
	clip.audio, clip.size, clip.close = wanted{ctx, seekingReader{file}}, size, file.Close
	return clip, nil
}

// LiveExcerpt is Excerpt of a call c that is still recorded. soFar opens a complete
// file of what there is of a part until now; it is closed with the clip.
func LiveExcerpt(c earshot.Call, n int, fromMs, toMs int64, soFar func(part earshot.Part) (io.ReadSeekCloser, error)) (*Clip, error) {
	clip, err := clipOf(c, n, fromMs, toMs, func(earshot.Part) bool { return true })
	if err != nil {
		return nil, err
	}
	file, err := soFar(clip.Part)
	if err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cut an excerpt out of a live call: %w", err), file.Close())
	}
	clip.audio, clip.size, clip.close = seekingReader{file}, size, file.Close
	return clip, nil
}

var errBadSpan = earshot.Fail(earshot.Invalid, "bad_span", "an excerpt begins in the call and ends after it begins")

// ErrCannotCut means that the part's file cannot be cut without coding it anew;
// it can only be had whole.
var ErrCannotCut = earshot.Fail(earshot.Conflict, "cannot_cut", "this recording cannot be cut without changing it; take the whole file")

// maxTimelineMs is longer than any call; a time beyond it is nonsense.
const maxTimelineMs = int64(48 * time.Hour / time.Millisecond)

// clipOf is the part of c that counts and has audio in the span, and how much of it.
func clipOf(c earshot.Call, n int, fromMs, toMs int64, counts func(earshot.Part) bool) (*Clip, error) {
	if toMs == 0 {
		toMs = max(c.DurationMs, fromMs+1)
	}
	if fromMs < 0 || toMs <= fromMs || toMs > maxTimelineMs {
		return nil, errBadSpan
	}
	var in []earshot.Part
	known := n == 0
	for _, p := range c.Parts {
		known = known || p.N == n
		asked := p.N == n || n == 0 && p.Track != earshot.TrackHelper
		if counts(p) && asked && p.StartMs < toMs && p.StartMs+p.DurationMs > fromMs {
			in = append(in, p)
		}
	}
	switch {
	case !known:
		return nil, earshot.ErrNoPart
	case len(in) == 0:
		return nil, ErrNoAudio
	case len(in) > 1:
		return nil, earshot.ErrManyParts
	}
	part := in[0]
	return &Clip{Part: part, FromMs: max(fromMs, part.StartMs), ToMs: min(toMs, part.StartMs+part.DurationMs)}, nil
}

// WriteTo cuts the clip and writes it as a complete file of the part's media
// type: what was stored, with nothing coded again. It fails with ErrNoAudio
// before it has written anything if there is none after all.
func (c *Clip) WriteTo(w io.Writer) (int64, error) {
	from := time.Duration(c.FromMs-c.Part.StartMs) * time.Millisecond
	to := time.Duration(c.ToMs-c.Part.StartMs) * time.Millisecond
	out := &counter{w: w}
	var err error
	span := fmt.Sprintf("EARSHOT_EXCERPT=%d-%d", c.FromMs, c.ToMs)
	switch c.Part.Codec {
	case earshot.Opus:
		_, err = excerpt.Opus(out, c.audio, c.size, from, to, span)
	case earshot.MP3:
		_, err = excerpt.MP3(out, c.audio, c.size, from, to, span)
	default:
		_, err = excerpt.WAV(out, c.audio, c.size, from, to)
	}
	switch {
	case errors.Is(err, wav.ErrNotWAV):
		err = ErrCannotCut.Because(err)
	case errors.Is(err, excerpt.ErrEmpty):
		err = ErrNoAudio.Because(err)
	case err != nil:
		err = fmt.Errorf("cut an excerpt out of %s: %w", c.Part.File, err)
	}
	return out.n, err
}

// Close lets go of the part's file.
func (c *Clip) Close() error { return c.close() }

// wanted is read until ctx ends: one may look through hours of a file for a place in
// it, for somebody who has gone.
type wanted struct {
	ctx  context.Context
	file io.ReaderAt
}

func (w wanted) ReadAt(p []byte, at int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.file.ReadAt(p, at)
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
