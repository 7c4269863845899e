package monitor

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/monitor/live"
)

// Options are what a Server is made of. Log, Now, Registry, SecureCookies and
// Location have defaults; Ready may be nil; the rest must be there.
type Options struct {
	Floor    Floor
	Index    Index
	Archive  Archive
	Ledger   Ledger
	Packages Packages
	Problems Problems
	Scrub    Scrub
	Analysis Analysis
	Imports  Imports
	Uploads  Uploads
	Live     Live
	Sessions scs.Store // where signed-in sessions are kept; index.Index makes one
	Assets   fs.FS     // the built pages: web.Assets()
	Site     Site

	// Node names this process, and Alarms are what is the matter with it; the
	// wall is told them directly, whether the live state is there or not.
	Node   string
	Alarms *earshot.Alarms

	// Authority is the file of the self-made certificate authority that seats'
	// machines must trust, PEM; empty if there is none.
	Authority string

	// Ready are further things that must hold to be ready, such as room on the
	// disk, by name; each answers what is wrong.
	Ready map[string]func(context.Context) error

	Log           *slog.Logger
	Now           func() time.Time
	Registry      *prometheus.Registry
	SecureCookies func(*http.Request) bool // whether r came by HTTPS; by default, whether by TLS, ours or a proxy's
	Location      *time.Location           // what a day is; Asia/Shanghai by default

	RetentionAt earshot.DayTime // when retention runs every day; midnight by default

	CaptureLimits earshot.CaptureLimits // when something counts as not recorded; earshot.DefaultCaptureLimits by default
}

// Site is what this installation is, as GET /api/v1/site tells it.
type Site struct {
	Name       string      `json:"name"`
	Timezone   string      `json:"timezone" doc:"IANA name"`
	PublicURL  string      `json:"publicUrl" doc:"without a slash at the end"`
	WhipURL    string      `json:"whipUrl" doc:"a seat's id is put behind it"`
	Version    string      `json:"version"`
	Demo       bool        `json:"demo"`
	ICEServers []ICEServer `json:"iceServers"`
}

// ICEServer is a STUN or TURN server, as RTCPeerConnection takes it.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Server is the dashboard's server. Run must run while Handler serves.
type Server struct {
	Options

	door      *doorman
	gate      *Gate
	audit     *Auditor
	seats     *directory
	hub       *live.Hub
	roster    chan struct{}
	metrics   *metrics
	exporting exporting
	handler   http.Handler

	ending  context.Context // done when Close is called
	end     context.CancelFunc
	running atomic.Bool
	ended   chan struct{} // closed when Run returns
}

// New makes a server. It starts nothing.
func New(o Options) (*Server, error) {
	if o.Floor == nil || o.Index == nil || o.Archive == nil || o.Ledger == nil || o.Packages == nil || o.Problems == nil || o.Scrub == nil || o.Analysis == nil || o.Imports == nil || o.Uploads == nil || o.Live == nil || o.Sessions == nil || o.Assets == nil {
		return nil, errors.New("monitor: Floor, Index, Archive, Ledger, Packages, Problems, Scrub, Analysis, Imports, Uploads, Live, Sessions and Assets must be given")
	}
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	s := &Server{Options: o, door: newDoorman(o), roster: make(chan struct{}, 1), ended: make(chan struct{})}
	s.ending, s.end = context.WithCancel(context.Background())
	s.audit = newAuditor(o.Index.AddAudit, o.Log, o.Now, o.Registry)
	s.gate = NewGate(s.auditDenied)
	s.metrics = newMetrics(o.Registry)
	s.seats = newDirectory(o.Index.Seats, o.Log)
	s.hub = live.New(live.Options{
		Store: o.Live, Seats: s.seats.ids, Version: o.Site.Version, Node: o.Node, Alarms: o.Alarms, Log: o.Log, Now: o.Now, Registry: o.Registry,
	})
	pages, err := newPages(o.Assets)
	if err != nil {
		return nil, err
	}
	s.handler = s.handlers(pages)
	return s, nil
}

func (o *Options) setDefaults() error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.SecureCookies == nil {
		// Who forges the header only makes cookies of their own that they do not get back.
		o.SecureCookies = func(r *http.Request) bool { return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" }
	}
	if o.Site.Timezone == "" {
		o.Site.Timezone = "Asia/Shanghai"
	}
	if o.Site.ICEServers == nil {
		o.Site.ICEServers = []ICEServer{}
	}
	if o.Location == nil {
		location, err := time.LoadLocation(o.Site.Timezone)
		if err != nil {
			return earshot.Fail(earshot.Invalid, "bad_timezone", "there is no timezone %q", o.Site.Timezone).Because(err)
		}
		o.Location = location
	}
	return nil
}

// Handler serves everything but /whip/.
func (s *Server) Handler() http.Handler { return s.handler }

// Run keeps the dashboards told until ctx ends or Close is called, then ends
// every WebSocket and writes the audit rows that wait. It is called once.
func (s *Server) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("monitor: Run is called once")
	}
	defer close(s.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	// The auditor ends last: what the others do as they end is still written.
	auditing, endAudit := context.WithCancel(context.WithoutCancel(ctx))
	var audit, rest sync.WaitGroup
	audit.Go(func() { s.audit.run(auditing) })
	rest.Go(func() { s.tellRoster(ctx) })
	rest.Go(func() { s.hub.Run(ctx) })
	rest.Go(func() { s.watchCapture(ctx) })
	rest.Wait()
	endAudit()
	audit.Wait()
	return nil
}

// Close ends Run and waits for it.
func (s *Server) Close() {
	s.end()
	if s.running.Load() {
		<-s.ended
	}
}
