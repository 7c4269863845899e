package monitor

import (
	"slices"
	"strings"
	"time"

	"earshot"
)

// column is one of an export. Its value is a string, an int, a time.Duration, a
// share, an earshot.Time or nil where there is nothing to say.
type column struct {
	name  string
	width float64 // characters, of a workbook's column
	value func(f rowFacts, c earshot.Call) any
}

// share is a part of a whole, per mille.
type share int

// rowFacts is what rows need beside their calls.
type rowFacts struct {
	words           callWords
	seats, branches map[string]string
	public          string // where the dashboard is, without a slash at its end
	now             time.Time
	played          map[string]bool
}

// usualColumns are those of an export that names none.
const usualColumns = "startedAt,durationMs,seat,branch,agent,agentName,kind,direction,number,account,ticket,business,rating,state,flags,tags,held,listened,marks,id,link"

// exportColumns are all columns there are.
var exportColumns = []column{
	{"startedAt", 20, func(_ rowFacts, c earshot.Call) any { return c.StartedAt }},
	{"durationMs", 10, func(_ rowFacts, c earshot.Call) any { return lasted(c.DurationMs) }},
	{"seat", 16, func(f rowFacts, c earshot.Call) any { return named(f.seats, c.Seat) }},
	{"branch", 16, func(f rowFacts, c earshot.Call) any { return named(f.branches, c.Branch) }},
	{"agent", 12, func(_ rowFacts, c earshot.Call) any { return agentOf(c).ID }},
	{"agentName", 12, func(_ rowFacts, c earshot.Call) any { return agentOf(c).Name }},
	{"kind", 10, func(f rowFacts, c earshot.Call) any { return f.words.kinds[c.Kind] }},
	{"direction", 10, func(f rowFacts, c earshot.Call) any { return f.words.directions[c.Direction] }},
	{"number", 16, func(_ rowFacts, c earshot.Call) any { return c.Number }},
	{"account", 16, func(_ rowFacts, c earshot.Call) any { return c.Account }},
	{"ticket", 12, func(_ rowFacts, c earshot.Call) any { return c.Ticket }},
	{"business", 14, func(_ rowFacts, c earshot.Call) any { return c.Business }},
	{"rating", 8, rated},
	{"state", 10, func(f rowFacts, c earshot.Call) any { return f.words.states[c.State] }},
	{"flags", 20, flagged},
	{"tags", 20, func(_ rowFacts, c earshot.Call) any { return strings.Join(c.Tags, ", ") }},
	{"held", 8, func(f rowFacts, c earshot.Call) any { return f.words.yesNo(isHeld(c, f.now)) }},
	{"listened", 8, func(f rowFacts, c earshot.Call) any { return f.words.yesNo(f.played[c.ID]) }},
	{"marks", 8, func(_ rowFacts, c earshot.Call) any { return len(c.Marks) }},
	{"agentShare", 10, apart(func(t earshot.Talk) any { return share(t.AgentShare) })},
	{"customerShare", 10, apart(func(t earshot.Talk) any { return share(t.CustomerShare) })},
	{"silenceShare", 10, talked(func(t earshot.Talk) any { return share(t.SilenceShare) })},
	{"overtalkShare", 10, apart(func(t earshot.Talk) any { return share(t.OvertalkShare) })},
	{"interruptions", 10, apart(func(t earshot.Talk) any { return t.Interruptions })},
	{"longestMonologue", 12, apart(func(t earshot.Talk) any { return lasted(t.LongestMonologue) })},
	{"longestSilence", 12, talked(func(t earshot.Talk) any { return lasted(t.LongestSilence) })},
	{"id", 38, func(_ rowFacts, c earshot.Call) any { return c.ID }},
	{"link", 60, func(f rowFacts, c earshot.Call) any { return f.public + "/calls/" + c.ID }},
}

func columnAt(name string) int {
	return slices.IndexFunc(exportColumns, func(c column) bool { return c.name == name })
}

func lasted(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// named is what people call id; what is gone has only its id left.
func named(names map[string]string, id string) string {
	if name := names[id]; name != "" {
		return name
	}
	return id
}

func agentOf(c earshot.Call) earshot.Agent {
	if c.Agent == nil {
		return earshot.Agent{}
	}
	return *c.Agent
}

func rated(_ rowFacts, c earshot.Call) any {
	if c.Rating == 0 {
		return nil
	}
	return c.Rating
}

func flagged(f rowFacts, c earshot.Call) any {
	words := make([]string, len(c.Flags))
	for i, flag := range c.Flags {
		words[i] = f.words.flags[flag]
	}
	return strings.Join(words, ", ")
}

func isHeld(c earshot.Call, now time.Time) bool {
	return slices.ContainsFunc(c.Holds, func(h earshot.Hold) bool { return h.Active(now) })
}

// talked is a column of calls that were analysed.
func talked(value func(earshot.Talk) any) func(rowFacts, earshot.Call) any {
	return func(_ rowFacts, c earshot.Call) any {
		if c.Talk == nil {
			return nil
		}
		return value(*c.Talk)
	}
}

// apart is a column of calls whose sides can be told apart.
func apart(value func(earshot.Talk) any) func(rowFacts, earshot.Call) any {
	return talked(func(t earshot.Talk) any {
		if t.Mixed {
			return nil
		}
		return value(t)
	})
}
