package earshot_test

import (
	"testing"
	"time"

	"earshot"
)

func TestPackageRefusals(t *testing.T) {
	id := earshot.NewID(time.Now())
	for _, row := range []struct {
		code string
		want earshot.Package
	}{
		{"bad_title", earshot.Package{Reason: "x", Calls: []earshot.PackageCall{{Call: id}}}},
		{"bad_reason", earshot.Package{Title: "x", Calls: []earshot.PackageCall{{Call: id}}}},
		{"bad_calls", earshot.Package{Title: "x", Reason: "x"}},
		{"bad_call", earshot.Package{Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: "../etc"}}}},
		{"call_twice", earshot.Package{Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: id}, {Call: id, FromMs: 5}}}},
		{"bad_span", earshot.Package{Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: id, FromMs: 5, ToMs: 5}}}},
		{"bad_silence", earshot.Package{Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: id}}, Silence: []earshot.PackageSilence{{earshot.NewID(time.Now()), 0, 5, ""}}}},
		{"bad_silence", earshot.Package{Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: id}}, Silence: []earshot.PackageSilence{{id, 5, 5, ""}}}},
	} {
		if err := row.want.Validate(); err == nil || earshot.AsError(err).Code != row.code {
			t.Errorf("%+v: %v, want %s", row.want, err, row.code)
		}
	}
}
