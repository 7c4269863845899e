package recorder

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot"

	"pgregory.net/rapid"
)

// Whatever the network does: what is in a slot was sent for that slot, every
// slot without audio lies in a gap or in a short pause of the sender, and the
// part is as long as the call.
func TestWhateverTheNetworkDoes(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	rapid.Check(t, func(rt *rapid.T) {
		const n = 1000 // 20 s
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		agent, customer := agentSender().events(a, n, 0), customerSender().events(c, n, 0)
		if rapid.Bool().Draw(rt, "rough agent") {
			agent = slices.Concat(agent[:10], rough(rng, agent[10:])) // by its first packets it is placed
		}
		if from := rapid.IntRange(9, n).Draw(rt, "outage from"); from > 9 {
			long := rapid.IntRange(0, 400).Draw(rt, "outage slots")
			agent = cut(agent, min(from, len(agent)), min(from+long, len(agent)))
		}
		customer = slices.Concat(customer[:10], rough(rng, customer[10:]))
		o := record(t, twoTracks, 20*time.Second, agent, customer)
		if len(o.call.Parts) == 0 {
			return
		}
		p := o.call.Parts[0]
		if d := p.StartMs + p.DurationMs - 20_000; d > 40 || d < -40 {
			rt.Fatalf("from %d ms, %d ms long", p.StartMs, p.DurationMs)
		}
		gotA, gotC := sides(t, o.file(1))
		checkSide(rt, o.call, earshot.SideAgent, gotA, looped(a, n))
		checkSide(rt, o.call, earshot.SideCustomer, gotC, looped(c, n))
	})
}

func checkSide(t *rapid.T, call earshot.Call, side earshot.Side, slots, sent [][]byte) {
	t.Helper()
	p := call.Parts[0]
	missing := 0
	for i, s := range slots {
		ms := p.StartMs + int64(i)*20
		if !bytes.Equal(s, fill) {
			missing = 0
			at := int(ms / 20)
			ok := false
			for k := max(0, at-8); k < min(len(sent), at+9); k++ {
				ok = ok || bytes.Equal(s, sent[k])
			}
			if !ok {
				t.Fatalf("%s: slot %d holds what was not sent near it", side, i)
			}
			continue
		}
		// The last slots may only be there because the other side is longer.
		if missing++; missing <= 50 || i >= len(slots)-5 || inGap(call.Gaps, side, ms, ms+20) {
			continue
		}
		t.Fatalf("%s: slot %d is empty and in no gap", side, i)
	}
}

func inGap(gaps []earshot.Gap, side earshot.Side, from, to int64) bool {
	for _, g := range gaps {
		if g.Side == side && g.StartMs < to && g.EndMs > from {
			return true
		}
	}
	return false
}
