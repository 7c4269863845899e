package monitor

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"earshot"
)

// Bounds on one request.
const (
	bodyLimit    = 64 << 10 // of the API's JSON; WHEP offers are bounded by the floor
	offerLimit   = 256 << 10
	readWithin   = 15 * time.Second
	handleWithin = 30 * time.Second
	writeWithin  = 30 * time.Second // for each piece
)

// answer is a ResponseWriter that knows what was answered. It is a literal
// http.Hijacker, as gorilla/websocket needs, and keeps moving the deadline of
// what it writes, so that a stalled client does not hold a handler for ever.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.extend(writeWithin)
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.extend(writeWithin)
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// extend gives what is written next its time.
func (a *answer) extend(d time.Duration) {
	// A writer without deadlines, as in tests, does without.
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(d))
}

// Hijack hands the connection over, without the deadlines set here.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := a.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be handed over")
	}
	a.status = http.StatusSwitchingProtocols
	conn, buffered, err := h.Hijack()
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return conn, buffered, err
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// watched logs and counts every request, and turns a panic into a 500.
func (s *Server) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a := &answer{ResponseWriter: w}
		a.extend(handleWithin + writeWithin)
		defer func() {
			if p := recover(); p != nil {
				s.recovered(a, r, p)
			}
			if a.status == 0 {
				a.status = http.StatusOK
			}
			s.metrics.request(r.Pattern, a.status, time.Since(began))
			s.Log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", a.status), slog.Int64("bytes", a.bytes), slog.Duration("took", time.Since(began)), slog.String("from", addressOf(r)))
		}()
		next.ServeHTTP(a, r)
	})
}

func (s *Server) recovered(a *answer, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.Log.ErrorContext(r.Context(), "a handler panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	s.metrics.panics.Inc()
	if a.status != 0 {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	problemOf(r.Context(), slog.New(slog.DiscardHandler), earshot.AsError(errors.New("panic"))).write(a)
}

// sameSite refuses what another site's page makes a browser send with its
// cookies. A request with an Authorization header sends none.
func (s *Server) sameSite(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	if s.Site.PublicURL != "" {
		// A proxy may ask for us under another name.
		if err := protection.AddTrustedOrigin(originOf(s.Site.PublicURL)); err != nil {
			s.Log.Warn("the public URL is no origin", "url", s.Site.PublicURL, "err", err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, errOrigin)
	}))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			next.ServeHTTP(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

var errOrigin = earshot.Fail(earshot.Forbidden, "bad_origin", "this was asked for by a page of another site")

// secured sets the headers that every answer has.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// fail answers with err.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	log := s.Log
	if errors.Is(r.Context().Err(), context.Canceled) {
		log = slog.New(slog.DiscardHandler) // most likely nobody is there any more: no failure of ours
	}
	problemOf(r.Context(), log, err).write(w)
}

// addressOf is the address r came from, without its port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// networkOf is what one party is likely to have of addresses: of IPv6, a /64.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}
