package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"earshot"
	"earshot/storage"
)

// serveAudio answers get-part-audio and get-call-audio: the stored bytes of a
// part, of a live call all that is older than 1.5 s, or an excerpt.
func (s *Server) serveAudio(w http.ResponseWriter, r *http.Request) {
	ask, err := audioAskedFor(r)
	if err == nil && ask.download {
		err = s.also(visitOf(r.Context()), "download")
	}
	if err == nil {
		err = s.answerAudio(w, r, ask)
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

// maxReason is how many characters a reason for taking audio may have.
const maxReason = 500

// audioAsk is what of a call's audio is asked for.
type audioAsk struct {
	call     string
	n        int // part; 0: the only one
	download bool
	reason   string // why it is taken, if somebody says so
	excerpt  bool
	from, to int64 // ms of the call's timeline, for an excerpt; to 0: the end
	start    int64 // ms of the call's timeline at which the part is to begin; 0: where it does
}

func audioAskedFor(r *http.Request) (audioAsk, error) {
	ask := audioAsk{call: r.PathValue("id")}
	if text := r.PathValue("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return ask, earshot.ErrNoPart
		}
		ask.n = n
	}
	query := r.URL.Query()
	switch query.Get("download") {
	case "":
	case "1":
		ask.download = true
	default:
		return ask, earshot.Fail(earshot.Invalid, "invalid", "download is 1, or left out")
	}
	if ask.reason = query.Get("reason"); utf8.RuneCountInString(ask.reason) > maxReason {
		return ask, earshot.Fail(earshot.Invalid, "bad_reason", "a reason is at most %d characters of text", maxReason)
	}
	for _, f := range []struct {
		name    string
		to      *int64
		excerpt bool
	}{{"fromMs", &ask.from, true}, {"toMs", &ask.to, true}, {"startMs", &ask.start, false}} {
		text := query.Get(f.name)
		if text == "" {
			continue
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms < 0 {
			return ask, earshot.Fail(earshot.Invalid, "invalid", "%s is a number of milliseconds", f.name)
		}
		*f.to, ask.excerpt = ms, ask.excerpt || f.excerpt
	}
	if ask.start > 0 && (ask.excerpt || ask.download) {
		return ask, earshot.Fail(earshot.Invalid, "invalid", "startMs is for playing; an excerpt has fromMs")
	}
	if ask.excerpt && ask.to != 0 && ask.to <= ask.from {
		return ask, earshot.Fail(earshot.Invalid, "invalid", "toMs comes after fromMs")
	}
	return ask, nil
}

func (s *Server) answerAudio(w http.ResponseWriter, r *http.Request, ask audioAsk) error {
	if ask.excerpt {
		return s.answerExcerpt(w, r, ask)
	}
	call, live := s.Floor.LiveCall(ask.call)
	if live && sealed(call, ask.n) {
		err := s.answerStored(w, r, ask)
		if err == nil || earshot.AsError(err).Kind != earshot.NotFound {
			return err
		}
		// The shelf has not heard of the part yet.
	}
	if live {
		err := s.answerLive(w, r, call, ask)
		if !errors.Is(err, earshot.ErrNotLive) {
			return err
		}
		// It ended in between.
	}
	return s.answerStored(w, r, ask)
}

// sealed says whether part n of a live call is complete already.
func sealed(call earshot.Call, n int) bool {
	i := partAsked(call, n)
	return i >= 0 && call.Parts[i].SHA256 != ""
}

func (s *Server) answerStored(w http.ResponseWriter, r *http.Request, ask audioAsk) error {
	file, part, err := s.storedAudio(r.Context(), ask)
	if err != nil {
		return err
	}
	defer closeRead(file)
	h := w.Header()
	h.Set("Content-Type", part.AudioType())
	// Asked about each time: who has signed out does not hear it again.
	h.Set("Cache-Control", "private, no-cache")
	tag := part.SHA256
	if ask.start > part.StartMs {
		tag += fmt.Sprintf("-%d", ask.start)
		part = beginAt(part, ask.start)
	}
	h.Set("ETag", `"`+tag+`"`)
	s.heard(r, ask, part)
	s.name(w, ask, part.N, part.AudioType())
	fewRanges(r)
	http.ServeContent(w, r, "", time.Time{}, file)
	return nil
}

func (s *Server) storedAudio(ctx context.Context, ask audioAsk) (io.ReadSeekCloser, earshot.Part, error) {
	if ask.start > 0 {
		return s.Archive.AudioFrom(ctx, ask.call, ask.n, ask.start)
	}
	return s.Archive.Audio(ctx, ask.call, ask.n)
}

// beginAt is a part as if it began at ms of the call's timeline.
func beginAt(part earshot.Part, ms int64) earshot.Part {
	rest := part.StartMs + part.DurationMs - ms
	part.Bytes = part.Bytes * rest / max(part.DurationMs, 1)
	part.StartMs, part.DurationMs = ms, rest
	return part
}

// closeRead closes what was only read; there is nothing to lose.
func closeRead(c io.Closer) { _ = c.Close() }

func (s *Server) answerLive(w http.ResponseWriter, r *http.Request, call earshot.Call, ask audioAsk) error {
	audio, mediaType, err := s.Floor.LiveAudio(r.Context(), ask.call, ask.n)
	if err != nil {
		return err
	}
	if i := partAsked(call, ask.n); i >= 0 && ask.start > 0 {
		if audio, err = storage.LiveAudioFrom(call.Parts[i], audio, ask.start); err != nil {
			return err
		}
	}
	row := s.row(visitOf(r.Context()).who, earshot.AuditPlay, Subject{Seat: call.Seat, Call: call.ID})
	row.FromMs, row.ToMs, row.Reason = ask.start, call.OffsetMs(s.Now()), "live"
	s.played(r, ask, row)
	s.name(w, ask, ask.n, mediaType)
	return answerSoFar(w, r, audio, mediaType)
}

// partAsked is where part n of a call is among its parts, or its only one for 0; -1
// where there is none.
func partAsked(call earshot.Call, n int) int {
	if n == 0 && len(call.Parts) == 1 {
		return 0
	}
	return slices.IndexFunc(call.Parts, func(p earshot.Part) bool { return p.N == n })
}

// answerSoFar answers audio as it is here and now, which is gone afterwards.
func answerSoFar(w http.ResponseWriter, r *http.Request, audio io.ReadSeeker, mediaType string) error {
	size, err := audio.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = audio.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read a call so far: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return nil
	}
	// A client that has gone cannot be told; one that gets less than was said knows.
	_, _ = io.Copy(w, audio)
	return nil
}

// heard writes down that a stored part is played, from where its first byte lies
// on the call's timeline.
func (s *Server) heard(r *http.Request, ask audioAsk, part earshot.Part) {
	from, to := part.StartMs, part.StartMs+part.DurationMs
	if start := rangeStart(r.Header.Get("Range")); start > 0 && part.Bytes > 0 {
		from += min(part.DurationMs, int64(float64(part.DurationMs)*float64(start)/float64(part.Bytes)))
	}
	row := s.row(visitOf(r.Context()).who, earshot.AuditPlay, visitOf(r.Context()).about)
	row.FromMs, row.ToMs, row.Reason = from, to, fmt.Sprintf("part %d", part.N)
	s.played(r, ask, row)
}

// played puts a download, or a play: one a minute for a person and a part, however
// often a player asks for pieces of it, and for an excerpt.
func (s *Server) played(r *http.Request, ask audioAsk, row earshot.Audit) {
	switch {
	case r.Method == http.MethodHead:
	case ask.download:
		row.Action = earshot.AuditDownload
		if ask.reason != "" {
			row.Reason = ask.reason
		}
		s.audit.Add(row)
	default:
		key := "play|" + row.Who + "|" + row.Call + "|" + row.Reason
		if ask.excerpt {
			key += fmt.Sprintf("|%d-%d", row.FromMs, row.ToMs)
		}
		s.audit.AddOnce(key, row)
	}
}

// mostRanges is how many ranges an answer has: players ask for one at a time, and
// each of many has its own place in the file found, and its own head written.
const mostRanges = 16

// fewRanges has who asks for more ranges than that answered with the whole, as
// RFC 9110 lets a server do.
func fewRanges(r *http.Request) {
	if strings.Count(r.Header.Get("Range"), ",") >= mostRanges {
		r.Header.Del("Range")
	}
}

// rangeStart is where the first range of a Range header begins; 0 if it does
// not say.
func rangeStart(header string) int64 {
	ranges, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0
	}
	first, _, _ := strings.Cut(ranges, "-")
	start, err := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	if err != nil {
		return 0
	}
	return start
}

// name gives a part that is downloaded its file name: as it lies on the shelf.
func (s *Server) name(w http.ResponseWriter, ask audioAsk, n int, mediaType string) {
	if !ask.download {
		return
	}
	name := ask.call
	if n > 0 {
		name += fmt.Sprintf("-%d", n)
	}
	attach(w, name+ending(mediaType))
}

func ending(mediaType string) string {
	switch mediaType {
	case "audio/ogg":
		return ".opus"
	case "audio/mpeg":
		return ".mp3"
	}
	return ".wav"
}

func attach(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}
