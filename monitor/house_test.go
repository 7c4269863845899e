package monitor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/argon2"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/ledger"
	"earshot/storage/session"
)

// house is a running server with real files, index and live state, and a floor
// in memory.
type house struct {
	t        *testing.T
	server   *Server
	http     *httptest.Server
	floor    *testFloor
	index    *index.Index
	ledger   *ledger.Ledger
	packages *storage.Packages
	problems *storage.Problems
	scrub    *storage.Scrub
	analysis *storage.Analysis
	imports  *storage.Imports
	uploads  *storage.Uploads
	room     room // of the disk, for uploads
	alarms   *earshot.Alarms
	archive  *storage.Archive
	files    *files.Store
	live     *session.Store
	clock    *clock
	log      *safeBuffer
	dir      string // of the data
}

const adminPassword = "correct horse"

type change func(*Options)

// open starts a house; everything ends with the test. Its clock stands where it
// was started until a test puts it elsewhere: not far ahead, for a session's end is
// reckoned by the machine's clock.
func open(t *testing.T, changes ...change) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{now: time.Now()}, log: &safeBuffer{}}
	dir := t.TempDir()
	var err error
	h.dir = dir
	h.files, err = files.Open(dir, files.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, h.files.Close()) })
	h.index, err = index.Open(t.Context(), "sqlite:"+filepath.Join(dir, "index.db"))
	must(t, err)
	t.Cleanup(func() { must(t, h.index.Close()) })
	h.live, err = session.Open(t.Context(), session.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, h.live.Close()) })
	h.floor = newTestFloor(h.clock.Now)
	h.ledger, err = ledger.Open(dir, ledger.Options{Now: h.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, h.ledger.Close()) })
	h.archive = storage.New(h.files, h.index, storage.Options{Now: h.clock.Now, Ledger: h.ledger})
	h.packages, err = storage.OpenPackages(storage.PackageOptions{
		Archive: h.archive, Ledger: h.ledger, Dir: filepath.Join(dir, "packages"), Site: "Hall", Software: "test",
		Location: time.UTC, Now: h.clock.Now, Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Made: func(ctx context.Context, p earshot.Package, call earshot.PackageCall) error {
			return h.index.AddAudit(ctx, storage.ExportRow(p, call, h.clock.Now()))
		},
	})
	must(t, err)
	t.Cleanup(func() { must(t, h.packages.Close()) })
	h.alarms = new(earshot.Alarms)
	h.problems = storage.NewProblems(storage.ProblemOptions{Index: h.index, Files: h.files, Dir: dir, Alarms: h.alarms, Now: h.clock.Now})
	h.scrub = storage.NewScrub(storage.ScrubOptions{
		Files: h.files, Ledger: h.ledger, Index: h.index, Problems: h.problems, Location: time.UTC, Share: 0.05, Now: h.clock.Now, Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	h.analysis = storage.NewAnalysis(storage.AnalysisOptions{Archive: h.archive, Now: h.clock.Now, Log: slog.New(slog.NewTextHandler(h.log, nil))})
	h.openImports()
	must(t, h.index.CreateUser(t.Context(), earshot.User{ID: firstAdmin, Name: "管理员", Role: earshot.RoleAdmin, PasswordHash: quickHash(adminPassword)}))

	options := Options{
		Floor: h.floor, Index: h.index, Archive: h.archive, Ledger: h.ledger, Packages: h.packages, Problems: h.problems, Scrub: h.scrub, Analysis: h.analysis, Imports: h.imports, Uploads: h.uploads, Live: h.live, Sessions: h.index.Sessions(h.clock.Now),
		Assets: testPages, Site: Site{Name: "Hall", Version: "test"}, Now: h.clock.Now,
		Log:      slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: prometheus.NewRegistry(),
	}
	for _, c := range changes {
		c(&options)
	}
	h.server, err = New(options)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- h.server.Run(context.Background()) }()
	t.Cleanup(func() { must(t, <-ended) })
	t.Cleanup(h.server.Close)
	h.http = httptest.NewServer(h.server.Handler())
	t.Cleanup(h.http.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return h
}

var testPages = fstest.MapFS{
	"index.html":       {Data: []byte("<!doctype html><title>wall</title>" + strings.Repeat("<!-- - -->", 200))},
	"seat.html":        {Data: []byte("<!doctype html><title>seat</title>")},
	"assets/a-1234.js": {Data: []byte("export {}")},
	".gitkeep":         {},
}

// visitor is somebody who asks with a token.
type visitor struct {
	h     *house
	token string
}

func (h *house) nobody() visitor { return visitor{h: h} }

func (h *house) with(token string) visitor { return visitor{h, token} }

// admin signs the first administrator in.
func (h *house) admin() visitor { return h.signIn(firstAdmin, adminPassword) }

func (h *house) signIn(name, password string) visitor {
	h.t.Helper()
	a := h.nobody().do(http.MethodPost, "/api/v1/login", credentials{name, password}).want(http.StatusOK)
	return h.with(a.field("token"))
}

// user makes a user of a role, straight in the index, and signs them in.
func (h *house) user(role earshot.Role) visitor {
	h.t.Helper()
	u := earshot.User{ID: string(role) + "-1", Name: "名 " + string(role), Role: role, PasswordHash: quickHash("password of " + string(role))}
	must(h.t, h.index.CreateUser(h.t.Context(), u))
	return h.signIn(u.ID, "password of "+string(role))
}

// quickHash is a password's hash that costs next to nothing to check.
func quickHash(password string) string {
	salt := []byte("not much of a salt")
	key := argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// seat makes a branch and a seat by the API and answers a visitor with its token.
func (h *house) seat(admin visitor, id string) visitor {
	h.t.Helper()
	if _, err := h.index.Branch(h.t.Context(), "hall"); err != nil {
		admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "hall", Name: "营业厅"}).want(http.StatusCreated)
	}
	a := admin.do(http.MethodPost, "/api/v1/seats", newSeat{id, "一号窗口", "hall", earshot.Counter, earshot.CutEvent}).want(http.StatusCreated)
	h.floor.open(id, a.field("token"))
	return h.with(a.field("token"))
}

