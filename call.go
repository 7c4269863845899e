package earshot

import "time"

// Direction says who called.
type Direction string

// The directions; a counter's calls have none.
const (
	Inbound     Direction = "inbound"
	Outbound    Direction = "outbound"
	NoDirection Direction = "none"
)

// CallState is how far a call has come.
type CallState string

// The states of a call.
const (
	CallLive    CallState = "live"
	CallStored  CallState = "stored"
	CallDeleted CallState = "deleted"
)

// Flag is something about a whole call that wants attention.
type Flag string

// The flags.
const (
	FlagSilence     Flag = "silence"
	FlagOvertalk    Flag = "overtalk"
	FlagLoud        Flag = "loud"
	FlagOneSided    Flag = "one_sided"
	FlagGaps        Flag = "gaps"
	FlagInterrupted Flag = "interrupted"
	FlagLong        Flag = "long"
	FlagShort       Flag = "short"
	FlagDamaged     Flag = "damaged"
)

// Call is one recorded conversation. Its timeline counts milliseconds from
// StartedAt; parts, gaps and marks lie on it.
type Call struct {
	ID        string    `json:"id"` // UUIDv7
	Seat      string    `json:"seat"`
	Branch    string    `json:"branch"`
	Agent     *Agent    `json:"agent"` // null when nobody has said who sits there
	Kind      SeatKind  `json:"kind"`
	Direction Direction `json:"direction"`
	Number    string    `json:"number"`
	Account   string    `json:"account"`
	Ticket    string    `json:"ticket"`
	Business  string    `json:"business"`
	State     CallState `json:"state"`

	StartedAt  Time  `json:"startedAt" format:"date-time"`
	EndedAt    Time  `json:"endedAt" format:"date-time"` // null while live
	DurationMs int64 `json:"durationMs"`
	Channels   int   `json:"channels"` // 2 where the sides can be told apart, else 1

	Parts  []Part   `json:"parts"`
	Gaps   []Gap    `json:"gaps"`
	Marks  []Mark   `json:"marks"`
	Tags   []string `json:"tags"`
	Flags  []Flag   `json:"flags"`
	Rating int      `json:"rating"` // 1 to 5, 0 where none was given

	Node string `json:"node"` // the ingest node that recorded it

	Holds   []Hold    `json:"holds"`             // active or not, those of its seat's windows included
	Deleted *Deletion `json:"deleted,omitempty"` // the tombstone of a deleted call

	Talk   *Talk   `json:"talk,omitempty"`   // once it is analysed; never where nothing can be told
	Untold string  `json:"untold,omitempty"` // nothing can be told; by which thresholds that was found: their Fingerprint
	Origin *Origin `json:"origin,omitempty"` // of a call that was brought in
}

// Clone is a copy that shares nothing with c.
func (c Call) Clone() Call {
	if c.Agent != nil {
		agent := *c.Agent
		c.Agent = &agent
	}
	c.Parts = append([]Part{}, c.Parts...)
	for i := range c.Parts {
		c.Parts[i].Clock = append([]ClockPoint{}, c.Parts[i].Clock...)
	}
	c.Gaps = append([]Gap{}, c.Gaps...)
	c.Marks = append([]Mark{}, c.Marks...)
	c.Tags = append([]string{}, c.Tags...)
	c.Flags = append([]Flag{}, c.Flags...)
	c.Holds = append([]Hold{}, c.Holds...)
	if c.Deleted != nil {
		deleted := *c.Deleted
		c.Deleted = &deleted
	}
	if c.Talk != nil {
		talk := *c.Talk
		c.Talk = &talk
	}
	if c.Origin != nil {
		origin := *c.Origin
		origin.Remarks = append([]string{}, origin.Remarks...)
		c.Origin = &origin
	}
	return c
}

// Flagged says whether the call carries flag.
func (c Call) Flagged(flag Flag) bool {
	for _, f := range c.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// SetFlag adds flag once.
func (c *Call) SetFlag(flag Flag) {
	if !c.Flagged(flag) {
		c.Flags = append(c.Flags, flag)
	}
}

// ClearFlag takes flag away.
func (c *Call) ClearFlag(flag Flag) {
	kept := c.Flags[:0:0]
	for _, f := range c.Flags {
		if f != flag {
			kept = append(kept, f)
		}
	}
	c.Flags = kept
}

// OffsetMs is where the instant t lies on the call's timeline, in milliseconds.
func (c Call) OffsetMs(t time.Time) int64 { return t.Sub(c.StartedAt.Time).Milliseconds() }

// CallPatch is what people and devices may say about a call; nil leaves a field
// as it is.
type CallPatch struct {
	Direction *Direction `json:"direction,omitempty" enum:"inbound,outbound,none"`
	Number    *string    `json:"number,omitempty" maxLength:"64"`
	Account   *string    `json:"account,omitempty" maxLength:"64"`
	Ticket    *string    `json:"ticket,omitempty" maxLength:"64"`
	Business  *string    `json:"business,omitempty" maxLength:"64"`
	Agent     *Agent     `json:"agent,omitempty"`
	Rating    *int       `json:"rating,omitempty" minimum:"0" maximum:"5"`
	Tags      *[]string  `json:"tags,omitempty" maxItems:"32"`
}

// Validate says what is wrong with p, or nil.
func (p CallPatch) Validate() error {
	if d := p.Direction; d != nil && *d != Inbound && *d != Outbound && *d != NoDirection {
		return Fail(Invalid, "bad_direction", "a direction is inbound, outbound or none")
	}
	for _, text := range []*string{p.Number, p.Account, p.Ticket, p.Business} {
		if text != nil && *text != "" && (!validName(*text) || len(*text) > 64) {
			return Fail(Invalid, "bad_text", "number, account, ticket and business type are at most 64 bytes of text")
		}
	}
	if p.Rating != nil && (*p.Rating < 0 || *p.Rating > 5) {
		return Fail(Invalid, "bad_rating", "a rating is 1 to 5, 0 takes it away")
	}
	if p.Tags != nil {
		if len(*p.Tags) > 32 {
			return Fail(Invalid, "bad_tags", "a call has at most 32 tags")
		}
		for _, tag := range *p.Tags {
			if !validName(tag) || len(tag) > 64 {
				return Fail(Invalid, "bad_tags", "a tag is 1 to 64 bytes of text")
			}
		}
	}
	if p.Agent != nil {
		return p.Agent.Validate()
	}
	return nil
}

// Apply writes what p says into c.
func (p CallPatch) Apply(c *Call) {
	if p.Direction != nil {
		c.Direction = *p.Direction
	}
	for _, f := range []struct{ to, from *string }{
		{&c.Account, p.Account}, {&c.Ticket, p.Ticket}, {&c.Business, p.Business},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.Number != nil {
		c.Number = PlainNumber(*p.Number)
	}
	if p.Agent != nil {
		if *p.Agent == (Agent{}) {
			c.Agent = nil
		} else {
			agent := *p.Agent
			c.Agent = &agent
		}
	}
	if p.Rating != nil {
		c.Rating = *p.Rating
	}
	if p.Tags != nil {
		c.Tags = append([]string{}, *p.Tags...)
	}
}
