package earshot

import (
	"cmp"
	"slices"
)

// alert is a mark that is due.
type alert struct {
	span
	kind MarkKind
	side Side
}

// alerts are what the thresholds find, by their kinds.
func (h *hearing) alerts() []alert {
	t := h.thresholds
	found := h.over(MarkSilence, "", h.spells(h.quiet, 0), t.SilenceMs)
	found = append(found, h.over(MarkOvertalk, "", h.spells(h.both, breakSteps), t.OvertalkMs)...)
	var loud []alert
	for _, v := range h.voices {
		raised := h.spells(func(i int) bool { return v.loud[i] }, breakSteps)
		loud = append(loud, h.over(MarkLoud, v.side, raised, t.LoudMs)...)
	}
	found = append(found, longest(loud)...)
	return append(found, h.oneSided()...)
}

// over are the spells that have more than ms of what they are made of.
func (h *hearing) over(kind MarkKind, side Side, spells []spell, ms int64) []alert {
	var found []alert
	for _, s := range spells {
		if int64(s.of)*LevelStepMs > ms {
			found = append(found, alert{s.span, kind, side})
		}
	}
	return longest(found)
}

// longest bounds how many alerts of one kind a call has.
func longest(found []alert) []alert {
	if len(found) > mostAlerts {
		slices.SortStableFunc(found, func(a, b alert) int { return cmp.Compare(b.steps(), a.steps()) })
		found = found[:mostAlerts]
	}
	return found
}

// oneSided is the side that never speaks while the other does. Of a side without
// audio, or of two in one channel, that cannot be said.
func (h *hearing) oneSided() []alert {
	for k, v := range h.voices {
		other := h.other(k)
		if other != nil && v.said == 0 && int64(other.said)*LevelStepMs > h.thresholds.OneSidedMs {
			return []alert{{span{0, len(h.heard)}, MarkOneSided, v.side}}
		}
	}
	return nil
}
