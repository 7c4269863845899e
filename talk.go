package earshot

// Talk is how a conversation went, told from its levels alone. Shares are per
// mille of the time in which there was audio of everybody, without the wait for
// the call's end. Where the call is Mixed only what is said of silence is known,
// and what tells the sides apart is zero.
type Talk struct {
	Mixed             bool  `json:"mixed"`             // one channel has both sides: nobody can tell who talks
	AgentShare        int   `json:"agentShare"`        // the agent talks
	CustomerShare     int   `json:"customerShare"`     // the customer talks
	SilenceShare      int   `json:"silenceShare"`      // nobody does
	OvertalkShare     int   `json:"overtalkShare"`     // both do
	Interruptions     int   `json:"interruptions"`     // how often one side began while the other went on
	LongestMonologue  int64 `json:"longestMonologue"`  // ms that one side talked at a stretch
	LongestMonologist Side  `json:"longestMonologist"` // who; empty where nobody did
	LongestSilence    int64 `json:"longestSilence"`    // ms in which nobody talked, at a stretch

	Judged string `json:"judged"` // by which thresholds: their Fingerprint
}

// What counts as an interruption and as a monologue, in steps.
const (
	sayingSteps    = stepsASecond     // a shorter turn only says that one listens
	goingOnSteps   = stepsASecond / 2 // who is interrupted talked for so long before, and does after
	thinkingSteps  = 2 * stepsASecond // a longer pause ends a monologue
	breakSteps     = stepsASecond     // a longer one ends a spell of overtalk or of a raised voice
	mostAlerts     = 100              // of a kind: the longest ones
	perMilleOfTime = 1000
)

func (h *hearing) talk() Talk {
	var t Talk
	var silent, overtalk int
	for _, step := range h.step {
		switch step {
		case stepQuiet:
			silent++
		case stepBoth:
			overtalk++
		}
	}
	share := func(steps int) int { return (steps*perMilleOfTime + h.known/2) / h.known }
	t.SilenceShare, t.OvertalkShare = share(silent), share(overtalk)
	for k, v := range h.voices {
		switch v.side {
		case SideAgent:
			t.AgentShare = share(v.said)
		case SideCustomer:
			t.CustomerShare = share(v.said)
		default:
			t.Mixed = true
			continue
		}
		t.Interruptions += h.interruptions(v, h.other(k))
		if ms := int64(h.monologue(v, h.other(k))) * LevelStepMs; ms > t.LongestMonologue {
			t.LongestMonologue, t.LongestMonologist = ms, v.side
		}
	}
	for _, s := range h.spells(h.quiet, 0) {
		t.LongestSilence = max(t.LongestSilence, int64(s.steps())*LevelStepMs)
	}
	return t
}

// interruptions is how often v began to say something while other went on.
func (h *hearing) interruptions(v, other *voice) (n int) {
	if other == nil {
		return 0
	}
	for _, turn := range v.turns {
		from, to := turn.from-goingOnSteps, turn.from+goingOnSteps
		if turn.steps() >= sayingSteps && from >= 0 && to <= len(other.talks) && allOf(other.talks[from:to]) {
			n++
		}
	}
	return n
}

func allOf(steps []bool) bool {
	for _, is := range steps {
		if !is {
			return false
		}
	}
	return true
}

// monologue is the longest stretch in which v talks: thinking pauses belong to
// it, and so does what the other says to show that they listen.
func (h *hearing) monologue(v, other *voice) (longest int) {
	var saying []span
	if other != nil {
		for _, turn := range other.turns {
			if turn.steps() >= sayingSteps {
				saying = append(saying, turn)
			}
		}
	}
	var run span
	for _, turn := range v.turns {
		goesOn := run.to > 0 && turn.from-run.to <= thinkingSteps && h.allHeard(run.to, turn.from)
		for len(saying) > 0 && saying[0].from <= turn.from { // said since: it is another's turn
			goesOn, saying = false, saying[1:]
		}
		if !goesOn {
			run.from = turn.from
		}
		run.to = turn.to
		for len(saying) > 0 && saying[0].from < turn.to { // taken away while v talks on
			longest = max(longest, saying[0].from-run.from)
			run.from = saying[0].from
			saying = saying[1:]
		}
		longest = max(longest, run.steps())
	}
	return longest
}

// spells are the stretches of the conversation whose steps are so, with breaks
// of at most so many steps between them.
func (h *hearing) spells(so func(int) bool, breaks int) []spell {
	var spells []spell
	for i := range h.end {
		if !so(i) {
			continue
		}
		if last := len(spells) - 1; last >= 0 && i-spells[last].to <= breaks && h.allHeard(spells[last].to, i) {
			spells[last].to = i + 1
			spells[last].of++
		} else {
			spells = append(spells, spell{span{i, i + 1}, 1})
		}
	}
	return spells
}

// spell is a span, and how many of its steps are as they are looked for.
type spell struct {
	span
	of int
}
