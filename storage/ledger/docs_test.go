package ledger

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestThePageSaysWhatTheCodeDoes holds docs/ledger.md against the code.
func TestThePageSaysWhatTheCodeDoes(t *testing.T) {
	text, err := os.ReadFile("../../docs/ledger.md")
	must(t, err)
	page := string(text)
	var words []string
	for _, row := range []struct{ file, pattern string }{
		{"verify.go", `FindingCode = "(\w+)"`},
		{"entry.go", `Kind = "(\w+)"`},
		{"errors.go", `"((?:ledger_(?:damaged|cut|head|key|no_key))|checkpoint_\w+)"`},
	} {
		source, err := os.ReadFile(row.file)
		must(t, err)
		found := regexp.MustCompile(row.pattern).FindAllStringSubmatch(string(source), -1)
		if len(found) < 5 && row.file != "errors.go" {
			t.Fatalf("%s: only %d words", row.file, len(found))
		}
		for _, f := range found {
			words = append(words, f[1])
		}
	}
	for f := range reflect.TypeFor[Entry]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		words = append(words, name)
	}
	for _, w := range []Witness{&Folder{}, &Webhook{}, &Webhook{Node: true}, &TSA{}} {
		words = append(words, w.Kind())
	}
	for _, f := range []string{"head", "oldSize", "proof", "keys"} {
		words = append(words, f)
		if _, ok := reflect.TypeFor[wire]().FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, f) }); !ok {
			t.Errorf("a submission has no %s", f)
		}
	}
	for _, w := range words {
		if !strings.Contains(page, "`"+w+"`") {
			t.Errorf("the page does not speak of `%s`", w)
		}
	}
	for _, figure := range []string{
		fmt.Sprintf("at most %d bytes without its newline", MaxEntry),
		fmt.Sprintf("head is at most %d bytes", MaxHead),
		fmt.Sprintf("%d bytes for each entry", offsetBytes),
		fmt.Sprintf("%d bytes for each hash", hashBytes),
		fmt.Sprintf("cut into blocks of %d bytes", BlockBytes),
		fmt.Sprintf("again after %v s", firstRetry.Seconds()),
		fmt.Sprintf("at most %v min", longestRetry.Minutes()),
	} {
		if !strings.Contains(page, figure) {
			t.Errorf("the page does not say %q", figure)
		}
	}
}
