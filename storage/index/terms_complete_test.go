package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

// outdated is an index with calls whose terms are of an older form.
func outdated(t *testing.T, url string, calls int) {
	t.Helper()
	ix, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	var restored []Restored
	for i := range calls {
		at := time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC)
		restored = append(restored, Restored{Call: earshot.Call{
			ID: earshot.NewID(at), Seat: "c1", StartedAt: earshot.At(at), State: earshot.CallStored, Tags: []string{fmt.Sprintf("第%d通", i)},
		}})
	}
	if err := ix.RestoreCalls(t.Context(), restored); err != nil {
		t.Fatal(err)
	}
	forget := []string{"DELETE FROM call_terms", "UPDATE terms_version SET version = 1, making = 0, after = ''"}
	if !ix.postgres {
		forget = append(forget, "DELETE FROM call_words")
	}
	for _, statement := range forget {
		if _, err := ix.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

// Terms of an older form do not delay opening; searches find the same without
// them; who makes them anew and ends too soon is followed by another who goes on.
func TestTermsAreMadeAnew(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		const calls = 3*termsAtOnce + 50
		outdated(t, url, calls)
		found := func(ix *Index) []string {
			t.Helper()
			got, err := ids(t, ix, CallQuery{Words: "第7", Seats: []string{"c1"}})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		ix, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if ix.termsWhole.Load() {
			t.Error("the old terms are taken for new ones")
		}
		want := found(ix)
		if len(want) < 11 {
			t.Errorf("%d calls found without terms", len(want))
		}
		if _, err := ix.CountCalls(t.Context(), CallQuery{Words: "第7"}); !errors.Is(err, ErrUncounted) {
			t.Errorf("counted: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = ix.CompleteTerms(ctx, 0, func(n int) { cancel() })
		if !errors.Is(err, context.Canceled) || ix.termsWhole.Load() {
			t.Errorf("ended too soon: %v, whole %v", err, ix.termsWhole.Load())
		}
		fresh := earshot.Call{ID: earshot.NewID(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)), Seat: "c1", State: earshot.CallStored, Tags: []string{"第7号"}}
		fresh.StartedAt = earshot.At(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		if err := errors.Join(ix.SaveCall(t.Context(), fresh), ix.Close()); err != nil {
			t.Fatal(err)
		}
		want = append([]string{fresh.ID}, want...)

		ix, err = Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := ix.Close(); err != nil {
				t.Error(err)
			}
		}()
		looked := 0
		if err := ix.CompleteTerms(t.Context(), 0, func(n int) { looked = n }); err != nil {
			t.Fatal(err)
		}
		if looked != calls-termsAtOnce {
			t.Errorf("looked at %d calls, not at the %d that were left", looked, calls-termsAtOnce)
		}
		if diff := cmp.Diff(want, found(ix)); diff != "" {
			t.Errorf("with all terms (-want +got):\n%s", diff)
		}
		if n, err := ix.CountCalls(t.Context(), CallQuery{Words: "第7"}); err != nil || n != len(want) {
			t.Errorf("counted %d, want %d (%v)", n, len(want), err)
		}
		if !ix.postgres {
			pieces := 0
			if err := ix.read.NewRaw("SELECT count(DISTINCT segid) FROM call_words_idx").Scan(t.Context(), &pieces); err != nil || pieces != 1 {
				t.Errorf("the word index is in %d pieces (%v)", pieces, err)
			}
		}
		again, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if !again.termsWhole.Load() {
			t.Error("nobody noted that all terms are there")
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A server makes them beside its work, and says so.
func TestTenderMakesTermsAnew(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "index.db")
	outdated(t, url, termsAtOnce+1)
	done := make(chan string, 8)
	log := slog.New(slog.NewTextHandler(lines(done), nil))
	ix, err := Tend(t.Context(), url, TendOptions{Log: log, Every: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for line := range done {
		if strings.Contains(line, "has been made anew") {
			if !strings.Contains(line, fmt.Sprint("calls=", termsAtOnce+1)) {
				t.Error(line)
			}
			break
		}
	}
	if !ix.termsWhole.Load() {
		t.Error("terms are not whole")
	}
	if err := ix.Close(); err != nil {
		t.Error(err)
	}
}

// lines hands out what is written, a line at a time.
type lines chan<- string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// Once a newer version makes terms of its form, an older one beside it writes
// none of its own, makes none over, and says that the index is away.
func TestAnOlderVersionLeavesNewerTermsAlone(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		alarms := new(earshot.Alarms)
		ix, err := Tend(t.Context(), url, TendOptions{Every: 10 * time.Millisecond, Alarms: alarms})
		if err != nil {
			t.Fatal(err)
		}
		other, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := errors.Join(ix.Close(), other.Close()); err != nil {
				t.Error(err)
			}
		}()
		newer := func(making int) {
			t.Helper()
			if _, err := other.write.NewRaw("UPDATE terms_version SET making = ?", making).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		at := earshot.At(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		c := earshot.Call{ID: earshot.NewID(at.Time), Seat: "c1", StartedAt: at, State: earshot.CallStored}
		newer(termsVersion + 1)
		for what, err := range map[string]error{"a save": other.SaveCall(t.Context(), c), "terms": other.CompleteTerms(t.Context(), 0, nil)} {
			if !errors.Is(err, errNewer) || !errors.Is(err, ErrAway) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if again, err := Open(t.Context(), url); again != nil || err == nil {
			t.Errorf("opened: %v", err)
		}
		said := func(want bool) {
			for away := !want; away != want; {
				away = slices.ContainsFunc(alarms.List(), func(a earshot.Alarm) bool { return a.Code == earshot.AlarmIndexAway })
			}
		}
		said(true)
		if err := ix.SaveCall(t.Context(), c); !errors.Is(err, ErrAway) {
			t.Errorf("a save: %v", err)
		}
		newer(termsVersion)
		said(false)
		if err := ix.SaveCall(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}
