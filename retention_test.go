package earshot_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"earshot"
)

// hall lies in east; north beside it.
var tree = earshot.Under([]earshot.Branch{{ID: "east"}, {ID: "hall", Parent: "east"}, {ID: "north"}})

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

func TestUnder(t *testing.T) {
	for _, row := range []struct {
		branch, in string
		want       bool
	}{
		{"hall", "hall", true}, {"hall", "east", true}, {"east", "hall", false}, {"hall", "north", false},
		{"gone", "gone", false}, {"gone", "east", false}, {"", "", false},
	} {
		if got := tree(row.branch, row.in); got != row.want {
			t.Errorf("%q under %q: %v", row.branch, row.in, got)
		}
	}
	circle := earshot.Under([]earshot.Branch{{ID: "a", Parent: "b"}, {ID: "b", Parent: "a"}})
	if circle("a", "c") {
		t.Error("a circle contains what is not in it")
	}
}

func TestDecide(t *testing.T) {
	ended := time.Date(2026, 1, 31, 23, 30, 0, 0, shanghai)
	day := 24 * time.Hour
	all30 := earshot.Policy{ID: "all-30", KeepDays: 10, DeleteDays: 30}
	for what, row := range map[string]struct {
		policies []earshot.Policy
		holds    []earshot.Hold
		change   func(*earshot.Call)
		at       time.Duration // after the end
		want     earshot.Fate  // without DueAt
		due      time.Duration // after the end; 0: never
	}{
		"no policy: kept":                 {at: 1000 * day},
		"not yet":                         {policies: []earshot.Policy{all30}, at: 30*day - time.Second, want: earshot.Fate{Policy: "all-30"}, due: 30 * day},
		"to the second":                   {policies: []earshot.Policy{all30}, at: 30 * day, want: earshot.Fate{Deletable: true, Policy: "all-30"}, due: 30 * day},
		"a promise alone deletes nothing": {policies: []earshot.Policy{{ID: "keep", KeepDays: 5}}, at: 1000 * day, want: earshot.Fate{Policy: "keep"}},
		"the longer order counts": {policies: []earshot.Policy{all30, {ID: "hall-90", Branch: "hall", DeleteDays: 90}}, at: 60 * day,
			want: earshot.Fate{Policy: "hall-90"}, due: 90 * day},
		"of a branch above":        {policies: []earshot.Policy{{ID: "east", Branch: "east", DeleteDays: 7}}, at: 8 * day, want: earshot.Fate{Deletable: true, Policy: "east"}, due: 7 * day},
		"of a branch beside":       {policies: []earshot.Policy{{ID: "north", Branch: "north", DeleteDays: 7}}, at: 8 * day},
		"of another kind":          {policies: []earshot.Policy{{ID: "hot", Kind: earshot.Hotline, DeleteDays: 7}}, at: 8 * day},
		"of another business":      {policies: []earshot.Policy{{ID: "b", Business: "报修", DeleteDays: 7}}, at: 8 * day},
		"of its business":          {policies: []earshot.Policy{{ID: "b", Business: "投诉", DeleteDays: 7}}, at: 8 * day, want: earshot.Fate{Deletable: true, Policy: "b"}, due: 7 * day},
		"never wins over an order": {policies: []earshot.Policy{all30, {ID: "never", Business: "投诉"}}, at: 1000 * day, want: earshot.Fate{Policy: "never"}},
		"held":                     {policies: []earshot.Policy{all30}, holds: []earshot.Hold{{ID: "h", Call: "c"}}, at: 40 * day, want: earshot.Fate{Policy: "all-30", Hold: "h"}, due: 30 * day},
		"held by a window":         {policies: []earshot.Policy{all30}, holds: []earshot.Hold{{ID: "h", Seat: "s", From: earshot.At(ended)}}, at: 40 * day, want: earshot.Fate{Policy: "all-30", Hold: "h"}, due: 30 * day},
		"the hold lapsed":          {policies: []earshot.Policy{all30}, holds: []earshot.Hold{{ID: "h", Call: "c", Until: earshot.At(ended.Add(40 * day))}}, at: 40 * day, want: earshot.Fate{Deletable: true, Policy: "all-30"}, due: 30 * day},
		"the hold was released":    {policies: []earshot.Policy{all30}, holds: []earshot.Hold{{ID: "h", Call: "c", ReleasedAt: earshot.At(ended)}}, at: 40 * day, want: earshot.Fate{Deletable: true, Policy: "all-30"}, due: 30 * day},
		"a live call":              {policies: []earshot.Policy{all30}, change: func(c *earshot.Call) { c.State, c.EndedAt = earshot.CallLive, earshot.Time{} }, at: 400 * day},
		"a deleted call":           {policies: []earshot.Policy{all30}, change: func(c *earshot.Call) { c.State = earshot.CallDeleted }, at: 40 * day, want: earshot.Fate{Policy: "all-30"}, due: 30 * day},
		"a branch that is gone is under every promise": {policies: []earshot.Policy{all30, {ID: "north", Branch: "north", KeepDays: 50, DeleteDays: 60}},
			change: func(c *earshot.Call) { c.Branch = "gone" }, at: 40 * day, want: earshot.Fate{Policy: "north"}, due: 60 * day},
		"a branch that is gone is under no order": {policies: []earshot.Policy{{ID: "north", Branch: "north", DeleteDays: 7}},
			change: func(c *earshot.Call) { c.Branch = "gone" }, at: 40 * day, want: earshot.Fate{Policy: "north"}},
		"a branch that is gone keeps its own order": {policies: []earshot.Policy{{ID: "gone", Branch: "gone", DeleteDays: 7}},
			change: func(c *earshot.Call) { c.Branch = "gone" }, at: 8 * day, want: earshot.Fate{Deletable: true, Policy: "gone"}, due: 7 * day},
	} {
		t.Run(what, func(t *testing.T) {
			c := earshot.Call{ID: "c", Seat: "s", Branch: "hall", Kind: earshot.Counter, Business: "投诉", State: earshot.CallStored,
				StartedAt: earshot.At(ended.Add(-time.Hour)), EndedAt: earshot.At(ended)}
			if row.change != nil {
				row.change(&c)
			}
			if row.due != 0 {
				row.want.DueAt = earshot.At(ended.Add(row.due))
			}
			if got := earshot.Decide(c, row.policies, row.holds, tree, ended.Add(row.at)); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

// A day is as long as the site's clocks make it.
func TestDecideCountsDaysOfTheSite(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	ended := time.Date(2026, 10, 24, 12, 0, 0, 0, berlin) // the clocks go back that night
	c := earshot.Call{ID: "c", Branch: "hall", State: earshot.CallStored, EndedAt: earshot.At(ended)}
	day := []earshot.Policy{{ID: "day", DeleteDays: 1}}
	due := time.Date(2026, 10, 25, 12, 0, 0, 0, berlin)
	for at, want := range map[time.Time]bool{ended.Add(24 * time.Hour): false, due.Add(-time.Second): false, due: true} {
		if got := earshot.Decide(c, day, nil, tree, at); got.Deletable != want {
			t.Errorf("at %v: %+v", at, got)
		}
	}
}

// The promise, for any policies and holds: what goes is past both days of every
// policy that is about it, none of which keeps it for ever, at least one orders
// it, and nothing holds it.
func TestDecideKeepsItsPromise(t *testing.T) {
	branches := []string{"", "east", "hall", "north", "gone"}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(what string, from []string) string { return rapid.SampledFrom(from).Draw(t, what) }
		day := rapid.IntRange(0, 40)
		ended := time.Date(2026, 6, 1, 8, 0, 0, 0, shanghai)
		now := ended.Add(time.Duration(rapid.IntRange(0, 45*24).Draw(t, "hours")) * time.Hour)
		c := earshot.Call{ID: "c", Seat: pick("seat", []string{"s", "t"}), Branch: pick("branch", branches), Kind: earshot.Counter,
			Business: pick("business", []string{"", "x"}), State: earshot.CallStored, EndedAt: earshot.At(ended), StartedAt: earshot.At(ended.Add(-time.Hour))}
		var policies []earshot.Policy
		for i := range rapid.IntRange(0, 4).Draw(t, "policies") {
			p := earshot.Policy{ID: string(rune('a' + i)), Branch: pick("of branch", branches), Business: pick("of business", []string{"", "x"}), KeepDays: day.Draw(t, "keep")}
			if rapid.Bool().Draw(t, "deletes") {
				p.DeleteDays = max(1, p.KeepDays, day.Draw(t, "delete"))
			}
			policies = append(policies, p)
		}
		var holds []earshot.Hold
		for range rapid.IntRange(0, 2).Draw(t, "holds") {
			h := earshot.Hold{ID: "h", Seat: pick("held seat", []string{"s", "t"}), From: earshot.At(ended.Add(-2 * time.Hour))}
			if rapid.Bool().Draw(t, "lapsing") {
				h.Until = earshot.At(ended.Add(time.Duration(day.Draw(t, "until")) * 24 * time.Hour))
			}
			holds = append(holds, h)
		}
		if !earshot.Decide(c, policies, holds, tree, now).Deletable {
			return
		}
		ordered := false
		for _, p := range policies {
			if !p.About(c, tree) {
				continue
			}
			ordered = ordered || p.DeleteDays > 0
			if p.DeleteDays == 0 || now.Before(ended.AddDate(0, 0, p.KeepDays)) || now.Before(ended.AddDate(0, 0, p.DeleteDays)) {
				t.Fatalf("%+v does not let it go", p)
			}
		}
		if !ordered {
			t.Fatal("nobody ordered it")
		}
		for _, h := range holds {
			if h.Active(now) && h.Covers(c) {
				t.Fatalf("%+v holds it", h)
			}
		}
	})
}

func TestDayTime(t *testing.T) {
	for _, bad := range []string{"", "3:00", "24:00", "03:60", "03:00:00", "three"} {
		if _, err := earshot.ParseDayTime(bad); err == nil {
			t.Errorf("%q is a time of day", bad)
		}
	}
	three, err := earshot.ParseDayTime("03:00")
	if err != nil || three.String() != "03:00" {
		t.Fatal(three, err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, shanghai) }
	for from, want := range map[time.Time]time.Time{
		at(1, 2, 59): at(1, 3, 0), at(1, 3, 0): at(2, 3, 0), at(1, 23, 0): at(2, 3, 0), at(30, 4, 0): time.Date(2026, 12, 1, 3, 0, 0, 0, shanghai),
	} {
		if got := three.After(from); !got.Equal(want) {
			t.Errorf("after %v: %v", from, got)
		}
	}
}

func TestTombstoneForgetsPeople(t *testing.T) {
	c := earshot.Call{ID: "c", Agent: &earshot.Agent{ID: "A1", Name: "王"}, Number: "138", Account: "33", Ticket: "T", Business: "报修",
		Marks: []earshot.Mark{{Text: "x"}}, Tags: []string{"vip"}, Parts: []earshot.Part{{N: 1, SHA256: "ab"}}, State: earshot.CallStored}
	left := c.Tombstone(earshot.Deletion{Policy: "p"})
	if left.State != earshot.CallDeleted || left.Deleted.Policy != "p" || left.Number+left.Account+left.Ticket+left.Agent.Name != "" ||
		len(left.Marks)+len(left.Tags) != 0 || left.Agent.ID != "A1" || left.Parts[0].SHA256 != "ab" {
		t.Errorf("%+v", left)
	}
	if c.Agent.Name != "王" || c.Deleted != nil {
		t.Error("the call itself was changed")
	}
}

func TestHoldReleased(t *testing.T) {
	h := earshot.Hold{ID: "h", Call: "c"}
	if _, err := h.Released(noon, "eve", ""); earshot.AsError(err).Code != "bad_reason" {
		t.Errorf("without a reason: %v", err)
	}
	released, err := h.Released(noon, "eve", "结案")
	if err != nil || released.Active(noon) || released.ReleasedBy != "eve" || released.ReleaseReason != "结案" {
		t.Errorf("%+v, %v", released, err)
	}
	if _, err := released.Released(noon, "eve", "again"); earshot.AsError(err).Code != "released" {
		t.Errorf("twice: %v", err)
	}
}
