package ledger

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"earshot"
)

func TestEntriesAreOneCompactLine(t *testing.T) {
	for line, good := range map[string]bool{
		`{"kind":"part"}`: true,
		`{"kind":"part","of":"a newer version \" { \\"}`: true,
		`{"kind": "part"}`:                      false,
		`{"kind":"part"} `:                      false,
		`{"kind":"part"}{"kind":"part"}`:        false,
		`{"call":"x"}`:                          false,
		`{"kind":"part","n":"1"}`:               false,
		`["part"]`:                              false,
		"":                                      false,
		"{\"kind\":\"part\",\"call\":\"\xff\"}": false,
		`{"kind":"part","call":"` + strings.Repeat("x", MaxEntry): false,
	} {
		if _, err := ParseEntry([]byte(line)); (err == nil) != good || err != nil && !errors.Is(err, ErrEntry) {
			t.Errorf("%.60q: %v", line, err)
		}
	}
	if _, err := (Entry{Kind: KindHold, Hold: &earshot.Hold{Reason: strings.Repeat("x", MaxEntry)}}).line(); !errors.Is(err, ErrEntry) {
		t.Errorf("an entry too long: %v", err)
	}
	l := open(t, t.TempDir())
	if _, err := l.Append(t.Context(), Entry{Kind: KindKey, Key: "mine"}); !errors.Is(err, ErrEntry) {
		t.Errorf("a key put in by hand: %v", err)
	}
}

func TestAnyTextIsKeptAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{Kind: KindHold, Call: rapid.String().Draw(t, "call"), N: rapid.Int().Draw(t, "n"),
			Hold: &earshot.Hold{Reason: rapid.String().Draw(t, "reason"), At: earshot.AtMs(rapid.Int64Range(1, 1<<41).Draw(t, "at"))}}
		line, err := e.line()
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(line), "\n\r") {
			t.Fatalf("more than a line: %q", line)
		}
		got, err := ParseEntry(line)
		if err != nil || *got.Hold != *e.Hold || got.Call != e.Call || got.N != e.N {
			t.Fatalf("%+v is read as %+v: %v", e, got, err)
		}
		spaced, err := json.MarshalIndent(e, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseEntry(spaced); !errors.Is(err, ErrEntry) {
			t.Fatalf("white space is taken: %v", err)
		}
	})
}
