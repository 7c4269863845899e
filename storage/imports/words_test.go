package imports_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"earshot/storage/imports"
)

// The dashboard says every code of here, and none that is not given any more.
func TestDashboardSaysEveryCode(t *testing.T) {
	for _, language := range []string{"zh-CN", "en"} {
		text, err := os.ReadFile("../../web/src/i18n/" + language + "/imports.ts")
		if err != nil {
			t.Fatal(err)
		}
		_, group, found := strings.Cut(string(text), "\n  codes: {\n")
		group, _, closed := strings.Cut(group, "\n  },")
		if !found || !closed {
			t.Fatalf("%s: there are no codes", language)
		}
		var said []string
		for _, line := range regexp.MustCompile(`(?m)^    ([a-z_]+): *"?`).FindAllStringSubmatch(group, -1) {
			said = append(said, line[1])
		}
		want := imports.Codes()
		slices.Sort(said)
		slices.Sort(want)
		if !slices.Equal(said, want) {
			t.Errorf("%s: says\n%v, want\n%v", language, said, want)
		}
	}
}
