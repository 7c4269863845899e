package index

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun/schema"
)

// ExplainCalls is how the engine would go about a search: its plans, a
// statement after the other.
func (ix *Index) ExplainCalls(ctx context.Context, q CallQuery) (string, error) {
	s, err := ix.search(ctx, q)
	if err != nil {
		return "", err
	}
	clauses := s.terms()
	statements := []schema.QueryAppender{s.statement(s.after, position{}, 0, s.limit+1)}
	if len(clauses) > 0 {
		statements = append(statements, s.placesQuery(clauses, s.after, s.limit+1))
	}
	var plans []string
	for _, statement := range statements {
		lines, err := ix.explain(ctx, statement)
		if err != nil {
			return "", failed("explain a search", err)
		}
		plans = append(plans, lines...)
	}
	return strings.Join(plans, "\n"), nil
}

func (ix *Index) explain(ctx context.Context, statement schema.QueryAppender) ([]string, error) {
	if ix.postgres {
		var lines []string
		err := ix.read.NewRaw("EXPLAIN ?", statement).Scan(ctx, &lines)
		return lines, err
	}
	var rows []struct {
		ID      int    `bun:"id"`
		Parent  int    `bun:"parent"`
		NotUsed int    `bun:"notused"`
		Detail  string `bun:"detail"`
	}
	if err := ix.read.NewRaw("EXPLAIN QUERY PLAN ?", statement).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = r.Detail
	}
	return lines, nil
}
