package ingest

import (
	"testing"
	"time"
)

func TestWhoseANewSourceIs(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const ms = time.Millisecond
	for _, row := range []struct {
		name  string
		ssrc  uint32
		began time.Duration    // ago
		came  [2]time.Duration // what each line brought last, ago
		want  int              // −1: nobody knows
	}{
		{"declared", 2, 0, [2]time.Duration{0, time.Hour}, 1},
		{"both speak", 9, time.Second, [2]time.Duration{20 * ms, 0}, -1},
		{"the agent's line is quiet", 9, 520 * ms, [2]time.Duration{540 * ms, 20 * ms}, 0},
		{"the customer's line is quiet", 9, 520 * ms, [2]time.Duration{420 * ms, 540 * ms}, 1},
		// The customer says nothing, and its next packet is lost; the agent's line
		// has been left a moment ago.
		{"too soon to say", 9, 20 * ms, [2]time.Duration{40 * ms, 820 * ms}, -1},
		{"both are quiet", 9, 600 * ms, [2]time.Duration{620 * ms, 640 * ms}, -1},
	} {
		pub := &publication{lines: make([]pubLine, 2)}
		for i, name := range []string{"1", "2"} {
			pub.lines[i].ssrc, pub.lines[i].came = name, ago(row.came[i])
		}
		got := -1
		if line := pub.lineOf(&pubSource{ssrc: row.ssrc, began: ago(row.began)}, now); line != nil {
			got = int(line.ssrc[0] - '1')
		}
		if got != row.want {
			t.Errorf("%s: line %d, not %d", row.name, got, row.want)
		}
	}
}
