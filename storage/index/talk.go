package index

import (
	"encoding/json"
	"fmt"

	"earshot"
)

// talkColumns are a call's earshot.Talk: all null where there is none, but that
// judged has the call's Untold. Of a mixed call those are null that would tell
// its sides apart, so that no filter by them finds it.
type talkColumns struct {
	Agent         *int    `bun:"talk_agent"`
	Customer      *int    `bun:"talk_customer"`
	Silence       *int    `bun:"talk_silence"`
	Overtalk      *int    `bun:"talk_overtalk"`
	Interruptions *int    `bun:"talk_interruptions"`
	MonologueMs   *int64  `bun:"talk_monologue"`
	Monologist    *string `bun:"talk_monologist"`
	QuietMs       *int64  `bun:"talk_quiet"`
	Judged        *string `bun:"talk_judged"`
}

func talkColumnsOf(call earshot.Call) talkColumns {
	if call.Talk == nil {
		if call.Untold == "" {
			return talkColumns{}
		}
		return talkColumns{Judged: &call.Untold}
	}
	c, monologist := *call.Talk, string(call.Talk.LongestMonologist)
	columns := talkColumns{Silence: &c.SilenceShare, QuietMs: &c.LongestSilence, Judged: &c.Judged}
	if !c.Mixed {
		columns.Agent, columns.Customer, columns.Overtalk = &c.AgentShare, &c.CustomerShare, &c.OvertalkShare
		columns.Interruptions, columns.MonologueMs, columns.Monologist = &c.Interruptions, &c.LongestMonologue, &monologist
	}
	return columns
}

// to says of a call how it went. A number that an older row lacks is zero.
func (t talkColumns) to(call *earshot.Call) {
	if t.Silence == nil {
		call.Untold = orZero(t.Judged)
		return
	}
	call.Talk = &earshot.Talk{
		Mixed: t.Agent == nil, AgentShare: orZero(t.Agent), CustomerShare: orZero(t.Customer), SilenceShare: *t.Silence,
		OvertalkShare: orZero(t.Overtalk), Interruptions: orZero(t.Interruptions), LongestMonologue: orZero(t.MonologueMs),
		LongestMonologist: earshot.Side(orZero(t.Monologist)), LongestSilence: orZero(t.QuietMs), Judged: orZero(t.Judged),
	}
}

func orZero[T any](v *T) (zero T) {
	if v == nil {
		return zero
	}
	return *v
}

func (r *callRow) setOrigin(o *earshot.Origin) error {
	if o == nil {
		return nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("write where call %s comes from: %w", r.ID, err)
	}
	doc, batch := clean(string(text)), clean(o.Batch)
	r.Origin, r.OriginBatch = &doc, &batch
	return nil
}

func (r callRow) origin() (*earshot.Origin, error) {
	if r.Origin == nil {
		return nil, nil
	}
	o := earshot.Origin{Remarks: []string{}}
	if err := json.Unmarshal([]byte(*r.Origin), &o); err != nil {
		return nil, fmt.Errorf("read where call %s comes from: %w", r.ID, err)
	}
	return &o, nil
}
