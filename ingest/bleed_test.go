package ingest

import (
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
)

// conversation is the levels of both sides each tenth of a second.
type conversation struct {
	name            string
	agent, customer []uint8
}

// demoConversations are the levels of the spoken demo conversations.
func demoConversations(t *testing.T) []conversation {
	t.Helper()
	files, err := filepath.Glob("seat/demo/*.levels")
	if err != nil || len(files) < 7 {
		t.Fatalf("demo conversations: %v, %v", files, err)
	}
	var all []conversation
	for _, file := range files {
		both, err := os.ReadFile(file) // a byte a side each 20 ms
		if err != nil {
			t.Fatal(err)
		}
		c := conversation{name: strings.TrimSuffix(filepath.Base(file), ".levels")}
		for i := 0; i+10 <= len(both); i += 10 {
			a, b := uint8(255), uint8(255)
			for k := 0; k < 10; k += 2 {
				a, b = min(a, both[i+k]), min(b, both[i+k+1])
			}
			c.agent, c.customer = append(c.agent, a), append(c.customer, b)
		}
		all = append(all, c)
	}
	return all
}

// power adds sounds of levels in −dBov.
func power(levels ...float64) uint8 {
	sum := 0.0
	for _, l := range levels {
		sum += math.Pow(10, -l/10)
	}
	return uint8(math.Round(min(127, -10*math.Log10(sum))))
}

// bled is c with each side heard on the other, db below and lag ticks later.
func (c conversation) bled(db float64, lag int, both bool) conversation {
	out := conversation{name: c.name}
	at := func(side []uint8, i int) float64 {
		if i < 0 || i >= len(side) {
			return 127
		}
		return float64(side[i])
	}
	for i := range c.agent {
		out.customer = append(out.customer, power(at(c.customer, i), at(c.agent, i-lag)+db))
		if both {
			out.agent = append(out.agent, power(at(c.agent, i), at(c.customer, i-lag)+db))
		} else {
			out.agent = append(out.agent, c.agent[i])
		}
	}
	return out
}

// found is after how many ticks of speech it is found that c bleeds, −1 if never;
// each conversation is played until at least two minutes have gone by.
func found(c conversation) int {
	var w bleedWatch
	speech := 0
	for i := 0; i < max(1200, len(c.agent)); i++ {
		a, b := c.agent[i%len(c.agent)], c.customer[i%len(c.customer)]
		if min(a, b) < speechLevel {
			speech++
		}
		if w.hear(a, b); w.found {
			return speech
		}
	}
	return -1
}

func TestConversationsDoNotBleed(t *testing.T) {
	demos := demoConversations(t)
	for i, c := range demos {
		if at := found(c); at >= 0 {
			t.Errorf("%s bleeds after %d ticks", c.name, at)
		}
		other := demos[(i+1)%len(demos)]
		random := rand.New(rand.NewSource(int64(i)))
		for name, made := range map[string]conversation{
			// Both talk all the time, of different things.
			"double talk":     {agent: c.agent, customer: other.agent},
			"double talk too": {agent: c.customer, customer: other.agent},
			"one talks, the other listens in a noisy room": {agent: c.agent, customer: noise(random, len(c.agent), 62, 5)},
			"hold music against silence":                   {agent: noise(random, len(c.agent), 70, 4), customer: noise(random, len(c.agent), 25, 4)},
			"hold music against talk":                      {agent: c.agent, customer: noise(random, len(c.agent), 28, 4)},
			"both silent":                                  {agent: noise(random, len(c.agent), 70, 4), customer: noise(random, len(c.agent), 75, 4)},
		} {
			if at := found(made); at >= 0 {
				t.Errorf("%s: %s bleeds after %d ticks", c.name, name, at)
			}
		}
		// Any two voices, shifted against one another in any way.
		for shift := 0; shift < len(other.agent); shift += 97 {
			made := conversation{agent: c.agent, customer: append(append([]uint8{}, other.agent[shift:]...), other.agent[:shift]...)}
			if at := found(made); at >= 0 {
				t.Errorf("%s against %s shifted by %d bleeds after %d ticks", c.name, other.name, shift, at)
			}
		}
	}
}

