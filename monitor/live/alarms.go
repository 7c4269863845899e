package live

import (
	"context"
	"slices"

	"github.com/gorilla/websocket"

	"earshot"
)

// NodeAlarm is an alarm and the node that it is about.
type NodeAlarm struct {
	Node string `json:"node"`
	earshot.Alarm
}

// tellAlarms tells every client what is the matter with this process whenever
// that changes, by itself: the store may be what is away.
func (h *Hub) tellAlarms(ctx context.Context) {
	if h.Alarms == nil {
		return
	}
	changed := make(chan struct{}, 1)
	stop := h.Alarms.OnChange(func() {
		select {
		case changed <- struct{}{}:
		default: // about to be told anyway
		}
	})
	defer stop()
	for {
		h.mu.Lock()
		h.tell(h.alarmsMessage())
		h.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (h *Hub) alarmsMessage() *websocket.PreparedMessage {
	return text(alarmsMessage{"alarms", h.Node, h.Alarms.List()})
}

// NodeAlarms are what is the matter with every node: of this process as it is,
// of others as they last told. The gravest first.
func (h *Hub) NodeAlarms() []NodeAlarm {
	all := []NodeAlarm{}
	add := func(node string, alarms []earshot.Alarm) {
		for _, a := range alarms {
			all = append(all, NodeAlarm{node, a})
		}
	}
	if h.Alarms != nil {
		add(h.Node, h.Alarms.List())
	}
	h.mu.Lock()
	for name, node := range h.state.nodes {
		if h.Alarms == nil || name != h.Node {
			add(name, node.Alarms)
		}
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b NodeAlarm) int {
		if c := compare(string(a.Severity), string(b.Severity)); c != 0 {
			return c
		}
		if c := a.Since.Compare(b.Since.Time); c != 0 {
			return c
		}
		return compare(a.Node+string(a.Code), b.Node+string(b.Code))
	})
	return all
}
