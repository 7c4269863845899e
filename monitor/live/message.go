package live

import (
	"encoding/json"

	"github.com/gorilla/websocket"

	"earshot"
)

// What the server says, as JSON texts told apart by type.
type (
	helloMessage struct {
		Type    string       `json:"type"` // hello
		Version string       `json:"version"`
		At      earshot.Time `json:"at"`
	}
	snapshotMessage struct {
		Type  string             `json:"type"` // snapshot
		ID    string             `json:"id"`
		At    earshot.Time       `json:"at"`
		Seats []earshot.LiveSeat `json:"seats"`
		Nodes []earshot.LiveNode `json:"nodes"`
	}
	rosterMessage struct {
		Type    string   `json:"type"` // roster
		Version int      `json:"version"`
		Seats   []string `json:"seats"`
	}
	eventMessage struct {
		Type  string        `json:"type"` // event
		ID    string        `json:"id"`
		Event earshot.Event `json:"event"`
	}
	staleMessage struct {
		Type  string       `json:"type"` // stale
		Since earshot.Time `json:"since"`
	}
	plainMessage struct {
		Type string `json:"type"` // fresh, ping
	}
	errorMessage struct {
		Type string `json:"type"` // error
		Code string `json:"code"`
	}
	alarmsMessage struct {
		Type   string          `json:"type"` // alarms
		Node   string          `json:"node"` // this process: what it says counts more than its node's state
		Alarms []earshot.Alarm `json:"alarms"`
	}
	stateMessage struct {
		Type string           `json:"type"` // state
		Seat earshot.LiveSeat `json:"seat"`
		Info SeatInfo         `json:"seatInfo"`
		At   earshot.Time     `json:"at"`
	}
	seatLevelsMessage struct {
		Type     string `json:"type"` // levels
		Agent    int    `json:"agent"`
		Customer int    `json:"customer"`
	}
)

// SeatInfo is what a seat page shows of its seat.
type SeatInfo struct {
	ID     string           `json:"id"`
	Name   string           `json:"name"`
	Branch string           `json:"branch"`
	Kind   earshot.SeatKind `json:"kind"`
	Cut    earshot.Cut      `json:"cut"`
}

// What a client may say.
type clientMessage struct {
	Type string `json:"type"` // levels
	On   bool   `json:"on"`
}

// text prepares v once for any number of clients.
func text(v any) *websocket.PreparedMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return prepared(websocket.TextMessage, data)
}

func prepared(kind int, data []byte) *websocket.PreparedMessage {
	m, err := websocket.NewPreparedMessage(kind, data)
	if err != nil {
		panic(err) // only an unknown kind does that
	}
	return m
}

// public leaves out of an event what not everybody who sees the wall may see.
func public(e earshot.Event) earshot.Event {
	if e.Call == nil {
		return e
	}
	call := *e.Call
	call.Marks = make([]earshot.Mark, 0, len(e.Call.Marks))
	for _, m := range e.Call.Marks {
		if m.Shared {
			call.Marks = append(call.Marks, m)
		}
	}
	e.Call = &call
	return e
}
