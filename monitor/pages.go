package monitor

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// pages serve the dashboard and the seat page from memory, compressed once.
type pages struct {
	files map[string]*page // by path, without a slash in front
}

type page struct {
	mediaType string
	etag      string
	immutable bool
	plain     []byte
	gzipped   []byte // nil where that is not smaller
}

func newPages(assets fs.FS) (*pages, error) {
	p := &pages{files: map[string]*page{}}
	err := fs.WalkDir(assets, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			return err
		}
		p.files[name] = newPage(name, data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	for _, name := range []string{"index.html", "seat.html"} {
		if p.files[name] == nil {
			return nil, fmt.Errorf("read the pages: there is no %s", name)
		}
	}
	return p, nil
}

func newPage(name string, data []byte) *page {
	sum := sha256.Sum256(data)
	p := &page{
		mediaType: mediaTypeOf(name), etag: hex.EncodeToString(sum[:12]), plain: data,
		immutable: strings.HasPrefix(name, "assets/"), // the build puts a hash into these names
	}
	var small bytes.Buffer
	writer, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err == nil {
		_, err = writer.Write(data)
	}
	if err == nil {
		err = writer.Close()
	}
	if err == nil && small.Len() < len(data)*9/10 {
		p.gzipped = small.Bytes()
	}
	return p
}

// mediaTypeOf does not ask the machine's tables, which differ.
func mediaTypeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// ServeHTTP answers a file, or the page that takes its path as a route of its own.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	page := p.find(strings.TrimPrefix(path.Clean(r.URL.Path), "/"))
	if page == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", page.mediaType)
	h.Set("Content-Security-Policy", policy(r.Host))
	h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if page.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	page.write(w, r)
}

// find is the file of that name; of a path that is none, the dashboard, whose
// router knows it. What looks like a file is one or nothing.
func (p *pages) find(name string) *page {
	if name == "seat" || strings.HasPrefix(name, "seat/") {
		return p.files["seat.html"]
	}
	if page, ok := p.files[name]; ok {
		return page
	}
	if strings.HasPrefix(name, "assets/") || strings.HasPrefix(name, "whip") {
		return nil
	}
	return p.files["index.html"]
}

func (p *page) write(w http.ResponseWriter, r *http.Request) {
	data, etag := p.plain, p.etag
	if p.gzipped != nil && acceptsGzip(r) {
		data, etag = p.gzipped, p.etag+"-gzip"
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// policy lets the pages use what comes from here, and nothing else. Styles may
// stand in the page: the waveform's and the tables' libraries write theirs there.
func policy(host string) string {
	connect := "'self'"
	if !strings.ContainsAny(host, " ;,'\"") {
		connect += " ws://" + host + " wss://" + host
	}
	return strings.Join([]string{
		"default-src 'self'",
		"script-src 'self'",
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data: blob:",
		"font-src 'self' data:",
		"media-src 'self' blob:",
		"worker-src 'self' blob:",
		"connect-src " + connect,
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}
