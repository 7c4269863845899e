package earshot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"earshot"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123_456_789, time.FixedZone("", 8*3600))

func TestTimesAreUTCWithMilliseconds(t *testing.T) {
	for in, want := range map[earshot.Time]string{
		earshot.At(noon):                       `"2026-11-21T04:00:00.123Z"`,
		earshot.At(noon.Truncate(time.Second)): `"2026-11-21T04:00:00.000Z"`,
		{}:                                     `null`,
	} {
		text, err := json.Marshal(in)
		if err != nil || string(text) != want {
			t.Errorf("%s, %v, want %s", text, err, want)
		}
		var back earshot.Time
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(in.Time) {
			t.Errorf("%s comes back as %v, %v", text, back, err)
		}
	}
	var other earshot.Time
	if err := json.Unmarshal([]byte(`"2026-11-21T12:00:00+08:00"`), &other); err != nil || other.String() != "2026-11-21T04:00:00.000Z" {
		t.Errorf("an offset is read as %v, %v", other, err)
	}
	for _, bad := range []string{`5`, `"yesterday"`, `"`, `{}`} {
		if err := other.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s is taken for a time", bad)
		}
	}
}

func TestIDsSortByTheirMillisecond(t *testing.T) {
	last := ""
	for i := range 100 {
		at := noon.Add(time.Duration(i) * time.Millisecond)
		id := earshot.NewID(at)
		if !earshot.ValidCallID(id) || id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		if made, ok := earshot.IDTime(id); !ok || made.UnixMilli() != at.UnixMilli() {
			t.Fatalf("%s was made at %v, not %v", id, made, at)
		}
		last = id
	}
	for _, bad := range []string{"", "../../etc/passwd", strings.ToUpper(last), last + "0", strings.Replace(last, "-7", "-4", 1)} {
		if earshot.ValidCallID(bad) {
			t.Errorf("%q is taken for a call's id", bad)
		}
	}
}

func TestChosenIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"c1": true, "hall-3.window_2": true, "0": true, strings.Repeat("a", 64): true,
		"": false, "-a": false, ".": false, "A": false, "窗口": false, "a b": false, "a/b": false, strings.Repeat("a", 65): false,
	} {
		if earshot.ValidID(id) != want {
			t.Errorf("%q: %v, want %v", id, !want, want)
		}
	}
}

// A replaced token works until the new one is first used, at most a day.
func TestTokensOverlap(t *testing.T) {
	seat := earshot.Seat{}
	seat.RenewToken("old", noon)
	seat.RenewToken("new", noon.Add(time.Hour))
	at := func(token string, after time.Duration) int { return seat.TokenIndex(token, noon.Add(time.Hour+after)) }
	for _, row := range []struct {
		token string
		after time.Duration
		want  int
	}{
		{"new", 0, 0}, {"old", 0, 1}, {"old", 24 * time.Hour, 1}, {"old", 24*time.Hour + 1, -1}, {"new", 9999 * time.Hour, 0}, {"other", 0, -1}, {"", 0, -1},
	} {
		if got := at(row.token, row.after); got != row.want {
			t.Errorf("%q after %v: %d, want %d", row.token, row.after, got, row.want)
		}
	}
	seat.Tokens[0].UsedAt = noon.Add(2 * time.Hour)
	if at("old", time.Minute) != -1 || at("new", time.Minute) != 0 {
		t.Error("the old token works although the new one was used")
	}
	seat.RenewToken("newest", noon.Add(3*time.Hour))
	if len(seat.Tokens) != 2 || at("old", 0) != -1 {
		t.Errorf("after two renewals %+v", seat.Tokens)
	}
	token := earshot.NewSeatToken()
	if !earshot.IsSeatToken(token) || earshot.HashToken(token) == token || token == earshot.NewSeatToken() {
		t.Errorf("token %q", token)
	}
}

func TestPatchesChangeOnlyWhatTheySay(t *testing.T) {
	number, nobody, tags, rating := "13800000000", earshot.Agent{}, []string{"复核"}, 9
	call := earshot.Call{Number: "1", Account: "8801", Agent: &earshot.Agent{ID: "1001"}, Tags: []string{"旧"}}
	before := call.Clone()
	earshot.CallPatch{Number: &number, Agent: &nobody, Tags: &tags}.Apply(&call)
	if call.Number != number || call.Account != "8801" || call.Agent != nil || fmt.Sprint(call.Tags) != "[复核]" {
		t.Errorf("patched to %+v", call)
	}
	if before.Number != "1" || before.Agent == nil || before.Agent.ID != "1001" || before.Tags[0] != "旧" {
		t.Errorf("the clone was changed too: %+v", before)
	}
	control, long := "a\x00b", strings.Repeat("x", 65)
	sideways := earshot.Direction("sideways")
	for name, bad := range map[string]earshot.CallPatch{
		"bad_rating": {Rating: &rating}, "bad_text": {Ticket: &control}, "bad_tags": {Tags: &[]string{long}},
		"bad_direction": {Direction: &sideways}, "bad_agent": {Agent: &earshot.Agent{Name: "nobody"}},
	} {
		if err := bad.Validate(); err == nil || earshot.AsError(err).Code != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsKeepTheirCodeAndHideTheirDetail(t *testing.T) {
	detail := errors.New("disk on fire")
	err := fmt.Errorf("storing: %w", earshot.ErrNotLive.Because(detail))
	if !errors.Is(err, earshot.ErrNotLive) || errors.Is(err, earshot.ErrNoCall) || !errors.Is(err, detail) {
		t.Error("an error with a detail is no longer itself")
	}
	if said := earshot.AsError(err); said.Code != "not_live" || strings.Contains(said.Text, "fire") {
		t.Errorf("people are told %q, %q", said.Code, said.Text)
	}
	if said := earshot.AsError(detail); said.Kind != earshot.Internal || strings.Contains(said.Text, "fire") {
		t.Errorf("people are told %q", said.Text)
	}
}
