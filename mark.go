package earshot

import "slices"

// MarkKind says what sort of fact a mark is.
type MarkKind string

// The kinds of mark.
const (
	MarkBookmark MarkKind = "bookmark"
	MarkNote     MarkKind = "note"
	MarkListen   MarkKind = "listen"
	MarkWhisper  MarkKind = "whisper"
	MarkPause    MarkKind = "pause"
	MarkClock    MarkKind = "clock" // the wall clock was stepped; Text says by how much

	// Alerts, made by analysis: they are called as the flags are that they cause.
	MarkSilence  MarkKind = MarkKind(FlagSilence)  // nobody speaks for long
	MarkOvertalk MarkKind = MarkKind(FlagOvertalk) // both speak at once
	MarkLoud     MarkKind = MarkKind(FlagLoud)     // a raised voice
	MarkOneSided MarkKind = MarkKind(FlagOneSided) // one side never speaks
)

// AlertKinds are the kinds of marks that analysis makes.
var AlertKinds = []MarkKind{MarkSilence, MarkOvertalk, MarkLoud, MarkOneSided}

// Alert says whether marks of this kind are made by analysis.
func (k MarkKind) Alert() bool { return slices.Contains(AlertKinds, k) }

// Mark is a timed fact on a call's timeline.
type Mark struct {
	ID      string   `json:"id"` // UUIDv7
	Kind    MarkKind `json:"kind"`
	Side    Side     `json:"side"` // empty: both
	StartMs int64    `json:"startMs"`
	EndMs   int64    `json:"endMs"` // equal to StartMs for a moment
	By      string   `json:"by"`
	Text    string   `json:"text"`
	Shared  bool     `json:"shared"` // seen by all who may see the call, not by its maker alone
}
