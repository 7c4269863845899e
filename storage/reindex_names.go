package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"earshot"
)

// putSeats puts the seats back from their copy, with the hashes of their tokens,
// so that devices get in again, and their branches. Only into an index that has
// no seats: elsewhere one that is not there was taken away by somebody, and its
// tokens are to open nothing.
func (r *reindexing) putSeats(ctx context.Context) error {
	known, err := r.archive.index.Seats(ctx)
	if err != nil {
		return err
	}
	r.first = len(known) == 0
	if !r.first || r.Seats == nil {
		return nil
	}
	var copies []seatCopy
	if err := json.Unmarshal(r.Seats, &copies); err != nil {
		r.problem("", "seats.json", "the copy of the seats cannot be read: %v", err)
		return nil
	}
	var seats []earshot.Seat
	branches := map[string]bool{}
	for _, c := range copies {
		c.Seat.Tokens = c.Tokens
		if err := c.Validate(); err != nil {
			r.problem("", "seats.json", "the seat %q: %v", c.ID, err)
			continue
		}
		seats = append(seats, c.Seat)
		branches[c.Branch] = true
	}
	r.done.Branches, r.done.Seats, err = r.archive.index.RestoreSeats(ctx, byID(branches), seats)
	return err
}

// seatCopy is a seat as it lies in the copy of the table.
type seatCopy struct {
	earshot.Seat
	Tokens []earshot.SeatToken `json:"tokens"`
}

// byID are branches of which nothing is known but the id.
func byID(ids map[string]bool) []earshot.Branch {
	var branches []earshot.Branch
	for id := range ids {
		if earshot.ValidID(id) {
			branches = append(branches, earshot.Branch{ID: id, Name: id})
		}
	}
	slices.SortFunc(branches, func(a, b earshot.Branch) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return branches
}

// putNames puts back the branches and the agents that calls speak of. A branch
// that somebody took away from an index that was kept stays away.
func (r *reindexing) putNames(ctx context.Context) error {
	if r.first {
		more, _, err := r.archive.index.RestoreSeats(ctx, byID(r.branches), nil)
		if err != nil {
			return err
		}
		r.done.Branches += more
	}
	var agents []earshot.Agent
	for _, a := range r.agents {
		agents = append(agents, a.Agent)
	}
	if err := r.archive.index.RestoreAgents(ctx, agents); err != nil {
		return fmt.Errorf("put agents back: %w", err)
	}
	return nil
}