// noise varies about a level.
func noise(random *rand.Rand, n int, about, by float64) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(min(127, max(1, about+by*(2*random.Float64()-1))))
	}
	return out
}

// Within a minute of speech what bleeds is found, near or far, from either side
// or both, at once or through a line that sends it back later.
func TestBleedIsFound(t *testing.T) {
	for _, c := range demoConversations(t) {
		for _, db := range []float64{0, 6, 10, 14, 18, 20} {
			for _, lag := range []int{0, 1, 3} {
				for _, both := range []bool{true, false} {
					if both && lag > 0 {
						continue // through the air it goes both ways at once, through a line one way
					}
					name := fmt.Sprintf("%s at -%.0f dB, %d ticks later, both ways %v", c.name, db, lag, both)
					if at := found(c.bled(db, lag, both)); at < 0 || at > bleedWindow {
						t.Errorf("%s: found after %d ticks of speech", name, at)
					}
				}
			}
		}
	}
}

func TestBleedHeals(t *testing.T) {
	c := demoConversations(t)[0]
	var w bleedWatch
	play := func(c conversation, ticks int) {
		for i := range ticks {
			w.hear(c.agent[i%len(c.agent)], c.customer[i%len(c.customer)])
		}
	}
	play(c.bled(10, 0, true), 700)
	if !w.found {
		t.Fatal("not found")
	}
	play(c.bled(10, 0, true), 700)
	if !w.found {
		t.Fatal("forgotten while it goes on")
	}
	play(c, 500)
	if w.found {
		t.Fatal("still found 50 s after it healed")
	}
}

// whenDead is after how many ticks in which the other side spoke each side is
// found dead, −1 if never.
func whenDead(c conversation) (agent, customer int) {
	var w [2]deadWatch
	at, spoke := [2]int{-1, -1}, [2]int{}
	for i := range c.agent {
		levels := [2]uint8{c.agent[i], c.customer[i]}
		for side := range w {
			if levels[1-side] < speechLevel {
				spoke[side]++
			}
			if w[side].hear(levels[side], levels[1-side]); at[side] < 0 && w[side].dead() {
				at[side] = spoke[side]
			}
		}
	}
	return at[0], at[1]
}

func TestDeadMicrophones(t *testing.T) {
	repeat := func(level uint8, n int) []uint8 {
		out := make([]uint8, n)
		for i := range out {
			out[i] = level
		}
		return out
	}
	for i, c := range demoConversations(t) {
		n := len(c.agent)
		random := rand.New(rand.NewSource(int64(i)))
		half := n / 2
		gated := append([]uint8{}, c.customer...)
		for j, level := range gated {
			if level > 60 {
				gated[j] = earshot.LevelSilence
			}
		}
		for _, row := range []struct {
			name     string
			customer []uint8
			dead     bool
		}{
			{"a conversation", c.customer, false},
			{"digital silence", repeat(127, n), true},
			{"a hiss that never changes", noise(random, n, 86, 0.9), true},
			{"somebody listens in a room", noise(random, n, 68, 4), false},
			{"a microphone that gates its noise", gated, false},
			{"pulled in the middle", append(append([]uint8{}, c.customer[:half]...), repeat(127, 4*n)...), true},
			{"silent after a word, gated", append(append(repeat(127, 10), repeat(30, 10)...), repeat(127, n-20)...), false},
			{"silent after a word, over a hiss", append(repeat(30, 10), noise(random, n-10, 86, 0.9)...), false},
		} {
			made := conversation{customer: row.customer}
			for len(made.agent) < len(row.customer) {
				made.agent = append(made.agent, c.agent[len(made.agent)%n])
			}
			agent, customer := whenDead(made)
			if agent >= 0 {
				t.Errorf("%s, %s: the agent's microphone is called dead", c.name, row.name)
			}
			if (customer >= 0) != row.dead {
				t.Errorf("%s, %s: found dead after %d ticks of speech, want dead %v", c.name, row.name, customer, row.dead)
			}
			if row.dead && row.name != "pulled in the middle" && customer > 600 {
				t.Errorf("%s, %s: found only after %d ticks of speech", c.name, row.name, customer)
			}
		}
	}
}
