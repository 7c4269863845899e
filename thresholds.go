package earshot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Thresholds say when analysis alerts, at one kind of seat. A span as long as
// its threshold does not alert yet, a longer one does.
type Thresholds struct {
	SpeechDBov int   `json:"speechDbov"` // who is louder talks
	SilenceMs  int64 `json:"silenceMs"`  // nobody talks, at a stretch
	OvertalkMs int64 `json:"overtalkMs"` // both talk at once, in one spell
	LoudDB     int   `json:"loudDb"`     // a raised voice is so much louder than the speaker usually is in this call,
	LoudDBov   int   `json:"loudDbov"`   // and louder than this,
	LoudMs     int64 `json:"loudMs"`     // for so long in one spell
	OneSidedMs int64 `json:"oneSidedMs"` // one side talks for so long and the other never

	GapsMs  int64 `json:"gapsMs"`  // so much is missing that should not be
	ShortMs int64 `json:"shortMs"` // a call below it is short
	LongMs  int64 `json:"longMs"`  // a call above it is long
}

// ThresholdsByKind are the thresholds of each kind of seat.
type ThresholdsByKind struct {
	Counter Thresholds `json:"counter"`
	Hotline Thresholds `json:"hotline"`
}

// DefaultThresholds count where nobody set others. At a counter papers are
// looked through and forms signed, so silence is longer before it means anything.
func DefaultThresholds() ThresholdsByKind {
	hotline := Thresholds{
		SpeechDBov: -45, SilenceMs: 30_000, OvertalkMs: 5_000, LoudDB: 10, LoudDBov: -20, LoudMs: 1_500, OneSidedMs: 2_000,
		GapsMs: 1_000, ShortMs: 5_000, LongMs: 30 * 60_000,
	}
	counter := hotline
	counter.SilenceMs = 60_000
	return ThresholdsByKind{Counter: counter, Hotline: hotline}
}

// Of are the thresholds of a kind of seat.
func (t ThresholdsByKind) Of(kind SeatKind) Thresholds {
	if kind == Hotline {
		return t.Hotline
	}
	return t.Counter
}

// Validate says what is wrong with t, or nil.
func (t ThresholdsByKind) Validate() error {
	for _, of := range []struct {
		kind SeatKind
		Thresholds
	}{{Counter, t.Counter}, {Hotline, t.Hotline}} {
		for _, b := range of.bounded() {
			if b.is < b.least || b.is > b.most {
				return Fail(Invalid, "bad_thresholds", "%s of %s is %d: it goes from %d to %d", b.name, of.kind, b.is, b.least, b.most)
			}
		}
		if of.ShortMs >= of.LongMs {
			return Fail(Invalid, "bad_thresholds", "of %s a short call must be below a long one", of.kind)
		}
	}
	return nil
}

// bounded is a threshold, and from where to where it goes.
type bounded struct {
	name            string
	is, least, most int64
}

func (t Thresholds) bounded() []bounded {
	const second, hour = 1_000, 60 * 60_000
	return []bounded{
		{"speechDbov", int64(t.SpeechDBov), -70, -20},
		{"silenceMs", t.SilenceMs, 3 * second, hour},
		{"overtalkMs", t.OvertalkMs, second, hour},
		{"loudDb", int64(t.LoudDB), 3, 40},
		{"loudDbov", int64(t.LoudDBov), -40, -1},
		{"loudMs", t.LoudMs, 300, hour},
		{"oneSidedMs", t.OneSidedMs, second, hour},
		{"gapsMs", t.GapsMs, 0, hour},
		{"shortMs", t.ShortMs, 0, hour},
		{"longMs", t.LongMs, second, LongestCall.Milliseconds()},
	}
}

// Changes are the thresholds that to has otherwise than t, as kind.name=before>now
// in the order of their fields.
func (t ThresholdsByKind) Changes(to ThresholdsByKind) []string {
	var changes []string
	for _, kind := range []SeatKind{Counter, Hotline} {
		now := to.Of(kind).bounded()
		for i, was := range t.Of(kind).bounded() {
			if was.is != now[i].is {
				changes = append(changes, fmt.Sprintf("%s.%s=%d>%d", kind, was.name, was.is, now[i].is))
			}
		}
	}
	return changes
}

// rulesVersion goes up whenever Judge would say another thing of the same call
// and thresholds.
const rulesVersion = 3

// Fingerprint tells these thresholds, at this kind of seat and by the present
// rules, from all others.
func (t Thresholds) Fingerprint(kind SeatKind) string {
	text, err := json.Marshal(struct {
		Rules int
		Kind  SeatKind
		Thresholds
	}{rulesVersion, kind, t})
	if err != nil { // numbers and a word always have a text
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
