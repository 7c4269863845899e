package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"earshot"
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
