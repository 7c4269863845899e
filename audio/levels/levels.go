// Package levels measures how loud audio is, as RFC 6464 writes it, and codes
// the levels files that lie beside recordings. It starts no goroutine.
package levels

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"earshot"
	"earshot/audio/g711"
)

// OfPCM is the level of samples in −dBov: 0 is the loudest there can be, 127
// silence.
func OfPCM(samples []int16) byte {
	var sum float64
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return ofEnergy(sum, len(samples))
}

// OfULaw is the level of µ-law bytes.
func OfULaw(payload []byte) byte {
	var sum float64
	for _, b := range payload {
		s := float64(g711.ULaw(b))
		sum += s * s
	}
	return ofEnergy(sum, len(payload))
}

// OfALaw is the level of A-law bytes. A-law has no zero: its quietest values
// count as silence.
func OfALaw(payload []byte) byte {
	var sum float64
	for _, b := range payload {
		if s := float64(g711.ALaw(b)); s != 8 && s != -8 {
			sum += s * s
		}
	}
	return ofEnergy(sum, len(payload))
}

// ofEnergy is the level of n samples whose squares sum up to sum.
func ofEnergy(sum float64, n int) byte {
	if n == 0 || sum == 0 {
		return earshot.LevelSilence
	}
	db := -10 * math.Log10(sum/float64(n)/(32768*32768))
	return byte(math.Round(min(max(db, 0), earshot.LevelSilence)))
}

// Steps gathers packet levels into steps of earshot.LevelStepMs: each step has
// the level of the loudest packet in it, LevelGap where there was none.
type Steps struct{ steps []byte }

// Add notes a packet's level at ms from the start of the timeline, for its
// whole length. What lies before the start is left out.
func (s *Steps) Add(ms, lengthMs int64, level byte) {
	if level > earshot.LevelSilence {
		return
	}
	end := ms + max(lengthMs, 1)
	if end <= 0 {
		return
	}
	first, last := max(ms, 0)/earshot.LevelStepMs, (end-1)/earshot.LevelStepMs
	s.Extend(last*earshot.LevelStepMs + 1)
	for i := first; i <= last; i++ {
		s.steps[i] = min(s.steps[i], level)
	}
}

// Extend makes the timeline at least ms long; new steps are gaps.
func (s *Steps) Extend(ms int64) {
	for int64(len(s.steps))*earshot.LevelStepMs < ms {
		s.steps = append(s.steps, earshot.LevelGap)
	}
}

// Bytes are the steps so far. They belong to s.
func (s *Steps) Bytes() []byte { return s.steps }

// magic begins every levels file.
const magic = "ESLEVEL1"

// ErrNotLevels means that a file is no levels file.
var ErrNotLevels = errors.New("not a levels file")

// Append writes a levels file: the magic, then a byte for the agent and one
// for the customer each step. The shorter side is filled up with gaps.
func Append(dst, agent, customer []byte) []byte {
	return AppendSteps(append(dst, magic...), agent, customer)
}

// AppendSteps writes further steps of a levels file.
func AppendSteps(dst, agent, customer []byte) []byte {
	for i := range max(len(agent), len(customer)) {
		dst = append(dst, at(agent, i), at(customer, i))
	}
	return dst
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return earshot.LevelGap
}

// Parse reads a levels file. A torn last step is left out.
func Parse(file []byte) (agent, customer []byte, err error) {
	steps, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return nil, nil, fmt.Errorf("%w: it does not begin with %s", ErrNotLevels, magic)
	}
	n := len(steps) / 2
	agent, customer = make([]byte, n), make([]byte, n)
	for i := range n {
		agent[i], customer[i] = steps[2*i], steps[2*i+1]
	}
	return agent, customer, nil
}
