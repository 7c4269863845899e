package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"earshot"
	"earshot/ingest"
	"earshot/monitor"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/session"
	"earshot/web"

	"github.com/prometheus/client_golang/prometheus"
)

// stopWithin is how long an orderly end may take.
const stopWithin = 5 * time.Second

// app is a running server: everything that serve starts, in the order of its
// fields, and Close ends in the reverse order.
type app struct {
	settings settings
	log      *slog.Logger
	now      func() time.Time // the wall clock
	steady   *steadyClock     // what goes on is timed by it

	http, https net.Listener
	certificate tls.Certificate
	caFile      string // of the self-made authority; empty with --cert

	alarms *earshot.Alarms // of this node; whoever watches something raises them

	files    *files.Store
	ledger   recordsLedger
	packages *storage.Packages
	problems *storage.Problems
	scrub    *storage.Scrub
	analysis *storage.Analysis
	uploads  *storage.Uploads
	imports  *storage.Imports
	index    *index.Index
	live     *session.Store
	archive  *storage.Archive
	journal  ingest.Journal
	replayed *ingest.Replayed
	wire     *ingest.Wire
	floor    *ingest.Floor
	monitor  *monitor.Server
	servers  []*http.Server
	demo     *demo

	disk *diskWatch

	password   string        // of the first administrator, if it was made now
	passwords  chan string   // or if it was made once the index was there
	indexAway  bool          // at the start
	indexThere chan struct{} // has a token when the index has come to be usable
	late       []lateJob     // what waits for it

	ending  []func(context.Context) error // what to do at the end, last first
	running sync.WaitGroup
	failed  chan error // a part that ended by itself
}

// openApp opens everything; when it fails what was opened is closed again.
func openApp(ctx context.Context, s settings, log *slog.Logger) (*app, error) {
	a := &app{settings: s, log: log, now: time.Now, steady: newSteadyClock(time.Now), alarms: new(earshot.Alarms), failed: make(chan error, 4)}
	steps := []func(context.Context) error{
		a.listen, a.openFiles, a.openLedger, a.openIndex, a.keep, a.openPackages, a.openLive, a.watchDisk, a.watchClock, a.scrubArchive, a.analyseCalls, a.openImports, a.openFloor, a.openMonitor, a.firstAdministrator, a.doLate, a.serve,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			defer cancel()
			return nil, errors.Join(err, a.close(closing))
		}
	}
	return a, nil
}

// atEnd notes what to do when the app closes, before all that was noted so far.
func (a *app) atEnd(end func(context.Context) error) { a.ending = append(a.ending, end) }

// close ends everything in the reverse order of its opening. When it returns no
// goroutine is left and every call is complete.
func (a *app) close(ctx context.Context) error {
	var all []error
	for i := len(a.ending) - 1; i >= 0; i-- {
		all = append(all, a.ending[i](ctx))
	}
	a.ending = nil
	a.running.Wait()
	return errors.Join(all...)
}

// listen takes the ports first: a port in use is the commonest mistake.
func (a *app) listen(context.Context) (err error) {
	if a.http, err = listenTCP("--http", a.settings.HTTP); err != nil {
		return err
	}
	a.atEnd(func(context.Context) error { return ignoreClosed(a.http.Close()) })
	if a.settings.HTTPS == "" {
		return nil
	}
	if a.https, err = listenTCP("--https", a.settings.HTTPS); err != nil {
		return err
	}
	a.atEnd(func(context.Context) error { return ignoreClosed(a.https.Close()) })
	return nil
}

func listenTCP(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", flag, address, plain(err))
	}
	return l, nil
}

