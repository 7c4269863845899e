package index

import (
	"strings"
	"testing"
)

// A file is found by its hash without a walk over all parts.
func TestAFileIsFoundByAnIndex(t *testing.T) {
	ix := opened(t, ofSQLite(t))
	if plan := plannedAs(t, ix, ix.withFile(strings.Repeat("a", 64))); !strings.Contains(plan, "parts_hash") || strings.Contains(plan, "SCAN") {
		t.Error(plan)
	}
}
