package earshot

// SeatState is what a seat is doing.
type SeatState string

// The states of a seat.
const (
	SeatOffline SeatState = "offline" // no stream
	SeatIdle    SeatState = "idle"    // a stream, no call
	SeatOnCall  SeatState = "live"    // a call is being recorded
	SeatPaused  SeatState = "paused"  // a call whose recording is paused
	SeatFaulty  SeatState = "faulty"  // a call without audio: the stream broke or stalled
	SeatUnknown SeatState = "unknown" // its node does not answer
)

// Attention is the one thing about a seat that wants a look; empty if nothing.
type Attention string

// What can want a look, the gravest first.
const (
	AttentionNodeLost     Attention = "node_lost"
	AttentionDisconnected Attention = "disconnected" // a call is open and no stream is there
	AttentionStalled      Attention = "stalled"      // connected, but no packets
	AttentionTakeover     Attention = "takeover"     // repeated take-over: two devices fight for the seat
	AttentionRefused      Attention = "refused"      // it speaks, and no call begins: new calls are refused
	AttentionOverflow     Attention = "overflow"
	AttentionPoorLink     Attention = "poor_link"
	AttentionDeadMic      Attention = "dead_mic" // one side speaks, the other's microphone gives nothing
	AttentionBleed        Attention = "bleed"    // both sides carry the same sound
	AttentionSilent       Attention = "silent"   // a side has been silent for long in a call
)

// Stream is one live WebRTC connection of a seat, on one ingest node.
type Stream struct {
	ID        string  `json:"id"`
	Sides     []Side  `json:"sides"`
	Mixed     bool    `json:"mixed"` // one mono track that carries both sides
	Codec     Codec   `json:"codec"`
	Since     Time    `json:"since" format:"date-time"`
	Connected bool    `json:"connected"`
	Quality   int     `json:"quality"` // connection bars: 0 unknown, 1 poor to 4 good
	LossPct   float64 `json:"lossPct"` // of the last seconds
	JitterMs  float64 `json:"jitterMs"`
	RTTMs     float64 `json:"rttMs"` // 0 where unknown
}

// LiveCall is what the wall and the seat page need to know of an open call.
type LiveCall struct {
	ID          string    `json:"id"`
	StartedAt   Time      `json:"startedAt" format:"date-time"`
	Paused      bool      `json:"paused"`
	PauseReason string    `json:"pauseReason"`
	Direction   Direction `json:"direction"`
	Number      string    `json:"number"`
	Account     string    `json:"account"`
	Ticket      string    `json:"ticket"`
	Business    string    `json:"business"`
}

// LiveSeat is a seat's live state. State is the seat's, Since when it began.
type LiveSeat struct {
	Seat      string    `json:"seat"`
	Node      string    `json:"node"`
	State     SeatState `json:"state"`
	Since     Time      `json:"since" format:"date-time"`
	Agent     *Agent    `json:"agent"`
	Call      *LiveCall `json:"call"`
	Streams   []Stream  `json:"streams"`
	Listeners []string  `json:"listeners"` // user ids
	Attention Attention `json:"attention"`
}

// LiveNode is an ingest node that is alive.
type LiveNode struct {
	Name    string  `json:"name"`
	Since   Time    `json:"since" format:"date-time"`
	Seats   int     `json:"seats"` // connected
	Calls   int     `json:"calls"` // open
	Version string  `json:"version"`
	Alarms  []Alarm `json:"alarms"` // what is the matter with it
}

// EventKind says what an event tells.
type EventKind string

// The kinds of event.
const (
	EventSeat   EventKind = "seat"   // Seat is its whole live state now
	EventCall   EventKind = "call"   // a call began, changed, or was stored: Call, without levels
	EventRoster EventKind = "roster" // branches, seats or users were changed; read them again
	EventNode   EventKind = "node"   // Node came, or with Gone left
)

// Event is something that happened, told to every dashboard in order.
type Event struct {
	ID   string    `json:"id"` // where it lies in the stream; "" until published
	Kind EventKind `json:"kind"`
	At   Time      `json:"at" format:"date-time"`
	Seat *LiveSeat `json:"seat,omitempty"`
	Call *Call     `json:"call,omitempty"`
	Node *LiveNode `json:"node,omitempty"`
	Gone bool      `json:"gone,omitempty"`
}

// SeatLevels are the levels of one seat's last tenth of a second.
type SeatLevels struct {
	Seat            string
	Agent, Customer byte // −dBov; LevelGap where nothing came
}
