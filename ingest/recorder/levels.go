package recorder

import (
	"bytes"

	"earshot"
)

// stitched lays the levels of parts on the call's timeline.
type stitched struct{ agent, customer []byte }

// add lays a part's steps from startMs on. Where parts overlap the loudest
// counts, as everywhere.
func (s *stitched) add(startMs int64, agent, customer []byte) {
	first := int(roundTo(startMs, earshot.LevelStepMs) / earshot.LevelStepMs)
	s.agent = lay(s.agent, first, agent)
	s.customer = lay(s.customer, first, customer)
}

func lay(on []byte, first int, steps []byte) []byte {
	on = lengthen(on, first+len(steps))
	for i, level := range steps {
		on[first+i] = min(on[first+i], level)
	}
	return on
}

func lengthen(steps []byte, n int) []byte {
	if n <= len(steps) {
		return steps
	}
	return append(steps, bytes.Repeat([]byte{earshot.LevelGap}, n-len(steps))...)
}

// levels are the steps of a call that is ms long.
func (s *stitched) levels(ms int64) earshot.Levels {
	n := max(len(s.agent), len(s.customer), int((ms+earshot.LevelStepMs-1)/earshot.LevelStepMs))
	return earshot.Levels{StepMs: earshot.LevelStepMs, Agent: lengthen(s.agent, n), Customer: lengthen(s.customer, n)}
}
