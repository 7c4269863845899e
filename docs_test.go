package earshot_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsNameWhatTheCodeKnows holds the pages against the code: whatever a
// reader may meet must be on the page that speaks of it.
func TestDocsNameWhatTheCodeKnows(t *testing.T) {
	for _, row := range []struct {
		what, source, pattern, page string
	}{
		{"cause of a gap", "gap.go", `Cause\s+=\s+"(\w+)"`, "docs/recording-format.md"},
		{"role", "user.go", `Role\s+=\s+"(\w+)"`, "docs/operations.md"},
		{"way of cutting calls", "seat.go", `Cut\s+=\s+"(\w+)"`, "docs/protocol.md"},
		{"kind of event", "live.go", `EventKind\s+=\s+"(\w+)"`, "docs/protocol.md"},
		{"tag in a recording", "ingest/recorder/*.go", `"(EARSHOT_\w+)`, "docs/recording-format.md"},
		{"alarm", "alarm.go", `AlarmCode\s+=\s+"(\w+)"`, "docs/operations.md"},
		{"reason of a deletion", "retention.go", `RetentionReason += "(\w+)"`, "docs/retention.md"},
		{"refusal of an offer", "ingest/sdp.go", `Invalid, "(\w+)"`, "docs/protocol.md"},
	} {
		t.Run(row.what, func(t *testing.T) {
			page, err := os.ReadFile(row.page)
			if err != nil {
				t.Fatal(err)
			}
			known := wordsIn(t, row.source, row.pattern)
			if len(known) == 0 {
				t.Fatalf("%s knows none: is the pattern %s still right?", row.source, row.pattern)
			}
			for _, word := range known {
				if !strings.Contains(string(page), "`"+word+"`") {
					t.Errorf("%s does not name `%s`", row.page, word)
				}
			}
		})
	}
}

// wordsIn finds what pattern captures in the source files, tests apart.
func wordsIn(t *testing.T, sources, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(sources)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			words = append(words, match[1])
		}
	}
	return words
}
