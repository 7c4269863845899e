package earshot

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// Judge tells from levels how a stored call went, and by thresholds what in it
// wants attention: it sets the call's Talk, its flags, and in place of the alert
// marks there were those that are due. What people, the recorder or a crash put
// on the call stays. Where there is no audio to judge, what was told before does,
// and if that is nothing, Untold says so.
func (c *Call) Judge(levels Levels, t Thresholds) {
	c.flagFacts(t)
	v := listen(*c, levels, t)
	if v.known == 0 {
		if c.Talk == nil {
			c.Untold = t.Fingerprint(c.Kind)
		}
		return
	}
	talk := v.talk()
	talk.Judged = t.Fingerprint(c.Kind)
	c.Talk, c.Untold = &talk, ""
	c.setAlerts(c.marksOf(v.alerts()))
}

// Unjudge takes back what Judge said of how the conversation went: it goes on.
func (c *Call) Unjudge() {
	c.Talk, c.Untold = nil, ""
	c.setAlerts(nil)
}

// JudgeAs says of c what Judge said of judged: the same call, of which people may
// have said more since.
func (c *Call) JudgeAs(judged Call) {
	judged = judged.Clone()
	c.Talk, c.Untold = judged.Talk, judged.Untold
	c.setAlerts(slices.DeleteFunc(judged.Marks, func(m Mark) bool { return !m.isAlert() }))
	for _, flag := range judgedFlags {
		c.putFlag(flag, judged.Flagged(flag))
	}
}

// judgedFlags are the flags that Judge sets: those that a call's gaps and length
// cause, and one for each kind of alert.
var judgedFlags = []Flag{FlagGaps, FlagShort, FlagLong, FlagSilence, FlagOvertalk, FlagLoud, FlagOneSided}

// isAlert says whether analysis made the mark.
func (m Mark) isAlert() bool { return m.Kind.Alert() && m.By == "" }

// marksOf are the marks of alerts.
func (c *Call) marksOf(alerts []alert) []Mark {
	var marks []Mark
	for _, a := range alerts {
		start, end := int64(a.from)*LevelStepMs, int64(a.to)*LevelStepMs
		if c.DurationMs > 0 { // levels may reach beyond the end
			end = min(end, c.DurationMs)
		}
		if start >= end {
			continue
		}
		marks = append(marks, Mark{ID: alertID(c.ID, a.kind, a.side, start), Kind: a.kind, Side: a.side, StartMs: start, EndMs: end, Shared: true})
	}
	return marks
}

// setAlerts puts the marks of alerts in place of those there were.
func (c *Call) setAlerts(alerts []Mark) {
	marks := append(slices.DeleteFunc(slices.Clone(c.Marks), Mark.isAlert), alerts...)
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Or(cmp.Compare(a.StartMs, b.StartMs), cmp.Compare(a.ID, b.ID)) })
	c.Marks = marks
	for _, kind := range AlertKinds {
		c.putFlag(Flag(kind), slices.ContainsFunc(alerts, func(m Mark) bool { return m.Kind == kind }))
	}
}

// alertID is the same for the same alert however often it is found: a UUID with
// the time of its call's, and a hash instead of chance.
func alertID(call string, kind MarkKind, side Side, startMs int64) string {
	sum := sha256.Sum256([]byte(call + "|" + string(kind) + "|" + string(side) + "|" + strconv.FormatInt(startMs, 10)))
	sum[6] = sum[6]&0x0f | 0x70 // version 7
	sum[8] = sum[8]&0x3f | 0x80
	text := hex.EncodeToString(sum[6:16])
	at := "00000000-0000"
	if len(call) > len(at) {
		at = call[:len(at)]
	}
	return at + "-" + text[0:4] + "-" + text[4:8] + "-" + text[8:20]
}

// flagFacts sets the flags that a call's gaps and length cause.
func (c *Call) flagFacts(t Thresholds) {
	c.putFlag(FlagGaps, missingMs(c.Gaps) > t.GapsMs)
	c.putFlag(FlagShort, c.DurationMs < t.ShortMs)
	c.putFlag(FlagLong, c.DurationMs > t.LongMs)
}

func (c *Call) putFlag(flag Flag, due bool) {
	if due {
		c.SetFlag(flag)
	} else if c.Flagged(flag) {
		c.ClearFlag(flag)
	}
}

// missingMs is how much is missing that should not be.
func missingMs(gaps []Gap) (ms int64) {
	for _, g := range gaps {
		switch g.Cause {
		case CauseLost, CauseStalled, CauseDisconnected, CauseOverflow, CauseRecorderDown:
			ms += g.EndMs - g.StartMs
		}
	}
	return ms
}
