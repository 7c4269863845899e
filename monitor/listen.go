package monitor

import (
	"context"
	"fmt"
	"net/http"

	"earshot"
	"earshot/monitor/live"
)

// serveWall is the wall's WebSocket.
func (s *Server) serveWall(w http.ResponseWriter, r *http.Request) {
	if !s.sameOrigin(r) {
		s.fail(w, r, errOrigin)
		return
	}
	v := visitOf(r.Context())
	err := s.hub.Serve(w, r, live.Viewer{
		Since:   r.URL.Query().Get("since"),
		Message: func(string) error { return s.also(v, "message") },
		Still:   func(ctx context.Context) error { return s.still(ctx, v) },
	})
	if err != nil {
		s.fail(w, r, err)
	}
}

// still asks again whether a long-lasting visit may go on.
func (s *Server) still(ctx context.Context, v visit) error {
	who, err := s.door.principal(v.request.WithContext(ctx))
	if err != nil {
		return err
	}
	return s.gate.Allow(who, v.route.ID, v.route.Need, v.about)
}

// serveSeatPage is the seat page's WebSocket.
func (s *Server) serveSeatPage(w http.ResponseWriter, r *http.Request) {
	if !s.sameOrigin(r) {
		s.fail(w, r, errOrigin)
		return
	}
	v := visitOf(r.Context())
	id := v.about.Seat
	if _, err := s.Floor.Seat(id); err != nil {
		s.fail(w, r, err)
		return
	}
	err := s.hub.ServeSeat(w, r, live.SeatLine{
		Info: func() live.SeatInfo { return s.seatInfo(id) },
		Watch: func(ctx context.Context, fn func(earshot.LiveSeat, earshot.SeatLevels)) error {
			return s.Floor.WatchSeat(ctx, id, fn)
		},
		Still: func(ctx context.Context) error { return s.still(ctx, v) },
	})
	if err != nil {
		s.fail(w, r, err)
	}
}

// seatInfo is what is known of a seat without asking the index.
func (s *Server) seatInfo(id string) live.SeatInfo {
	seat, ok := s.seats.known(id)
	if !ok {
		return live.SeatInfo{ID: id, Name: id}
	}
	return live.SeatInfo{ID: seat.ID, Name: seat.Name, Branch: seat.Branch, Kind: seat.Kind, Cut: seat.Cut}
}

// serveListen hands a WHEP request that was allowed to the floor.
func (s *Server) serveListen(w http.ResponseWriter, r *http.Request) {
	who := visitOf(r.Context()).who
	r.Body = http.MaxBytesReader(w, r.Body, offerLimit)
	s.Floor.ServeListen(w, r, Listener{
		User:  who.User.ID,
		Ended: func(heard earshot.Listened) { s.listened(who, heard) },
	})
}

// listened writes down what somebody heard of a seat: where on the call, if one
// was open when it began, and how long.
func (s *Server) listened(who Principal, heard earshot.Listened) {
	row := s.row(who, earshot.AuditListen, Subject{Seat: heard.Seat, Call: heard.Call})
	row.At = earshot.At(heard.Since)
	row.ToMs = heard.Heard.Milliseconds()
	row.Reason = fmt.Sprintf("heard %.1f s", heard.Heard.Seconds())
	s.audit.addWhen(row, func(ctx context.Context, row *earshot.Audit) {
		if row.Call == "" {
			return
		}
		began, known := earshot.IDTime(row.Call)
		if call, err := s.call(ctx, row.Call); err == nil {
			began, known = call.StartedAt.Time, true
		}
		if known {
			row.FromMs = max(0, heard.Since.Sub(began).Milliseconds())
			row.ToMs = row.FromMs + heard.Heard.Milliseconds()
		}
	})
}