// answered is an answer, read whole.
type answered struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

func (v visitor) request(method, path string, body any) *http.Request {
	v.h.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		must(v.h.t, err)
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(v.h.t.Context(), method, v.h.http.URL+path, reader)
	must(v.h.t, err)
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if v.token != "" {
		r.Header.Set("Authorization", "Bearer "+v.token)
	}
	return r
}

func (v visitor) do(method, path string, body any) answered {
	v.h.t.Helper()
	return v.h.send(v.request(method, path, body))
}

func (v visitor) get(path string) answered {
	v.h.t.Helper()
	return v.do(http.MethodGet, path, nil)
}

func (h *house) send(r *http.Request) answered {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	must(h.t, err)
	defer closeRead(resp.Body)
	body, err := io.ReadAll(resp.Body)
	must(h.t, err)
	return answered{h.t, r.Method + " " + r.URL.Path, resp.StatusCode, resp.Header, body}
}

func (a answered) want(status int) answered {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got %d, want %d: %s", a.what, a.status, status, a.body)
	}
	return a
}

// fails wants a problem with a code.
func (a answered) fails(status int, code string) answered {
	a.t.Helper()
	a.want(status)
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("%s: content type %q", a.what, got)
	}
	var p Problem
	a.into(&p)
	if p.Code != code || p.Status != status || p.Title == "" || p.Detail == "" || p.Type != "about:blank" {
		a.t.Fatalf("%s: got problem %+v, want code %s", a.what, p, code)
	}
	return a
}

func (a answered) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %v in %s", a.what, err, a.body)
	}
}

func (a answered) field(name string) string {
	a.t.Helper()
	var fields map[string]any
	a.into(&fields)
	text, ok := fields[name].(string)
	if !ok {
		a.t.Fatalf("%s: no text %q in %s", a.what, name, a.body)
	}
	return text
}

// audited waits for rows of an action, newest first, until there are n.
func (h *house) audited(action string, n int) []earshot.Audit {
	h.t.Helper()
	var rows []earshot.Audit
	h.eventually("audit rows of "+action, func() bool {
		page, err := h.index.SearchAudit(h.t.Context(), index.AuditQuery{Actions: []string{action}})
		must(h.t, err)
		rows = page.Audit
		return len(rows) >= n && h.server.audit.len() == 0
	})
	if len(rows) != n {
		h.t.Fatalf("%d rows of %s, want %d: %+v", len(rows), action, n, rows)
	}
	return rows
}

// patience bounds only how long a test that fails takes: machines may be busy.
const patience = 2 * time.Minute

// eventually asks again until what other goroutines bring about holds.
func (h *house) eventually(what string, holds func() bool) {
	h.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			h.t.Fatalf("never: %s\n%s", what, h.log.String())
		}
	}
}

// clock is a clock that tests put forward.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// set puts the clock anywhere.
func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = to
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var errAway = errors.New("away")
