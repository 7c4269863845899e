package monitor

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/storage/evidence"
)

// made waits until a package is no longer being made.
func (h *house) made(v visitor, id string) (p earshot.Package) {
	h.t.Helper()
	// A passphrase is made slow to guess, and slower still under the race detector.
	h.eventually("the package is made", func() bool {
		v.get("/api/v1/packages/" + id).want(http.StatusOK).into(&p)
		return p.State != earshot.PackageMaking
	})
	return p
}

// makesPackages runs the maker of packages while the test lasts.
func (h *house) makesPackages() {
	ctx, end := context.WithCancel(h.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); h.packages.Run(ctx) }()
	h.t.Cleanup(func() { end(); <-ended })
}

func TestPackages(t *testing.T) {
	h := open(t)
	h.makesPackages()
	officer := h.user(earshot.RoleEvidence)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)

	var p earshot.Package
	officer.do(http.MethodPost, "/api/v1/packages", newPackage{Title: "投诉 4711", Reason: "complaint 4711",
		Calls: []earshot.PackageCall{{Call: call.ID}}}).want(http.StatusAccepted).into(&p)
	p = h.made(officer, p.ID)
	if p.State != earshot.PackageReady || p.SHA256 == "" || p.Fingerprint == "" || !strings.HasSuffix(p.File, ".zip") {
		t.Fatalf("%+v", p)
	}
	file := officer.do(http.MethodGet, "/api/v1/packages/"+p.ID+"/file", nil).want(http.StatusOK)
	report, err := evidence.Check(t.Context(), bytes.NewReader(file.body), int64(len(file.body)), p.Fingerprint)
	must(t, err)
	if !report.Holds || report.Calls != 1 {
		t.Errorf("%+v", report)
	}
	if got := file.header.Get("ETag"); got != `"`+p.SHA256+`"` {
		t.Errorf("ETag %s", got)
	}
	// What is kept for the cover sheet has nothing of who listened.
	kept, err := os.ReadFile(filepath.Join(h.packages.Dir, p.ID+".json"))
	must(t, err)
	if !bytes.Contains(kept, []byte(p.Fingerprint)) || bytes.Contains(kept, []byte(`"action"`)) {
		t.Errorf("kept: %s", kept)
	}
	// The audio is noise: it proves nevertheless.
	// The page in the package says that it was exported, by whom and why.
	if page := inZIP(t, file.body, "index.html"); !strings.Contains(page, "evidence-1") || !strings.Contains(page, "complaint 4711") || !strings.Contains(page, ">export") {
		t.Error("the package does not say who exported it and why")
	}
	list := officer.do(http.MethodGet, "/api/v1/packages", nil).want(http.StatusOK)
	if !strings.Contains(string(list.body), p.ID) {
		t.Errorf("%s", list.body)
	}
	// The test's pages bring no font.
	officer.do(http.MethodGet, "/api/v1/packages/"+p.ID+"/cover.pdf", nil).fails(http.StatusServiceUnavailable, "no_font")

	officer.do(http.MethodDelete, "/api/v1/packages/"+p.ID, nil).want(http.StatusNoContent)
	officer.do(http.MethodGet, "/api/v1/packages/"+p.ID+"/file", nil).fails(http.StatusConflict, "not_ready")
	if p := h.made(officer, p.ID); p.State != earshot.PackageGone || p.SHA256 == "" {
		t.Errorf("%+v", p)
	}
}

func TestLockedPackage(t *testing.T) {
	h := open(t)
	h.makesPackages()
	officer := h.user(earshot.RoleEvidence)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	var p earshot.Package
	officer.do(http.MethodPost, "/api/v1/packages", newPackage{Title: "x", Reason: "y", Passphrase: "correct horse battery",
		Calls: []earshot.PackageCall{{Call: call.ID}}}).want(http.StatusAccepted).into(&p)
	p = h.made(officer, p.ID)
	file := officer.do(http.MethodGet, "/api/v1/packages/"+p.ID+"/file", nil).want(http.StatusOK)
	if !p.Encrypted || !strings.HasSuffix(p.File, ".zip.age") || !evidence.Locked(file.body) {
		t.Errorf("%+v", p)
	}
	if strings.Contains(h.log.String(), "correct horse") {
		t.Error("the passphrase is in the log")
	}
}

func TestPackageRefusals(t *testing.T) {
	h := open(t)
	officer := h.user(earshot.RoleEvidence)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	some := []earshot.PackageCall{{Call: call.ID}}
	for code, ask := range map[string]newPackage{
		"bad_title":      {Reason: "x", Calls: some},
		"bad_reason":     {Title: "x", Calls: some},
		"bad_calls":      {Title: "x", Reason: "x", Calls: []earshot.PackageCall{}},
		"bad_passphrase": {Title: "x", Reason: "x", Calls: some, Passphrase: "short"},
		"bad_recipient":  {Title: "x", Reason: "x", Calls: some, Recipient: "age1nobody"},
		"bad_span":       {Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: call.ID, FromMs: 1 << 40}}},
		"no_call":        {Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: earshot.NewID(h.clock.Now())}}},
	} {
		answer := officer.do(http.MethodPost, "/api/v1/packages", ask)
		if got := answer.field("code"); got != code {
			t.Errorf("%s: %s", code, answer.body)
		}
	}
	officer.do(http.MethodGet, "/api/v1/packages/"+earshot.NewID(h.clock.Now()), nil).fails(http.StatusNotFound, "no_package")
	if list := officer.do(http.MethodGet, "/api/v1/packages", nil); !strings.Contains(string(list.body), `"packages":[]`) {
		t.Errorf("something was kept: %s", list.body)
	}
}

// inZIP is one file of a ZIP.
func inZIP(t *testing.T, data []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	f, err := z.Open(name)
	must(t, err)
	text, err := io.ReadAll(f)
	must(t, err)
	return string(text)
}

// A package that a restart cut off says so with a code, which pages have words for.
func TestInterruptedPackage(t *testing.T) {
	h := open(t)
	cut := earshot.Package{ID: earshot.NewID(h.clock.Now()), Title: "投诉 4711", Reason: "complaint 4711", By: "officer",
		At: earshot.At(h.clock.Now()), State: earshot.PackageMaking, Calls: []earshot.PackageCall{}, Silence: []earshot.PackageSilence{}}
	must(t, h.index.SavePackage(t.Context(), cut))
	h.makesPackages()
	if got := h.made(h.user(earshot.RoleEvidence), cut.ID); got.State != earshot.PackageFailed || got.Code != "interrupted" || got.Error == "" {
		t.Errorf("%+v", got)
	}
}
