package earshot

// Cause says why a side has no audio for a span.
type Cause string

// The causes of gaps.
const (
	CauseLost         Cause = "lost"          // packets did not arrive in time
	CauseStalled      Cause = "stalled"       // the sender made no audio for more than a second
	CauseDrift        Cause = "drift"         // a filler for a slower clock
	CauseMuted        Cause = "muted"         // nothing but digital silence came
	CausePaused       Cause = "paused"        // recording was paused by somebody
	CauseDisconnected Cause = "disconnected"  // no stream
	CauseOverflow     Cause = "overflow"      // the recorder did not keep up
	CauseRecorderDown Cause = "recorder_down" // the recorder was not running
	CauseDamaged      Cause = "damaged"       // the file is damaged
)

// Gap is a span of one side without audio, on the call's timeline.
type Gap struct {
	Side    Side  `json:"side"`
	StartMs int64 `json:"startMs"`
	EndMs   int64 `json:"endMs"`
	Cause   Cause `json:"cause"`
}
