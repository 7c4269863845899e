package monitor

import (
	"net/http"
	"testing"
)

// What is no text is refused wherever it stands, before anything is asked or
// changed by it.
func TestIllegibleRequests(t *testing.T) {
	h := open(t)
	admin := h.admin()
	for _, path := range []string{
		"/api/v1/calls?q=%ff", "/api/v1/calls?q=%00", "/api/v1/calls?q=%e4%bd", "/api/v1/calls?q=%zz",
		"/api/v1/calls/a%00b", "/api/v1/calls/a/audio?download=true", "/api/v1/audit?who=%00", "/api/v1/calls?nubmer=7766",
		"/api/v1/calls?from=2026-11-02&to=2026-11-01", "/api/v1/audit?from=2026-11-02&to=2026-11-01",
	} {
		if got := admin.get(path); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	admin.get("/api/v1/calls?q=%E4%BD%A0%F0%9F%98%80+a&from=2026-11-01&to=2026-11-01").want(http.StatusOK)
}

func TestNULInJSON(t *testing.T) {
	for text, is := range map[string]bool{
		`"a"`: false, `"\u0000"`: true, `"a\u0000b"`: true, `"\\u0000"`: false, `"\\\u0000"`: true,
		`"\u00001"`: true, `"\u00010"`: false, `"\`: false, `"\"\u0000"`: true,
	} {
		if got := hasNUL([]byte(text)); got != is {
			t.Errorf("%s: %t", text, got)
		}
	}
}
