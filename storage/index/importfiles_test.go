package index

import (
	"path/filepath"
	"strings"
	"testing"
)

// A file is found by its hash without a walk over all parts.
func TestAFileIsFoundByAnIndex(t *testing.T) {
	ix, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	}()
	lines, err := ix.explain(t.Context(), ix.withFile(strings.Repeat("a", 64)))
	if err != nil {
		t.Fatal(err)
	}
	if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "parts_hash") || strings.Contains(plan, "SCAN") {
		t.Error(plan)
	}
}
