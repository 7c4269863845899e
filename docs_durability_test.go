package earshot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDurabilityPageNamesWhatThereIs holds docs/durability.md against the tree:
// every test that it names is in the file that it names, and every fuzz function
// of the tree is on the page.
func TestDurabilityPageNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("docs/durability.md")
	if err != nil {
		t.Fatal(err)
	}
	page := regexp.MustCompile(`\s+`).ReplaceAllString(string(text), " ")
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)` in `([^`]+)`").FindAllStringSubmatch(page, -1)
	if len(named) < 50 {
		t.Fatalf("the page names only %d tests: is the pattern still right?", len(named))
	}
	for _, row := range named {
		source, err := os.ReadFile(row[2])
		if err != nil {
			t.Errorf("%s: %v", row[1], err)
			continue
		}
		if !strings.Contains(string(source), "\nfunc "+row[1]+"(") {
			t.Errorf("%s is not in %s", row[1], row[2])
		}
	}
	// A name without its file would not be looked for.
	if names := regexp.MustCompile("`(?:Test|Fuzz)\\w+`").FindAllString(page, -1); len(names) != len(named) {
		t.Errorf("%d tests are named, %d of them with their file", len(names), len(named))
	}
	for _, function := range fuzzFunctions(t) {
		if !strings.Contains(page, function) {
			t.Errorf("the page does not name %s", function)
		}
	}
}

// fuzzFunctions are the tree's fuzz functions, as the page names them.
func fuzzFunctions(t *testing.T) (found []string) {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || path == "web") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range pattern.FindAllStringSubmatch(string(source), -1) {
			found = append(found, "`"+match[1]+"` in `"+filepath.ToSlash(path)+"`")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
