package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
	"earshot/storage/imports"
)

// What others are bringing in under the same name, and what is over, is left alone.
func TestOneGoesOnWithOnesOwnImport(t *testing.T) {
	batch := func(id, by string, state earshot.ImportState) earshot.Import {
		return earshot.Import{ID: id, Name: "旧录音", By: by, State: state}
	}
	for what, row := range map[string]struct {
		there []earshot.Import
		want  string
	}{
		"none":        {nil, "new"},
		"another's":   {[]earshot.Import{batch("a", "admin", earshot.ImportDraft)}, "new"},
		"one's own":   {[]earshot.Import{batch("a", "admin", earshot.ImportDraft), batch("b", "lina", earshot.ImportStopped)}, "b"},
		"what ran":    {[]earshot.Import{batch("b", "lina", earshot.ImportRunning)}, "b"},
		"one is over": {[]earshot.Import{batch("b", "lina", earshot.ImportDone)}, "new"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var answer any
			switch r.Method + " " + r.URL.Path {
			case "GET /api/v1/me":
				answer = map[string]any{"user": earshot.User{ID: "lina"}}
			case "GET /api/v1/imports":
				answer = map[string]any{"imports": row.there, "next": ""}
			case "POST /api/v1/imports":
				answer = batch("new", "lina", earshot.ImportDraft)
			}
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		}))
		m, err := importCommand{Name: "旧录音"}.batchAt(t.Context(), apiClient{base: server.URL, http: server.Client()})
		server.Close()
		if err != nil || m.ID != row.want {
			t.Errorf("%s: %q, %v", what, m.ID, err)
		}
	}
}

// A report is written of what a running server took in, too.
func TestReportOfWhatAServerTookIn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := map[string]any{"files": []earshot.ImportFile{{Path: "刘洋.wav", Fate: earshot.FateStored, Call: "c1", Remarks: []string{earshot.RemarkNameRecoded}}}, "next": "more"}
		if r.URL.Query().Get("cursor") == "more" {
			page = map[string]any{"files": []earshot.ImportFile{
				{Path: "b.wav", Fate: earshot.FateDuplicate, Call: "c1", Remarks: []string{earshot.RemarkFactsTaken}, Text: "number=1 taken"},
				{Path: "c.mp3", Fate: earshot.FateRefused, Code: "is_html", Text: "a web page", Remarks: []string{}},
			}, "next": ""}
		}
		if err := json.NewEncoder(w).Encode(page); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	report := filepath.Join(t.TempDir(), "report.csv")
	var out bytes.Buffer
	err := importCommand{Report: report}.tellFates(t.Context(), apiClient{base: server.URL, http: server.Client()}, "x", &out)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n != 4 || !strings.HasPrefix(string(text), "\ufeff") {
		t.Errorf("%d lines: %s", n, text)
	}
	for _, want := range []string{"刘洋.wav,stored,c1,,,,name_recoded ", "b.wav,duplicate,c1,,,number=1 taken,facts_taken ", "c.mp3,refused,,is_html,"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	for _, want := range []string{"✓ 刘洋.wav → c1", "! name_recoded", "= b.wav", "number=1 taken", "✗ c.mp3 is_html"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
}

// A name that is no UTF-8 is sent as text, and said to have been none.
func TestSenderSaysWhoseNamesWereRecoded(t *testing.T) {
	said := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if err := json.NewEncoder(w).Encode(map[string]any{"uploads": []any{}, "next": ""}); err != nil {
				t.Error(err)
			}
			return
		}
		coded, rest, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Upload-Metadata"), "path "), ",")
		path, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			t.Error(err)
		}
		said[string(path)] = strings.HasSuffix(rest, ",recoded")
		w.Header().Set("Upload-Offset", r.Header.Get("Upload-Length")) // it has it all
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	old := filepath.Join(t.TempDir(), "old")
	for _, name := range []string{"\xc1\xf5\xd1\xf3.wav", "王芳.wav"} {
		if err := errors.Join(os.MkdirAll(old, 0o700), os.WriteFile(filepath.Join(old, name), []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	folders, err := imports.OpenFolders(old)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folders.Close() }()
	s := sender{client: apiClient{base: server.URL, http: server.Client()}, folders: folders, batch: "x", line: &countLine{quiet: true}}
	if err := s.sendAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := map[string]bool{"old/刘洋.wav": true, "old/王芳.wav": false}; !maps.Equal(said, want) {
		t.Errorf("%v, want %v", said, want)
	}
}
