package monitor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A spreadsheet as the answer to a request, whatever its rows are about.

// answerSheet has write write a file of that name and format (csv or xlsx) as the
// answer to hc's request. The first failure is answered as a problem; what fails
// once something has gone breaks the answer off, so that half a file does not look
// whole. The context that write is given ends when nobody is there any more.
func (s *Server) answerSheet(hc huma.Context, name, format string, write func(ctx context.Context, w *exportOutput) error) {
	w := &exportOutput{w: hc.BodyWriter(), header: hc.SetHeader}
	name += "." + format
	hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	hc.SetHeader("Content-Type", csvType)
	if format == "xlsx" {
		hc.SetHeader("Content-Type", workbookType)
	}
	err := write(hc.Context(), w)
	switch {
	case err == nil:
		return
	case hc.Context().Err() == nil:
		s.Log.ErrorContext(hc.Context(), "a spreadsheet was broken off", "name", name, "err", err)
	}
	if plain, ok := w.w.(http.ResponseWriter); ok && !w.begun && hc.Context().Err() == nil {
		plain.Header().Del("Content-Disposition")
		problemOf(hc.Context(), slog.New(slog.DiscardHandler), err).write(plain)
		return
	}
	panic(http.ErrAbortHandler)
}

// exportOutput is where an export goes: it knows whether anything has gone yet.
type exportOutput struct {
	w      io.Writer
	header func(name, value string)
	begun  bool
}

func (o *exportOutput) Write(p []byte) (int, error) {
	o.begun = true
	return o.w.Write(p)
}

// nextPage reads one page more with read, which has as long as a request has, and
// gives the client more time: rows are read, though none may leave yet.
func nextPage[P any](ctx context.Context, o *exportOutput, read func(context.Context) (P, error)) (P, error) {
	if w, ok := o.w.(http.ResponseWriter); ok {
		// A writer without deadlines, as in tests, does without.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(handleWithin + writeWithin))
	}
	ctx, cancel := context.WithTimeout(ctx, handleWithin)
	defer cancel()
	return read(ctx)
}

// flush lets the client see what it has.
func (o *exportOutput) flush() error {
	w, ok := o.w.(http.ResponseWriter)
	if !ok {
		return nil
	}
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
