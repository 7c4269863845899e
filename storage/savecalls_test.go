package storage_test

import (
	"testing"

	"earshot"
)

// TestSaveCalls puts calls there together as SaveCall puts each.
func TestSaveCalls(t *testing.T) {
	together, alone := attack(t), attack(t)
	for _, a := range []*attacked{together, alone} {
		var calls []earshot.Call
		for i, c := range a.calls {
			c.Tags, c.Number = []string{"复查"}, "13800138000"
			c.SetFlag(earshot.FlagInterrupted)
			c.Gaps = []earshot.Gap{{Side: earshot.SideAgent, StartMs: int64(i), EndMs: 100, Cause: earshot.CauseLost}}
			calls = append(calls, c)
		}
		gone := calls[1]
		must(t, a.index.CreatePolicy(t.Context(), earshot.Policy{ID: "q", Name: "q", Kind: earshot.Counter, DeleteDays: 1}))
		before := a.now
		a.now = a.now.AddDate(0, 0, 3)
		_, err := a.Delete(t.Context(), gone.ID, earshot.Deletion{At: earshot.At(a.now), By: "retention", Policy: "q", Reason: "due"})
		must(t, err)
		a.now = before
		if a == together {
			must(t, a.SaveCalls(t.Context(), []earshot.Call{calls[2], calls[0], calls[1]}))
		} else {
			for _, c := range calls {
				must(t, a.SaveCall(t.Context(), c))
			}
		}
		if _, err := a.Call(t.Context(), gone.ID); earshot.AsError(err).Code != "deleted" {
			t.Errorf("a deleted call came back: %v", err)
		}
		if len(a.onDisk(t, calls[0].ID).Holds) != 1 {
			t.Error("the call's file does not say what holds it")
		}
	}
	for i := range together.calls {
		got, _ := together.index.Call(t.Context(), together.calls[i].ID)
		want, _ := alone.index.Call(t.Context(), alone.calls[i].ID)
		got.ID, want.ID = "", ""
		for _, c := range []*earshot.Call{&got, &want} {
			for k := range c.Parts {
				c.Parts[k].File = ""
			}
			for k := range c.Holds {
				c.Holds[k].ID, c.Holds[k].Call = "", ""
			}
		}
		same(t, "the call", got, want)
	}
	wantCode(t, together.SaveCalls(t.Context(), []earshot.Call{{ID: "x"}}), "bad_call")
	must(t, together.SaveCalls(t.Context(), nil))
}
