package live

import (
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"earshot"
)

// state is what the wall shows, after the event last. It has no lock of its own.
type state struct {
	known   bool // a snapshot was taken
	last    string
	seats   map[string]earshot.LiveSeat
	nodes   map[string]earshot.LiveNode
	roster  []string // all seats there are, sorted
	version int      // of the roster

	cached *websocket.PreparedMessage // the snapshot message, until something changes
}

func newState() *state {
	return &state{seats: map[string]earshot.LiveSeat{}, nodes: map[string]earshot.LiveNode{}}
}

func (s *state) replace(id string, seats []earshot.LiveSeat, nodes []earshot.LiveNode) {
	s.known, s.last, s.cached = true, id, nil
	clear(s.seats)
	clear(s.nodes)
	for _, seat := range seats {
		s.seats[seat.Seat] = seat
	}
	for _, node := range nodes {
		s.nodes[node.Name] = node
	}
}

func (s *state) apply(e earshot.Event) {
	s.last, s.cached = e.ID, nil
	if e.Seat != nil {
		s.seats[e.Seat.Seat] = *e.Seat
	}
	if e.Node != nil {
		if e.Gone {
			delete(s.nodes, e.Node.Name)
		} else {
			s.nodes[e.Node.Name] = *e.Node
		}
	}
}

// setRoster says whether the roster is another one now.
func (s *state) setRoster(seats []string) bool {
	sorted := slices.Clone(seats)
	slices.Sort(sorted)
	if s.version > 0 && slices.Equal(sorted, s.roster) {
		return false
	}
	s.roster, s.cached = sorted, nil
	s.version++
	return true
}

// message is the snapshot: all seats there are, those never connected as
// offline, and what else is live.
func (s *state) message(now time.Time) *websocket.PreparedMessage {
	if s.cached != nil {
		return s.cached
	}
	m := snapshotMessage{Type: "snapshot", ID: s.last, At: earshot.At(now),
		Seats: make([]earshot.LiveSeat, 0, len(s.roster)), Nodes: []earshot.LiveNode{}}
	for _, id := range s.roster {
		seat, ok := s.seats[id]
		if !ok {
			seat = earshot.LiveSeat{Seat: id, State: earshot.SeatOffline}
		}
		m.Seats = append(m.Seats, whole(seat))
	}
	for id, seat := range s.seats {
		if _, listed := slices.BinarySearch(s.roster, id); !listed && seat.State != earshot.SeatOffline {
			m.Seats = append(m.Seats, whole(seat))
		}
	}
	for _, node := range s.nodes {
		if node.Alarms == nil {
			node.Alarms = []earshot.Alarm{}
		}
		m.Nodes = append(m.Nodes, node)
	}
	slices.SortFunc(m.Seats, func(a, b earshot.LiveSeat) int { return compare(a.Seat, b.Seat) })
	slices.SortFunc(m.Nodes, func(a, b earshot.LiveNode) int { return compare(a.Name, b.Name) })
	s.cached = text(m)
	return s.cached
}

func (s *state) rosterMessage() *websocket.PreparedMessage {
	return text(rosterMessage{"roster", s.version, slices.Concat([]string{}, s.roster)})
}

// whole makes lists that are empty lists, not null.
func whole(seat earshot.LiveSeat) earshot.LiveSeat {
	if seat.Streams == nil {
		seat.Streams = []earshot.Stream{}
	}
	if seat.Listeners == nil {
		seat.Listeners = []string{}
	}
	return seat
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
