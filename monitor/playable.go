package monitor

import (
	"net/http"
	"time"
)

// servePlayable answers get-part-playable: a part that browsers do not play, as
// samples that they do; one that they play lies at its own address.
func (s *Server) servePlayable(w http.ResponseWriter, r *http.Request) {
	if err := s.answerPlayable(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) answerPlayable(w http.ResponseWriter, r *http.Request) error {
	ask, err := audioAskedFor(r)
	if err != nil {
		return err
	}
	call, err := s.call(r.Context(), ask.call)
	if err != nil {
		return err
	}
	for _, p := range call.Parts {
		if p.N == ask.n && p.Codec.Plays() {
			http.Redirect(w, r, "audio", http.StatusTemporaryRedirect)
			return nil
		}
	}
	file, part, err := s.Archive.Playable(r.Context(), ask.call, ask.n)
	if err != nil {
		return err
	}
	defer closeRead(file)
	info, err := file.Stat()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+part.SHA256+`-wav"`)
	part.Bytes = info.Size() // a range is one of this file
	ask.download = false
	s.heard(r, ask, part)
	fewRanges(r)
	http.ServeContent(w, r, "", time.Time{}, file)
	return nil
}
