package monitor

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"earshot"
)

func TestPages(t *testing.T) {
	h := open(t)
	for path, want := range map[string]struct {
		status     int
		cache, has string
	}{
		"/":                   {200, "no-cache", "wall"},
		"/calls/some-id":      {200, "no-cache", "wall"},
		"/admin/seats":        {200, "no-cache", "wall"},
		"/seat":               {200, "no-cache", "<title>seat"},
		"/seat.html":          {200, "no-cache", "<title>seat"},
		"/assets/a-1234.js":   {200, "public, max-age=31536000, immutable", "export"},
		"/assets/gone-1.js":   {404, "", ""},
		"/.gitkeep":           {200, "no-cache", "wall"},
		"/assets/../index.js": {200, "no-cache", "wall"},
	} {
		a := h.nobody().get(path).want(want.status)
		if !strings.Contains(string(a.body), want.has) || a.header.Get("Cache-Control") != want.cache {
			t.Errorf("%s: %s %q", path, a.body, a.header.Get("Cache-Control"))
		}
	}
	h.nobody().do(http.MethodPost, "/", nil).want(http.StatusMethodNotAllowed)
	h.nobody().get("/api/v1/nothing").fails(http.StatusNotFound, "no_route")
	a := h.nobody().do(http.MethodDelete, "/api/v1/login", nil).fails(http.StatusMethodNotAllowed, "bad_method")
	if a.header.Get("Allow") != http.MethodPost {
		t.Errorf("Allow %q", a.header.Get("Allow"))
	}
}

func TestPagesAreCompressed(t *testing.T) {
	h := open(t)
	r := h.nobody().request(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "br, gzip")
	a := h.send(r)
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v", a.header)
	}
	reader, err := gzip.NewReader(bytes.NewReader(a.body))
	must(t, err)
	plain, err := io.ReadAll(reader)
	must(t, err)
	if !bytes.Equal(plain, testPages["index.html"].Data) {
		t.Error("not the page")
	}
	r = h.nobody().request(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("If-None-Match", a.header.Get("ETag"))
	h.send(r).want(http.StatusNotModified)
	r = h.nobody().request(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip;q=0")
	if a := h.send(r); a.header.Get("Content-Encoding") != "" || !bytes.Equal(a.body, testPages["index.html"].Data) {
		t.Error("compressed although it is not taken")
	}
}

func TestSecurityHeaders(t *testing.T) {
	h := open(t)
	page := h.nobody().get("/").header
	for _, part := range []string{"default-src 'self'", "media-src 'self' blob:", "frame-ancestors 'none'", "script-src 'self';", "wss://" + h.http.Listener.Addr().String()} {
		if !strings.Contains(page.Get("Content-Security-Policy"), part) {
			t.Errorf("policy lacks %q: %s", part, page.Get("Content-Security-Policy"))
		}
	}
	api := h.nobody().get("/api/v1/site").header
	for _, header := range []http.Header{page, api} {
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "same-origin" || header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("headers %v", header)
		}
	}
	if api.Get("Cache-Control") != "no-store" {
		t.Errorf("the API may be cached: %q", api.Get("Cache-Control"))
	}
}

// Another site's page cannot act with a visitor's cookie; who sends a token
// means it.
func TestOtherSites(t *testing.T) {
	h := open(t)
	admin := h.admin()
	for name, c := range map[string]struct {
		origin, fetch string
		cookie        bool
		status        int
	}{
		"another site with the cookie": {"https://evil.example", "cross-site", true, http.StatusForbidden},
		"another site, old browser":    {"https://evil.example", "", true, http.StatusForbidden},
		"this site with the cookie":    {h.http.URL, "same-origin", true, http.StatusNoContent},
		"a program with the cookie":    {"", "", true, http.StatusNoContent},
		"another site with a token":    {"https://partner.example", "cross-site", false, http.StatusNoContent},
	} {
		v := h.signIn(firstAdmin, adminPassword)
		r := v.request(http.MethodPost, "/api/v1/logout", nil)
		if c.cookie {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: v.token})
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.fetch != "" {
			r.Header.Set("Sec-Fetch-Site", c.fetch)
		}
		a := h.send(r)
		if a.status != c.status {
			t.Errorf("%s: %d, want %d", name, a.status, c.status)
		}
		if c.status == http.StatusForbidden {
			a.fails(http.StatusForbidden, "bad_origin")
		}
	}
	admin.get("/api/v1/me").want(http.StatusOK)
}

func TestBigBodies(t *testing.T) {
	h := open(t)
	h.nobody().do(http.MethodPost, "/api/v1/login", `{"name":"`+strings.Repeat("x", 2*bodyLimit)+`"}`).
		fails(http.StatusRequestEntityTooLarge, "too_large")
	a := h.nobody().do(http.MethodPost, "/api/v1/login", `{"name":"admin","password":"`+strings.Repeat("s3cret", 100)+`"}`).
		fails(http.StatusUnprocessableEntity, "invalid")
	if strings.Contains(string(a.body), "s3cret") {
		t.Errorf("the password comes back: %s", a.body)
	}
}

// A handler that panics answers 500, and the server goes on.
func TestPanic(t *testing.T) {
	h := open(t, func(o *Options) { o.Archive = panickingArchive{o.Archive} })
	admin := h.admin()
	admin.get("/api/v1/calls/"+earshot.NewID(h.clock.Now())).fails(http.StatusInternalServerError, "internal")
	admin.get("/api/v1/calls/"+earshot.NewID(h.clock.Now())+"/audio").fails(http.StatusInternalServerError, "internal")
	admin.get("/api/v1/me").want(http.StatusOK)
	if !strings.Contains(h.log.String(), "out of its mind") {
		t.Error("the panic is not in the log")
	}
	metrics := string(h.nobody().get("/metrics").body)
	for _, want := range []string{"earshot_http_panics_total 2", `earshot_http_request_seconds_count{route="GET /api/v1/calls/{id}",status="5xx"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

type panickingArchive struct{ Archive }

func (panickingArchive) Call(context.Context, string) (earshot.Call, error) { panic("out of its mind") }

func (panickingArchive) Audio(context.Context, string, int) (io.ReadSeekCloser, earshot.Part, error) {
	panic("out of its mind")
}

func TestSite(t *testing.T) {
	h := open(t)
	var site Site
	h.nobody().get("/api/v1/site").want(http.StatusOK).into(&site)
	if site.PublicURL != h.http.URL || site.WhipURL != h.http.URL+"/whip/" || site.Timezone != "Asia/Shanghai" || site.ICEServers == nil {
		t.Errorf("site %+v", site)
	}
	var doc struct {
		Paths map[string]any `json:"paths"`
	}
	h.nobody().get("/api/v1/openapi.json").want(http.StatusOK).into(&doc)
	if doc.Paths["/api/v1/calls/{id}/audio"] == nil {
		t.Error("the description lacks the audio")
	}
	h.nobody().get("/readyz").want(http.StatusOK)
}

func TestReadiness(t *testing.T) {
	h := open(t, func(o *Options) {
		o.Ready = map[string]func(context.Context) error{
			"disk": func(context.Context) error { return earshot.Fail(earshot.Unavailable, "disk_full", "full") },
		}
	})
	if a := h.nobody().get("/readyz").want(http.StatusServiceUnavailable); !strings.Contains(string(a.body), `"disk":"disk_full"`) {
		t.Errorf("not ready: %s", a.body)
	}
}
