package index

import (
	"context"
	"fmt"
)

// Tables are the tables that there are.
func (ix *Index) Tables(ctx context.Context) (map[string]bool, error) { return ix.tables(ctx) }

// ListedTables are those of which it is said what brings them back; an error
// where one is said twice.
func (ix *Index) ListedTables() (map[string]bool, error) {
	all := map[string]bool{}
	for _, list := range [][]string{backedUpTables(), tablesFromFiles, tablesWithoutFacts} {
		for _, table := range list {
			if all[table] {
				return nil, fmt.Errorf("%s is listed twice", table)
			}
			all[table] = true
		}
	}
	return all, nil
}
