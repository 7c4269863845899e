package monitor

import "earshot"

// agentFacts is who sits somewhere, as it is said: the name may be left out.
type agentFacts struct {
	ID   string `json:"id" maxLength:"64" doc:"工号; empty: nobody"`
	Name string `json:"name,omitempty" maxLength:"400"`
}

func (a agentFacts) agent() earshot.Agent { return earshot.Agent(a) }

// callFacts is earshot.CallPatch as it is said.
type callFacts struct {
	Direction *earshot.Direction `json:"direction,omitempty"`
	Number    *string            `json:"number,omitempty" maxLength:"64"`
	Account   *string            `json:"account,omitempty" maxLength:"64"`
	Ticket    *string            `json:"ticket,omitempty" maxLength:"64"`
	Business  *string            `json:"business,omitempty" maxLength:"64"`
	Agent     *agentFacts        `json:"agent,omitempty"`
	Rating    *int               `json:"rating,omitempty" minimum:"0" maximum:"5" doc:"0 takes it away"`
	Tags      *[]string          `json:"tags,omitempty" maxItems:"32"`
}

// patch is the patch, if it is a good one.
func (f callFacts) patch() (earshot.CallPatch, error) {
	p := earshot.CallPatch{Direction: f.Direction, Number: f.Number, Account: f.Account, Ticket: f.Ticket,
		Business: f.Business, Rating: f.Rating, Tags: f.Tags}
	if f.Agent != nil {
		agent := f.Agent.agent()
		p.Agent = &agent
	}
	return p, p.Validate()
}

// said are the names of the facts that are said.
func (f callFacts) said() string {
	var fields changes
	for _, field := range []struct {
		name string
		said bool
	}{
		{"direction", f.Direction != nil}, {"number", f.Number != nil}, {"account", f.Account != nil},
		{"ticket", f.Ticket != nil}, {"business", f.Business != nil}, {"agent", f.Agent != nil},
		{"rating", f.Rating != nil}, {"tags", f.Tags != nil},
	} {
		if field.said {
			fields = append(fields, field.name)
		}
	}
	return fields.String()
}
