package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"earshot"
	"earshot/storage"
)

// answerExcerpt cuts a clip while it is sent: it may be as long as the call.
func (s *Server) answerExcerpt(w http.ResponseWriter, r *http.Request, ask audioAsk) error {
	call, err := s.call(r.Context(), ask.call)
	if err != nil {
		return err
	}
	clip, err := s.excerptOf(r.Context(), call, ask)
	if err != nil {
		return err
	}
	defer closeRead(clip)
	begin := func() {
		row := s.row(visitOf(r.Context()).who, earshot.AuditPlay, Subject{Seat: call.Seat, Call: call.ID})
		row.FromMs, row.ToMs, row.Reason = clip.FromMs, clip.ToMs, "excerpt"
		s.played(r, ask, row)
		s.nameClip(w, ask, call, clip)
		w.Header().Set("Content-Type", clip.Part.AudioType())
		w.Header().Set("Cache-Control", "no-store")
	}
	if r.Method == http.MethodHead {
		begin()
		return nil
	}
	n, err := clip.WriteTo(&onFirst{Writer: w, begin: begin})
	if err != nil && n > 0 {
		// Half a file must not look like a whole one.
		s.Log.Warn("an excerpt was not sent to its end", "call", call.ID, "part", clip.Part.N, "err", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// onFirst calls begin before the first write: until then an error can be told.
type onFirst struct {
	io.Writer
	begin func()
}

func (w *onFirst) Write(b []byte) (int, error) {
	if w.begin != nil {
		w.begin()
		w.begin = nil
	}
	return w.Writer.Write(b)
}

// excerptOf finds a stored call's excerpt, or a live one's in what there is.
func (s *Server) excerptOf(ctx context.Context, call earshot.Call, ask audioAsk) (*storage.Clip, error) {
	if call.State != earshot.CallLive {
		return s.Archive.Excerpt(ctx, call.ID, ask.n, ask.from, ask.to)
	}
	clip, err := storage.LiveExcerpt(call, ask.n, ask.from, ask.to, func(part earshot.Part) (io.ReadSeekCloser, error) {
		if part.SHA256 != "" {
			file, _, err := s.Archive.Audio(ctx, call.ID, part.N)
			return file, err
		}
		soFar, _, err := s.Floor.LiveAudio(ctx, call.ID, part.N)
		return unclosed{soFar}, err
	})
	if errors.Is(err, earshot.ErrNotLive) { // it was stored in between
		return s.Archive.Excerpt(ctx, call.ID, ask.n, ask.from, ask.to)
	}
	return clip, err
}

// unclosed is a file that takes no closing.
type unclosed struct{ io.ReadSeeker }

func (unclosed) Close() error { return nil }

// nameClip gives a clip a name that says what it is to who finds it in a folder:
// seat, when the call began by the site's clock, and what of it this is.
func (s *Server) nameClip(w http.ResponseWriter, ask audioAsk, call earshot.Call, clip *storage.Clip) {
	if !ask.download {
		return
	}
	seat := call.Seat
	if known, ok := s.seats.known(call.Seat); ok && known.Name != "" {
		seat = known.Name
	}
	name := fmt.Sprintf("%s_%s_%s-%s", fileWord(seat), call.StartedAt.In(s.Location).Format("20060102-150405"),
		clipTime(clip.FromMs), clipTime(clip.ToMs))
	if clip.Part.Track != earshot.TrackBoth && clip.Part.Track != earshot.TrackSwapped && clip.Part.Track != earshot.TrackMixed {
		name += "_" + string(clip.Part.Track)
	}
	attach(w, name+ending(clip.Part.AudioType()))
}

// clipTime is a place on a timeline as file names can have it: 1h02m03.4s.
func clipTime(ms int64) string {
	text := fmt.Sprintf("%02dm%02d.%ds", ms/60_000%60, ms/1000%60, ms/100%10)
	if ms >= 3_600_000 {
		return fmt.Sprintf("%dh%s", ms/3_600_000, text)
	}
	return text
}

// fileWord is name without what file systems refuse or shells stumble over.
func fileWord(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case unicode.IsControl(r), strings.ContainsRune(`\/:*?"<>|%`, r):
			return '-'
		}
		return r
	}, name)
}
