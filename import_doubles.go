package earshot

import (
	"regexp"
	"strings"
	"time"
)

// ImportSaid is something that a file tells of the call that its bytes are already.
type ImportSaid struct {
	Fact  string // its JSON name
	Value string
	Taken bool // the call lacked it, and has it from this file now; else it keeps what it has
}

// NewInDouble compares what a file's name and the table tell with what the call of
// its bytes has: a patch with what the call lacks, and all that it would not know
// otherwise. What stands inside the file the call has been told already. mayTake
// says which facts may be taken. When a call began and at which seat stands in the
// ledger: these are never taken.
func NewInDouble(c Call, s SettledImport, mayTake func(fact string) bool) (patch CallPatch, said []ImportSaid) {
	told := func(fact string) bool { return s.From[fact] == FromTable || s.From[fact] == FromPattern }
	say := func(fact, value string, lacks bool) bool {
		take := lacks && mayTake(fact)
		said = append(said, ImportSaid{fact, value, take})
		return take
	}
	f := s.Facts
	if told("startedAt") && !s.sameStart(c) {
		say("startedAt", f.StartedAt.String(), false)
	}
	if told("seat") && f.Seat != c.Seat {
		say("seat", f.Seat, false)
	}
	if (told("agent") || told("agentName")) && f.Agent.ID != "" {
		lacks := c.Agent == nil
		if (lacks || c.Agent.ID != f.Agent.ID) && say("agent", strings.TrimSpace(f.Agent.ID+" "+f.Agent.Name), lacks) {
			patch.Agent = &f.Agent
		}
	}
	if told("direction") && f.Direction != NoDirection && f.Direction != c.Direction && say("direction", string(f.Direction), c.Direction == NoDirection) {
		patch.Direction = &f.Direction
	}
	for _, text := range []struct {
		fact, told, has string
		to              **string
	}{
		{"number", f.Number, c.Number, &patch.Number}, {"account", f.Account, c.Account, &patch.Account},
		{"ticket", f.Ticket, c.Ticket, &patch.Ticket}, {"business", f.Business, c.Business, &patch.Business},
	} {
		if told(text.fact) && text.told != "" && text.told != text.has && say(text.fact, text.told, text.has == "") {
			*text.to = &text.told
		}
	}
	return patch, said
}

// sameStart says whether the call began when the facts say; where only the day is
// known, on that day.
func (s SettledImport) sameStart(c Call) bool {
	apart := c.StartedAt.Sub(s.Facts.StartedAt.Time).Abs()
	for _, r := range s.Remarks {
		if r == RemarkTimeUnknown {
			return apart < 24*time.Hour
		}
	}
	return apart == 0
}

// Words between facts in a double's text.
const (
	saidTaken    = " taken"
	saidNotTaken = " not taken"
	saidNext     = "; "
)

// DoubleText is what a double tells as its file's text: "number=139 taken;
// agent=1001 not taken".
func DoubleText(said []ImportSaid) string {
	parts := make([]string, len(said))
	for i, s := range said {
		parts[i] = s.Fact + "=" + strings.ReplaceAll(s.Value, ";", ",")
		if s.Taken {
			parts[i] += saidTaken
		} else {
			parts[i] += saidNotTaken
		}
	}
	return strings.Join(parts, saidNext)
}

var doubleSaid = regexp.MustCompile(`^([a-zA-Z]+)=(.*?)( not)? taken$`)

// ParseDoubleText reads what DoubleText wrote; nil where it did not.
func ParseDoubleText(text string) []ImportSaid {
	var said []ImportSaid
	for part := range strings.SplitSeq(text, saidNext) {
		m := doubleSaid.FindStringSubmatch(part)
		if m == nil {
			return nil
		}
		said = append(said, ImportSaid{Fact: m[1], Value: m[2], Taken: m[3] == ""})
	}
	return said
}
