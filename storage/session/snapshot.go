package session

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sort"

	"earshot"
)

// Snapshot is the whole live state at one place in the stream of events: what
// Follow tells from ID on came after it.
type Snapshot struct {
	ID    string
	Seats []earshot.LiveSeat // those any node has put, by id
	Nodes []earshot.LiveNode // the living ones, by name
}

// Snapshot looks at everything. Seats whose node does not answer any more are
// earshot.SeatUnknown, whether Reap has come by or not.
func (s *Store) Snapshot(ctx context.Context) (Snapshot, error) {
	world, err := s.look(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	shot := Snapshot{ID: world.id, Seats: []earshot.LiveSeat{}, Nodes: []earshot.LiveNode{}}
	for _, seat := range world.seats {
		if world.lost[world.owners[seat.Seat]] {
			seat = s.unknown(seat)
		}
		shot.Seats = append(shot.Seats, seat)
	}
	for _, node := range world.nodes {
		if !world.lost[node.Name] {
			shot.Nodes = append(shot.Nodes, node)
		}
	}
	return shot, nil
}

// unknown is what can be said of a seat whose node is lost. One that was
// offline still is.
func (s *Store) unknown(seat earshot.LiveSeat) earshot.LiveSeat {
	if seat.State == earshot.SeatOffline || seat.State == earshot.SeatUnknown {
		return seat
	}
	seat.State, seat.Attention = earshot.SeatUnknown, earshot.AttentionNodeLost
	seat.Since = earshot.At(s.opts.Now())
	return seat
}

// world is all there is at one instant.
type world struct {
	id     string
	seats  []earshot.LiveSeat
	owners map[string]string
	nodes  []earshot.LiveNode
	lost   map[string]bool // nodes whose lease is over
}

func (s *Store) look(ctx context.Context) (world, error) {
	answer, err := s.run(ctx, "look at the live state", scriptSnapshot)
	if err != nil {
		return world{}, err
	}
	var epoch, last string
	var seats, owners, nodes, lost []string
	if err := take(answer, &epoch, &last, &seats, &owners, &nodes, &lost); err != nil {
		return world{}, fmt.Errorf("look at the live state: %w", err)
	}
	w := world{id: eventID(epoch, last), owners: make(map[string]string), lost: make(map[string]bool)}
	w.seats = decode[earshot.LiveSeat](s, seats)
	w.nodes = decode[earshot.LiveNode](s, nodes)
	for i := 0; i+1 < len(owners); i += 2 {
		w.owners[owners[i]] = owners[i+1]
	}
	for _, node := range lost {
		w.lost[node] = true
	}
	sort.Slice(w.seats, func(i, j int) bool { return w.seats[i].Seat < w.seats[j].Seat })
	sort.Slice(w.nodes, func(i, j int) bool { return w.nodes[i].Name < w.nodes[j].Name })
	return w, nil
}

// decode reads the values of a hash. One that cannot be read, as another
// version may have left it, is passed over: the others are still worth seeing.
func decode[T any](s *Store, flat []string) []T {
	var all []T
	for i := 0; i+1 < len(flat); i += 2 {
		var one T
		if err := json.Unmarshal([]byte(flat[i+1]), &one); err != nil {
			s.opts.Log.Warn("live state in Redis cannot be read", slog.String("field", flat[i]), slog.Any("err", err))
			continue
		}
		all = append(all, one)
	}
	return all
}

// Reap takes nodes away whose lease is over and marks their seats unknown,
// telling the events. Several may do it at once: each loss is told once.
func (s *Store) Reap(ctx context.Context) error {
	answer, err := s.run(ctx, "look for lost nodes", scriptLapsed)
	if err != nil {
		return err
	}
	var nodes, seats []string
	if err := take(answer, &nodes, &seats); err != nil {
		return fmt.Errorf("look for lost nodes: %w", err)
	}
	if len(nodes) == 0 && len(seats) == 0 {
		return nil
	}
	args := []any{len(nodes)}
	for _, node := range nodes {
		gone, err := s.event(earshot.Event{Kind: earshot.EventNode, Node: &earshot.LiveNode{Name: node}, Gone: true})
		if err != nil {
			return err
		}
		args = append(args, node, gone)
	}
	for i := 0; i+1 < len(seats); i += 2 {
		state, event, err := s.reaped(seats[i+1])
		if err != nil {
			return err
		}
		args = append(args, seats[i], seats[i+1], state, event)
	}
	_, err = s.run(ctx, "reap lost nodes", scriptReap, args...)
	return err
}

// reaped is what becomes of a seat's state when its node is lost, and the event;
// both empty where nothing is to be changed.
func (s *Store) reaped(old string) (state, event string, err error) {
	seats := decode[earshot.LiveSeat](s, []string{"", old})
	if len(seats) == 0 {
		return "", "", nil // nothing can be said of it
	}
	now := s.unknown(seats[0])
	if now.State == seats[0].State {
		return "", "", nil
	}
	text, err := json.Marshal(now)
	if err != nil {
		return "", "", fmt.Errorf("seat %s: %w", now.Seat, err)
	}
	event, err = s.event(earshot.Event{Kind: earshot.EventSeat, Seat: &now})
	return string(text), event, err
}

// take reads a script's answer, a list, into strings and lists of strings.
func take(answer any, into ...any) error {
	list, ok := answer.([]any)
	if !ok || len(list) != len(into) {
		return fmt.Errorf("unexpected answer from Redis: %T", answer)
	}
	for i, to := range into {
		switch to := to.(type) {
		case *string:
			*to, ok = list[i].(string)
		case *[]string:
			var items []any
			if items, ok = list[i].([]any); ok {
				*to = make([]string, len(items))
				for n := range items {
					if (*to)[n], ok = items[n].(string); !ok {
						break
					}
				}
			}
		}
		if !ok {
			return fmt.Errorf("unexpected answer from Redis: %T at %d", list[i], i)
		}
	}
	return nil
}
