package people

import "testing"

func TestHomesForgetTheOneUsedLongestAgo(t *testing.T) {
	h := NewHomes(2)
	h.Add("a")
	h.Add("b")
	h.Add("a")
	h.Add("c")
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if h.Has(key) != want {
			t.Errorf("%s is remembered: %t", key, !want)
		}
	}
}
