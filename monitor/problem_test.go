package monitor

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"earshot"
)

// Who leaves a page warns nobody; what is slow, or away, does.
func TestWhatIsWarnedOf(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, row := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"who asked has gone": {gone, fmt.Errorf("search: %w", context.Canceled), ""},
		"it took too long":   {t.Context(), fmt.Errorf("search: %w", context.DeadlineExceeded), "too_slow"},
		"we gave it up":      {t.Context(), context.Canceled, "too_slow"},
		"it is away":         {gone, earshot.Fail(earshot.Unavailable, "index_away", "away"), "index_away"},
	} {
		var log bytes.Buffer
		_ = problemOf(row.ctx, slog.New(slog.NewTextHandler(&log, nil)), row.err)
		if text := log.String(); row.want == "" && text != "" || !strings.Contains(text, row.want) {
			t.Errorf("%s: %q", name, text)
		}
	}
}
