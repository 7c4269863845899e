package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
)

// Problem is how a failure leaves the server: RFC 9457, with a stable code.
type Problem struct {
	Type   string   `json:"type" doc:"always about:blank; code tells failures apart"`
	Title  string   `json:"title" doc:"the status in words"`
	Status int      `json:"status"`
	Detail string   `json:"detail" doc:"a sentence for people, in English"`
	Code   string   `json:"code" doc:"lower_snake_case, stable; the dashboard translates by it"`
	Errors []Defect `json:"errors,omitempty" doc:"what exactly is wrong with the request"`

	Deleted *earshot.Deletion `json:"deleted,omitempty" doc:"of a deleted call: when, by whom and by whose order"`
	Call    *earshot.Call     `json:"call,omitempty" doc:"of a deleted call: what is left of it"`

	retryAfter time.Duration
}

// Defect is one thing that is wrong with a request.
type Defect struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// statusOf is the one translation of failures to HTTP.
var statusOf = map[earshot.Kind]int{
	earshot.Internal:     http.StatusInternalServerError,
	earshot.Invalid:      http.StatusUnprocessableEntity,
	earshot.Unauthorized: http.StatusUnauthorized,
	earshot.Forbidden:    http.StatusForbidden,
	earshot.NotFound:     http.StatusNotFound,
	earshot.Conflict:     http.StatusConflict,
	earshot.TooLarge:     http.StatusRequestEntityTooLarge,
	earshot.NoRoom:       http.StatusInsufficientStorage,
	earshot.Limited:      http.StatusTooManyRequests,
	earshot.Unsupported:  http.StatusUnsupportedMediaType,
	earshot.Unavailable:  http.StatusServiceUnavailable,
	earshot.Gone:         http.StatusGone,
}

// retryUnavailable is when a client may try again what was not available.
const retryUnavailable = 2 * time.Second

// limited is a failure of kind earshot.Limited that knows when to come back.
type limited struct {
	failure *earshot.Error
	after   time.Duration
}

func (l *limited) Error() string { return l.failure.Error() }
func (l *limited) Unwrap() error { return l.failure }

// buried is that a call is deleted, with its tombstone.
type buried struct {
	failure   *earshot.Error
	tombstone earshot.Call
}

func (b *buried) Error() string { return b.failure.Error() }
func (b *buried) Unwrap() error { return b.failure }

// problemOf translates err; what is ours is logged here, once.
func problemOf(ctx context.Context, log *slog.Logger, err error) *Problem {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = earshot.Fail(earshot.Unavailable, "too_slow", "this took too long; try again").Because(err)
	}
	e := earshot.AsError(err)
	status, ok := statusOf[e.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Text, Code: e.Code}
	var l *limited
	var b *buried
	if errors.As(err, &b) {
		p.Deleted, p.Call = b.tombstone.Deleted, &b.tombstone
	}
	switch {
	case errors.As(err, &l):
		p.retryAfter = l.after
	case e.Kind == earshot.Unavailable:
		p.retryAfter = retryUnavailable
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled):
		log.DebugContext(ctx, "request not waited for", "err", err) // who asked has gone: nothing was slow
	case e.Kind == earshot.Internal:
		log.ErrorContext(ctx, "request failed", "err", err)
	case e.Kind == earshot.Unavailable, e.Kind == earshot.NoRoom:
		log.WarnContext(ctx, "request not served", "code", e.Code, "err", err)
	}
	return p
}

// invalidProblem is what huma found wrong, in our form. The offending values
// stay here: they may be passwords.
func invalidProblem(m *huma.ErrorModel) *Problem {
	p := &Problem{Type: "about:blank", Title: http.StatusText(m.Status), Status: m.Status, Detail: m.Detail, Code: "invalid"}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		p.Code = "too_large"
	case http.StatusUnsupportedMediaType:
		p.Code = "unsupported"
	case http.StatusRequestTimeout:
		p.Code = "too_slow"
	case http.StatusNotAcceptable:
		p.Code = "not_acceptable"
	case http.StatusInternalServerError:
		p.Code = "internal"
	}
	for _, d := range m.Errors {
		if d != nil {
			p.Errors = append(p.Errors, Defect{Location: d.Location, Message: d.Message})
		}
	}
	return p
}

// Error, GetStatus, GetHeaders and ContentType let huma write a Problem.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of problem details.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the status.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="earshot"`)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	return h
}

// write answers with p outside of huma.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("Content-Length")
	w.WriteHeader(p.Status)
	// A client that has gone cannot be told.
	_ = json.NewEncoder(w).Encode(p)
}
