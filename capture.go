package earshot

import (
	"time"
)

// Capture verification asks each day whether everything was recorded: it sets
// what was announced and what was seen coming in against what is on the shelf.

// Announcement is somebody's word that a conversation took place at a seat.
type Announcement struct {
	ID         string `json:"id"`
	Seat       string `json:"seat"`
	At         Time   `json:"at" format:"date-time"` // when the conversation began
	DurationMs int64  `json:"durationMs"`            // 0 where it is not known
	Ref        string `json:"ref"`                   // by what the announcer knows it; one of a seat's is said once
	Number     string `json:"number"`
	Source     string `json:"source"` // who said so: seat:ID, or a user
}

// mostAnnounced is the longest conversation that can be announced.
const mostAnnounced = 24 * time.Hour

// Validate says what is wrong with a, or nil.
func (a Announcement) Validate() error {
	switch {
	case !ValidID(a.Seat):
		return Fail(Invalid, "bad_seat", "an announcement names a seat")
	case a.At.IsZero() || a.At.Year() < 2000 || a.At.Year() > 9999:
		return Fail(Invalid, "bad_time", "an announcement says when the conversation began")
	case a.DurationMs < 0 || a.DurationMs > mostAnnounced.Milliseconds():
		return Fail(Invalid, "bad_duration", "a conversation lasts from 0 to 24 hours, in milliseconds")
	case !validName(a.Ref) || len(a.Ref) > 64:
		return Fail(Invalid, "bad_ref", "a ref is 1 to 64 bytes of text, by which the announcer knows the conversation")
	case a.Number != "" && (!validName(a.Number) || len(a.Number) > 64):
		return Fail(Invalid, "bad_text", "a number is at most 64 bytes of text")
	}
	return nil
}

// end is when the announced conversation was over, as far as is known.
func (a Announcement) end() time.Time {
	return a.At.Add(time.Duration(a.DurationMs) * time.Millisecond)
}

// StreamSpan is what was seen of a stream for a while, an hour at most: longer
// streams have a span each hour.
type StreamSpan struct {
	ID      string `json:"id"` // the stream's
	Seat    string `json:"seat"`
	Node    string `json:"node"`
	Sides   []Side `json:"sides"`
	Since   Time   `json:"since" format:"date-time"`
	Until   Time   `json:"until" format:"date-time"` // as far as is known while it goes on
	Packets int64  `json:"packets"`
	SpokeMs int64  `json:"spokeMs"` // somebody spoke for so long

	// The longest talk while no call was open: speech with short pauses.
	OutsideMs int64 `json:"outsideMs"` // speech in it
	OutsideAt Time  `json:"outsideAt" format:"date-time"`

	DeadMic Side `json:"deadMic"` // whose microphone gave nothing while the other side spoke; "" if none
	Bleed   bool `json:"bleed"`   // the sides carried the same sound
}

// SoundResult is what a sound check found.
type SoundResult string

// The results of a sound check, the gravest first.
const (
	SoundSwapped      SoundResult = "swapped" // the agent's voice comes on the customer's side
	SoundDeadAgent    SoundResult = "dead_agent"
	SoundDeadCustomer SoundResult = "dead_customer"
	SoundBleeds       SoundResult = "bleed"
	SoundOK           SoundResult = "ok"
)

// SoundResults are all results there are.
var SoundResults = []SoundResult{SoundSwapped, SoundDeadAgent, SoundDeadCustomer, SoundBleeds, SoundOK}

// SoundCheck is a sound check made at a seat, at the start of a shift.
type SoundCheck struct {
	ID           string      `json:"id"`
	Seat         string      `json:"seat"`
	At           Time        `json:"at" format:"date-time"`
	Result       SoundResult `json:"result"`
	AgentDBov    int         `json:"agentDbov"`    // −dBov of the agent's side while the agent spoke
	CustomerDBov int         `json:"customerDbov"` // −dBov of the customer's side while that was tried
}

// CaptureKind says what is the matter with what was, or was not, recorded.
type CaptureKind string

// What can be found, the gravest first.
const (
	CaptureMissing    CaptureKind = "missing"     // announced, and not recorded
	CaptureUnrecorded CaptureKind = "unrecorded"  // somebody talked for long, and no call was open
	CaptureDamaged    CaptureKind = "damaged"     // a file is not there, is not whole, or is marked damaged
	CaptureSilent     CaptureKind = "silent"      // nobody is to be heard
	CaptureOneSided   CaptureKind = "one_sided"   // one side is not to be heard
	CaptureGaps       CaptureKind = "gaps"        // more is missing than the limit
	CaptureDeadMic    CaptureKind = "dead_mic"    // a microphone gave nothing
	CaptureBleed      CaptureKind = "bleed"       // both sides carried the same sound
	CaptureSoundCheck CaptureKind = "sound_check" // the last sound check of the day failed
	CaptureUnended    CaptureKind = "unended"     // a call that should have ended long ago is still open
)