// plain is the innermost cause, without the operation and address in front.
func plain(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (a *app) openFiles(context.Context) (err error) {
	if a.files, err = files.Open(a.settings.Data, files.Options{Log: a.log}); err != nil {
		return fmt.Errorf("--data %s: %w", a.settings.Data, err)
	}
	a.atEnd(func(context.Context) error { return a.files.Close() })
	if a.https == nil {
		return nil
	}
	return a.openCertificate()
}

func (a *app) openCertificate() (err error) {
	if a.settings.Cert != "" {
		if a.certificate, err = tls.LoadX509KeyPair(a.settings.Cert, a.settings.Key); err != nil {
			return fmt.Errorf("--cert: %w", err)
		}
		return nil
	}
	ca, err := openAuthority(filepath.Join(a.settings.Data, "tls"), a.now())
	if err != nil {
		return err
	}
	a.caFile = ca.caFile()
	names := []string{a.settings.PublicIP}
	if u, err := url.Parse(a.settings.PublicURL); err == nil {
		names = append(names, u.Hostname())
	}
	a.certificate, err = ca.serverCertificate(hostNames(names...), a.now())
	return err
}

func (a *app) openIndex(ctx context.Context) (err error) {
	if err := a.tendIndex(ctx); err != nil {
		return err
	}
	a.keepProblems()
	a.archive = storage.New(a.files, a.index, storage.Options{
		Now: a.now, Ledger: a.ledger, Location: a.settings.location, Log: a.log, Alarms: a.alarms, Found: a.problems.Found,
	})
	if converted, err := a.archive.KeepPlayables(filepath.Join(a.settings.Data, "converted"), a.room); err != nil {
		a.log.Warn("recordings that browsers do not play cannot be converted", "err", err)
	} else {
		a.atEnd(func(context.Context) error { return converted.Close() })
	}
	return a.recoverCalls(ctx)
}

// indexURL is where the index is: sqlite means a file in the data folder.
func indexURL(flag, data string) string {
	if flag == "sqlite" {
		return "sqlite:" + filepath.Join(data, "index.db")
	}
	return flag
}

func (a *app) openLive(ctx context.Context) (err error) {
	if a.live, err = session.Open(ctx, session.Options{URL: a.settings.Redis, Now: a.now, Log: a.log, Patient: true}); err != nil {
		return fmt.Errorf("--redis: %w", err)
	}
	a.atEnd(func(context.Context) error { return a.live.Close() })
	return nil
}

func (a *app) openFloor(ctx context.Context) (err error) {
	servers := make([]ingest.ICEServer, 0, len(a.settings.iceServers))
	for _, s := range a.settings.iceServers {
		servers = append(servers, ingest.ICEServer{URLs: []string{s.URL}, Username: s.User, Credential: s.Password})
	}
	if a.wire, err = ingest.NewWire(ingest.WireOptions{
		UDP: a.settings.UDP, TCP: a.settings.TCP, PublicIP: a.settings.PublicIP,
		ICEServers: servers, Log: a.log, Now: a.steady.now,
	}); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	wireEnds := a.wire.Close // until the floor, which then closes it, is there
	a.atEnd(func(context.Context) error { return wireEnds() })
	if a.floor, err = ingest.New(ctx, ingest.Options{
		Node: a.settings.Node, Version: version, Now: a.steady.now, Ahead: a.steady.ahead,
		Shelf: a.archive, Board: a.live, Files: ingest.Disk(a.files), Log: a.log,
		Voice:     a.settings.voiceCut(),
		Alarms:    a.alarms,
		Admit:     a.admit,
		Journal:   a.journal,
		Replayed:  a.replayed,
		Recover:   func(call earshot.Call) (earshot.Call, error) { return a.archive.Recover(context.Background(), call) },
		KeepSeats: func(data []byte) error { return replaceFile(filepath.Join(a.settings.Data, "seats.json"), data) },
		KeptSeats: func() ([]byte, error) { return os.ReadFile(filepath.Join(a.settings.Data, "seats.json")) },
	}); err != nil {
		return err
	}
	wireEnds = func() error { return nil }
	a.atEnd(a.floor.Close)
	return nil
}

func (a *app) openMonitor(ctx context.Context) (err error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(recorderMetrics{a.floor}); err != nil {
		return err
	}
	site := monitor.Site{
		Name: a.settings.SiteName, Timezone: a.settings.Timezone,
		PublicURL: a.publicURL(), WhipURL: a.publicURL() + "/whip/",
		Version: version, Demo: a.settings.Demo,
	}
	for _, s := range a.settings.iceServers {
		site.ICEServers = append(site.ICEServers, monitor.ICEServer{URLs: []string{s.URL}, Username: s.User, Credential: s.Password})
	}
	if a.monitor, err = monitor.New(monitor.Options{
		Floor: a.floor, Index: a.index, Archive: a.archive, Ledger: a.ledger, Packages: a.packages, Problems: a.problems, Scrub: a.scrub, Analysis: a.analysis, Imports: a.imports, Uploads: a.uploads, Live: a.live, RetentionAt: a.settings.retentionAt,
		Sessions: a.index.Sessions(a.now), Assets: web.Assets(), Site: site, Authority: a.caFile,
		Node: a.settings.Node, Alarms: a.alarms,
		Ready: map[string]func(context.Context) error{
			"disk": func(context.Context) error { return a.files.Healthy() },
		},
		Log: a.log, Now: a.now, Registry: registry, Location: a.settings.location,
	}); err != nil {
		return err
	}
	a.running.Go(func() {
		if err := a.monitor.Run(context.WithoutCancel(ctx)); err != nil {
			a.failed <- err
		}
	})
	a.atEnd(func(context.Context) error {
		a.monitor.Close()
		return nil
	})
	return nil
}

// serve puts devices and people on the ports that were taken at the start.
func (a *app) serve(context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("/whip/", a.wire.WHIP(a.floor))
	if receiver := a.receiver(); receiver != nil {
		mux.Handle(receivePath, receiver)
	}
	mux.Handle("/", a.monitor.Handler())
	a.serveOn(a.http, mux)
	if a.https != nil {
		a.serveOn(tls.NewListener(a.https, &tls.Config{
			Certificates: []tls.Certificate{a.certificate},
			NextProtos:   []string{"http/1.1"}, // WebSockets of the dashboard's library speak no other
			MinVersion:   tls.VersionTLS12,
		}), mux)
	}
	return nil
}

func (a *app) serveOn(l net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.servers = append(a.servers, server)
	a.running.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err)
		}
	})
	a.atEnd(func(ctx context.Context) error {
		// Requests may finish, but no longer than the end of everything else
		// may wait: a download in a slow browser is cut off.
		patient, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if server.Shutdown(patient) != nil {
			return ignoreClosed(server.Close())
		}
		return nil
	})
}

// replaceFile writes a private file so that a crash leaves the old one or the new.
func replaceFile(name string, data []byte) error {
	if err := os.WriteFile(name+".tmp", data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// newLog writes to w what is at least of the level.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// shorten takes the data folder's common prefix off a path for people to read.
func shorten(path string) string {
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
	}
	return path
}
