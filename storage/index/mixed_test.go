package index_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// TestMixedCallsHaveNoSides: a call whose sides are in one channel is found by its
// silence, and by nothing that only holds of sides that can be told apart; it comes
// back as it was, judged with others or with its like alone.
func TestMixedCallsHaveNoSides(t *testing.T) {
	mixed := earshot.Talk{Mixed: true, SilenceShare: 250, LongestSilence: 4_000, Judged: "0f1e2d3c4b5a"}
	apart := earshot.Talk{AgentShare: 400, CustomerShare: 350, SilenceShare: 250, LongestSilence: 4_000, Judged: "0f1e2d3c4b5a"}
	share := func(n int) *int { return &n }
	engines(t, func(t *testing.T, ix *index.Index) {
		one := call(0, func(c *earshot.Call) { c.Talk = &mixed })
		two := call(time.Hour, func(c *earshot.Call) { c.Talk = &apart })
		save(t, ix, one, two)
		same(t, "the mixed call", read(t, ix, one.ID), one)

		judge := func(talk earshot.Talk) {
			t.Helper()
			must(t, ix.JudgeCalls(t.Context(), []string{one.ID}, func(calls []earshot.Call) ([]index.Judged, error) {
				calls[0].Talk = &talk
				return []index.Judged{{Call: calls[0]}}, nil
			}))
		}
		judge(apart)
		judge(mixed)
		same(t, "the call judged to be mixed", read(t, ix, one.ID), one)

		for what, row := range map[string]struct {
			bounds index.TalkBounds
			want   []string
		}{
			"silence at least":        {index.TalkBounds{MinSilence: share(250)}, []string{two.ID, one.ID}},
			"silence at most":         {index.TalkBounds{MaxSilence: share(250)}, []string{two.ID, one.ID}},
			"agent at least nothing":  {index.TalkBounds{MinAgent: share(0)}, []string{two.ID}},
			"agent at most all":       {index.TalkBounds{MaxAgent: share(1000)}, []string{two.ID}},
			"overtalk at least":       {index.TalkBounds{MinOvertalk: share(0)}, []string{two.ID}},
			"interruptions at least":  {index.TalkBounds{MinInterruptions: share(0)}, []string{two.ID}},
			"silence and agent's few": {index.TalkBounds{MinSilence: share(1), MaxAgent: share(100)}, []string{}},
		} {
			page, err := ix.SearchCalls(t.Context(), index.CallQuery{Talk: row.bounds})
			must(t, err)
			same(t, what, idsOf(page.Calls), row.want)
		}
	})
}