// CaptureKinds are all there are, the gravest first.
var CaptureKinds = []CaptureKind{CaptureMissing, CaptureUnrecorded, CaptureDamaged, CaptureSilent, CaptureOneSided,
	CaptureGaps, CaptureDeadMic, CaptureBleed, CaptureSoundCheck, CaptureUnended}

// CaptureRow is one seat's day.
type CaptureRow struct {
	Day    string `json:"day"` // YYYY-MM-DD, "" in a sum of several
	Branch string `json:"branch"`
	Seat   string `json:"seat"`

	Announced int   `json:"announced"`
	Streams   int   `json:"streams"`
	Calls     int   `json:"calls"`
	Stored    int   `json:"stored"`
	Deleted   int   `json:"deleted"` // of the calls, by retention
	TalkMs    int64 `json:"talkMs"`  // length of all calls

	Missing    int `json:"missing"`
	Unrecorded int `json:"unrecorded"`
	Damaged    int `json:"damaged"`
	Silent     int `json:"silent"`
	OneSided   int `json:"oneSided"`
	Gaps       int `json:"gaps"`
	DeadMic    int `json:"deadMic"`
	Bleed      int `json:"bleed"`
	SoundFail  int `json:"soundFail"` // 1 if the day's last sound check failed
	Unended    int `json:"unended"`
	Problems   int `json:"problems"` // all of these together

	SoundCheck *SoundCheck `json:"soundCheck"` // the day's last; null without one
}

// Of is how many findings of a kind the row counts; for "" all.
func (r *CaptureRow) Of(kind CaptureKind) int {
	if kind == "" {
		return r.Problems
	}
	if n := r.count(kind); n != nil {
		return *n
	}
	return 0
}

func (r *CaptureRow) count(kind CaptureKind) *int {
	switch kind {
	case CaptureMissing:
		return &r.Missing
	case CaptureUnrecorded:
		return &r.Unrecorded
	case CaptureDamaged:
		return &r.Damaged
	case CaptureSilent:
		return &r.Silent
	case CaptureOneSided:
		return &r.OneSided
	case CaptureGaps:
		return &r.Gaps
	case CaptureDeadMic:
		return &r.DeadMic
	case CaptureBleed:
		return &r.Bleed
	case CaptureSoundCheck:
		return &r.SoundFail
	case CaptureUnended:
		return &r.Unended
	}
	return nil
}

// Add adds o's figures to r.
func (r *CaptureRow) Add(o CaptureRow) {
	r.Announced += o.Announced
	r.Streams += o.Streams
	r.Calls += o.Calls
	r.Stored += o.Stored
	r.Deleted += o.Deleted
	r.TalkMs += o.TalkMs
	for _, kind := range CaptureKinds {
		*r.count(kind) += *o.count(kind)
	}
	r.Problems += o.Problems
}

// CaptureFinding is one thing that is the matter.
type CaptureFinding struct {
	Kind   CaptureKind `json:"kind"`
	Day    string      `json:"day"`
	Branch string      `json:"branch"`
	Seat   string      `json:"seat"`
	At     Time        `json:"at" format:"date-time"`
	Call   string      `json:"call"` // "" where there is none

	Ms     int64       `json:"ms"`     // missing: recorded; gaps: missing audio; unrecorded: speech
	OfMs   int64       `json:"ofMs"`   // of so much: the announced or recorded length; 0 if not known
	Side   Side        `json:"side"`   // gaps, dead_mic: of which side
	Ref    string      `json:"ref"`    // missing: the announcement's
	Number string      `json:"number"` // missing: the announcement's
	Source string      `json:"source"` // missing: who announced it
	File   string      `json:"file"`   // damaged: which
	Result SoundResult `json:"result"` // sound_check: what it found
}

// Capture answers whether everything was recorded from one day to another.
type Capture struct {
	From      string           `json:"from"` // the first day
	To        string           `json:"to"`   // the last
	At        Time             `json:"at" format:"date-time"`
	FilesFrom string           `json:"filesFrom"` // the files of this day and later ones were looked at; "" if of none
	Totals    CaptureRow       `json:"totals"`
	Rows      []CaptureRow     `json:"rows"`     // those with missing calls first
	Findings  []CaptureFinding `json:"findings"` // of these rows, missing calls first
	Next      string           `json:"next"`     // the cursor of the rows after these; "" on the last
}
