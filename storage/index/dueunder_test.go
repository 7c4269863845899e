package index_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// What would go under other policies is told by the rules and the holds of what
// goes, and nothing is changed by asking.
func TestDueUnder(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		must(t, ix.CreatePolicy(t.Context(), earshot.Policy{ID: "repair", Name: "报修", Business: "repair", DeleteDays: 1}))
		about := func(business string) func(*earshot.Call) {
			return func(c *earshot.Call) { c.Business = business }
		}
		repair, other, kept := call(0, about("repair")), call(time.Minute, about("other")), call(2*time.Minute, about("other"))
		save(t, ix, repair, other, kept)
		keeping := earshot.Hold{ID: earshot.NewID(start), Call: kept.ID, Reason: "投诉", By: "eve", At: earshot.At(start)}
		must(t, ix.AddHold(t.Context(), keeping))

		for what, row := range map[string]struct {
			policies []earshot.Policy
			want     []string // call and policy
		}{
			"none":             {nil, nil},
			"everything":       {[]earshot.Policy{{ID: "all", Name: "a", DeleteDays: 1}}, []string{repair.ID + " all", other.ID + " all", kept.ID + " all held"}},
			"one that orders":  {[]earshot.Policy{{ID: "b", Name: "b", Business: "other", DeleteDays: 2}}, []string{other.ID + " b", kept.ID + " b held"}},
			"one that keeps":   {[]earshot.Policy{{ID: "all", Name: "a", DeleteDays: 1}, {ID: "c", Name: "c", Business: "other"}}, []string{repair.ID + " all"}},
			"not before a day": {[]earshot.Policy{{ID: "all", Name: "a", DeleteDays: 5}}, nil},
		} {
			page, err := ix.DueUnder(t.Context(), row.policies, ripe, "", 10)
			must(t, err)
			same(t, what, told(page), row.want)
		}
		page, err := ix.Due(t.Context(), ripe, "", 10)
		must(t, err)
		same(t, "as the policies are", told(page), []string{repair.ID + " repair"})
	})
}

func told(page index.DuePage) (all []string) {
	for _, c := range page.Calls {
		text := c.ID + " " + c.Policy
		if c.Hold != "" {
			text += " held"
		}
		all = append(all, text)
	}
	return all
}
