package session

import (
	"context"
	"encoding/json"
	"fmt"

	"earshot"
)

// PutSeat replaces a seat's live state, renews its node's lease and, if
// anything is different, tells the event. An offline seat does not replace what
// another living node says of it: the seat has moved there.
func (s *Store) PutSeat(ctx context.Context, seat earshot.LiveSeat) error {
	seat = shown(seat)
	state, err := json.Marshal(seat)
	if err != nil {
		return fmt.Errorf("put seat %s: %w", seat.Seat, err)
	}
	event, err := s.event(earshot.Event{Kind: earshot.EventSeat, Seat: &seat})
	if err != nil {
		return err
	}
	weak := "0"
	if seat.State == earshot.SeatOffline && seat.Call == nil {
		weak = "1"
	}
	s.mu.Lock()
	s.mine[seat.Seat] = true
	s.mu.Unlock()
	_, err = s.run(ctx, "put seat "+seat.Seat, scriptPutSeat, seat.Node, seat.Seat, state, event, weak)
	return err
}

// PutNode replaces a node's state, renews its lease, and with it that of its
// seats and calls. It fails with ErrForgotten, once, where Redis does not know
// seats any more that were put: then they all are to be put again, before or
// after the node. What a node of this name left behind in an earlier life, and
// does not have now, goes offline.
func (s *Store) PutNode(ctx context.Context, node earshot.LiveNode, seats []string) error {
	node = shownNode(node)
	state, err := json.Marshal(node)
	if err != nil {
		return fmt.Errorf("put node %s: %w", node.Name, err)
	}
	event, err := s.event(earshot.Event{Kind: earshot.EventNode, Node: &node})
	if err != nil {
		return err
	}
	args := []any{node.Name, state, event}
	for _, seat := range seats {
		args = append(args, seat)
	}
	answer, err := s.run(ctx, "put node "+node.Name, scriptPutNode, args...)
	if err != nil {
		return err
	}
	var unknown, others []string
	if err := take(answer, &unknown, &others); err != nil {
		return fmt.Errorf("put node %s: %w", node.Name, err)
	}
	if left := s.notMine(others); len(left) > 0 {
		if err := s.retire(ctx, node.Name, left, ""); err != nil {
			return err
		}
	}
	if n := s.forgotten(unknown); n > 0 {
		return ErrForgotten.Because(fmt.Errorf("%d of %d seats of node %s", n, len(seats), node.Name))
	}
	return nil
}

// forgotten counts those of the seats unknown to Redis that were put. They count
// once, so that a node can be put again before its seats are.
func (s *Store) forgotten(unknown []string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, seat := range unknown {
		if s.mine[seat] {
			delete(s.mine, seat)
			n++
		}
	}
	return n
}

// notMine are the seats never put through this store. One that was put but is
// not listed is on its way, not left behind.
func (s *Store) notMine(seats []string) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := make(map[string]bool)
	for _, seat := range seats {
		if !s.mine[seat] {
			left[seat] = true
		}
	}
	return left
}

// DropNode takes a node that ends, its seats and its claims away.
func (s *Store) DropNode(ctx context.Context, node string) error {
	gone, err := s.event(earshot.Event{Kind: earshot.EventNode, Node: &earshot.LiveNode{Name: node}, Gone: true})
	if err != nil {
		return err
	}
	return s.retire(ctx, node, nil, gone)
}

// retire takes a node's seats away, those in only if that is given, and with
// the event gone the node itself.
func (s *Store) retire(ctx context.Context, node string, only map[string]bool, gone string) error {
	world, err := s.look(ctx)
	if err != nil {
		return err
	}
	args := []any{node, gone}
	for _, was := range world.seats {
		if world.owners[was.Seat] != node || only != nil && !only[was.Seat] {
			continue
		}
		event := ""
		if was.State != earshot.SeatOffline {
			now := shown(earshot.LiveSeat{Seat: was.Seat, State: earshot.SeatOffline, Since: earshot.At(s.opts.Now())})
			if event, err = s.event(earshot.Event{Kind: earshot.EventSeat, Seat: &now}); err != nil {
				return err
			}
		}
		args = append(args, was.Seat, event)
	}
	_, err = s.run(ctx, "retire node "+node, scriptRetire, args...)
	return err
}

// Tell appends an event; one without a time is of now.
func (s *Store) Tell(ctx context.Context, event earshot.Event) error {
	text, err := s.event(event)
	if err != nil {
		return err
	}
	_, err = s.run(ctx, "tell an event", scriptTell, text)
	return err
}

// ClaimCall makes node the one that records the call, until ReleaseCall or the
// end of the node's lease. It fails with ErrCallOwned where another living node
// has it; claiming again is harmless.
func (s *Store) ClaimCall(ctx context.Context, call, node string) error {
	owner, err := s.run(ctx, "claim call "+call, scriptClaim, call, node)
	if err != nil {
		return err
	}
	if owner != node {
		return ErrCallOwned.Because(fmt.Errorf("call %s is node %v's", call, owner))
	}
	return nil
}

// ReleaseCall gives up node's claim, if it has one.
func (s *Store) ReleaseCall(ctx context.Context, call, node string) error {
	_, err := s.run(ctx, "release call "+call, scriptRelease, call, node)
	return err
}

// event is the JSON of an event as the stream has it.
func (s *Store) event(e earshot.Event) (string, error) {
	e.ID = "" // the place in the stream is its id
	if e.Node != nil {
		node := shownNode(*e.Node)
		e.Node = &node
	}
	if e.At.IsZero() {
		e.At = earshot.At(s.opts.Now())
	}
	text, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("event %s: %w", e.Kind, err)
	}
	return string(text), nil
}

// shownNode is the node with a list that is empty, not null.
func shownNode(node earshot.LiveNode) earshot.LiveNode {
	if node.Alarms == nil {
		node.Alarms = []earshot.Alarm{}
	}
	return node
}

// shown is the seat with lists that are empty, not null.
func shown(seat earshot.LiveSeat) earshot.LiveSeat {
	if seat.Streams == nil {
		seat.Streams = []earshot.Stream{}
	}
	if seat.Listeners == nil {
		seat.Listeners = []string{}
	}
	return seat
}
