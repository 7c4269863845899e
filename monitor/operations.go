package monitor

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"earshot"
)

// handlers puts everything behind the gate, and that behind what holds for every
// request.
func (s *Server) handlers(pages *pages) http.Handler {
	mux := s.newMux()
	api := s.api(mux)
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /api/v1/calls/{id}/audio":              s.serveAudio,
		"GET /api/v1/calls/{id}/parts/{n}/audio":    s.serveAudio,
		"GET /api/v1/calls/{id}/parts/{n}/playable": s.servePlayable,
		"GET /api/v1/packages/{id}/file":            s.servePackage,
		"GET /api/v1/live":                          s.serveWall,
		"GET /api/v1/seats/{id}/live":               s.serveSeatPage,
		"/whep/{id}":                                s.serveListen,
		"OPTIONS /whep/{id}":                        s.serveListen,
		"OPTIONS /whep/{id}/{rest...}":              s.serveListen,
		"/whep/{id}/{rest...}":                      s.serveListen,
		"GET /api/v1/openapi.json":                  s.serveDescription(api),
		"GET /ca.crt":                               s.serveAuthority,
		"GET /healthz":                              s.serveHealth,
		"GET /readyz":                               s.serveReadiness,
		"GET /metrics":                              promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}).ServeHTTP,
		"/api/":                                     s.serveNoAPI(mux.ServeMux),
		"/":                                         pages.ServeHTTP,
	} {
		mux.HandleFunc(pattern, handler)
	}
	for pattern, handler := range s.importHandlers() {
		mux.HandleFunc(pattern, handler)
	}
	return secured(s.watched(s.legible(s.sameSite(mux))))
}

func (s *Server) serveDescription(api huma.API) http.HandlerFunc {
	text, err := describe(api)
	return func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answerJSON(w, http.StatusOK, json.RawMessage(text))
	}
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that has gone cannot be told.
	_ = json.NewEncoder(w).Encode(v)
}

type health struct {
	Status  string            `json:"status"` // ok, not_ready
	Version string            `json:"version"`
	Reasons map[string]string `json:"reasons,omitempty"`
}

// serveAuthority answers the certificate that people install; whoever opens the
// page by HTTP needs it before HTTPS can be trusted.
func (s *Server) serveAuthority(w http.ResponseWriter, r *http.Request) {
	if s.Authority == "" {
		s.fail(w, r, errNoAuthority)
		return
	}
	w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	w.Header().Set("Content-Disposition", `attachment; filename="earshot-ca.crt"`)
	http.ServeFile(w, r, s.Authority)
}

var errNoAuthority = earshot.Fail(earshot.NotFound, "no_authority", "this server has made no certificate authority")

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, health{Status: "ok", Version: s.Site.Version})
}

const readyWithin = 2 * time.Second

// serveReadiness answers 503 with what is away. The details are in the log.
func (s *Server) serveReadiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	answer := health{Status: "ok", Version: s.Site.Version, Reasons: map[string]string{}}
	checks := map[string]func(context.Context) error{"index": s.Index.Healthy, "redis": s.Live.Healthy}
	for name, check := range s.Ready {
		checks[name] = check
	}
	for name, check := range checks {
		if err := check(ctx); err != nil {
			s.Log.WarnContext(ctx, "not ready", "what", name, "err", err)
			answer.Reasons[name] = earshot.AsError(err).Code
		}
	}
	if len(answer.Reasons) == 0 {
		answerJSON(w, http.StatusOK, answer)
		return
	}
	answer.Status = "not_ready"
	answerJSON(w, http.StatusServiceUnavailable, answer)
}

// serveNoAPI answers what no route takes: 405 where another method is taken.
func (s *Server) serveNoAPI(mux *http.ServeMux) http.HandlerFunc {
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range methods {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/api/" {
				w.Header().Add("Allow", method)
			}
		}
		if w.Header().Get("Allow") != "" {
			(&Problem{Type: "about:blank", Title: http.StatusText(http.StatusMethodNotAllowed), Status: http.StatusMethodNotAllowed,
				Detail: "this cannot be done to what the path names", Code: "bad_method"}).write(w)
			return
		}
		s.fail(w, r, earshot.Fail(earshot.NotFound, "no_route", "the API has nothing at this path"))
	}
}

// metrics are the figures of the HTTP side.
type metrics struct {
	requests *prometheus.HistogramVec
	panics   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "earshot_http_request_seconds", Help: "How long requests took, by route and class of status.",
			Buckets: []float64{.005, .025, .1, .5, 2.5, 10},
		}, []string{"route", "status"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "earshot_http_panics_total", Help: "Handlers that panicked."}),
	}
	reg.MustRegister(m.requests, m.panics)
	return m
}

// request counts one; a WebSocket's length is no latency.
func (m *metrics) request(route string, status int, took time.Duration) {
	if status == http.StatusSwitchingProtocols {
		return
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}
