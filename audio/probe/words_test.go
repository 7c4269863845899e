package probe

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/audio/wav"
)

// TestEveryCodeHasItsWords holds the dashboard's texts against those of here, and
// the codes that are given against those that have words.
func TestEveryCodeHasItsWords(t *testing.T) {
	for _, language := range []struct {
		file    string
		chinese bool
	}{{"zh-CN", true}, {"en", false}} {
		text, err := os.ReadFile("../../web/src/i18n/" + language.file + "/recordings.ts")
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range slices.Concat(Refusals(), Remarks()) {
			words, ok := Say(code, language.chinese)
			if line := code + `: "` + words + `",`; !ok || words == "" || !strings.Contains(string(text), line) {
				t.Errorf("%s: there is no line %s", language.file, line)
			}
		}
	}
	if _, ok := Say("nonsense", true); ok {
		t.Error("nonsense has words")
	}
	for _, m := range magic {
		if _, ok := refusals[m.code]; !ok {
			t.Errorf("%s has no words", m.code)
		}
	}
	for e := range 1 << 16 {
		if code := wavCode(wav.Encoding(e)); refusals[code].english == "" {
			t.Errorf("%s of encoding %d has no words", code, e)
		}
	}
}

// What lasts ten seconds is shown as ten seconds, though its frames are a part of a
// sample short of them.
func TestLengthIsTheNearestMillisecond(t *testing.T) {
	for of, want := range map[time.Duration]int64{
		9_999_977_324: 10_000, 9_999_499_999: 9_999, 10_000_400_000: 10_000, 100 * time.Millisecond: 100,
	} {
		if got := (Audio{Duration: of}).Ms(); got != want {
			t.Errorf("%v is %d ms, want %d", of, got, want)
		}
	}
}
