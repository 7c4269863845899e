package live

import (
	"time"

	"earshot"
)

// Levels are sent ten times a second; a seat that has not been heard for a few
// ticks has none.
const (
	levelsEvery = 100 * time.Millisecond
	levelsFor   = 350 * time.Millisecond
	levelsKind  = 1 // first byte of the binary message
)

// meters are the latest levels of all seats. They have no lock of their own.
type meters struct {
	latest map[string]heard
	silent bool // the last message said that nothing is heard
}

type heard struct {
	agent, customer byte
	at              time.Time
}

func newMeters() *meters { return &meters{latest: map[string]heard{}, silent: true} }

func (m *meters) put(levels []earshot.SeatLevels, now time.Time) {
	for _, l := range levels {
		m.latest[l.Seat] = heard{l.Agent, l.Customer, now}
	}
}

// message is the tick's message in the order of roster, or nil where nothing is
// heard and that was said already.
func (m *meters) message(roster []string, version int, now time.Time) []byte {
	b := make([]byte, 3+2*len(roster))
	b[0], b[1], b[2] = levelsKind, byte(version>>8), byte(version)
	silent := true
	for i, seat := range roster {
		agent, customer := byte(earshot.LevelGap), byte(earshot.LevelGap)
		if h, ok := m.latest[seat]; ok {
			if now.Sub(h.at) <= levelsFor {
				agent, customer, silent = h.agent, h.customer, false
			} else {
				delete(m.latest, seat)
			}
		}
		b[3+2*i], b[4+2*i] = agent, customer
	}
	if silent && m.silent {
		return nil
	}
	m.silent = silent
	return b
}
