package monitor

import (
	"context"
	"errors"

	"earshot"
	"earshot/storage/index"
)

type seatList struct {
	Seats []earshot.Seat `json:"seats"`
}

type newSeat struct {
	ID     string           `json:"id" maxLength:"64"`
	Name   string           `json:"name" maxLength:"400"`
	Branch string           `json:"branch" maxLength:"64"`
	Kind   earshot.SeatKind `json:"kind"`
	Cut    earshot.Cut      `json:"cut"`
}

type seatPatch struct {
	Name   *string           `json:"name,omitempty" maxLength:"400"`
	Branch *string           `json:"branch,omitempty" maxLength:"64"`
	Kind   *earshot.SeatKind `json:"kind,omitempty"`
	Cut    *earshot.Cut      `json:"cut,omitempty"`
}

// seatMade is a seat with what is shown this once.
type seatMade struct {
	ID     string           `json:"id"`
	Name   string           `json:"name"`
	Branch string           `json:"branch"`
	Kind   earshot.SeatKind `json:"kind"`
	Cut    earshot.Cut      `json:"cut"`
	SeatAccess
}

// SeatAccess is how a seat gets in.
type SeatAccess struct {
	Token   string `json:"token" doc:"shown this once; only its hash is kept"`
	SeatURL string `json:"seatUrl" doc:"opens the seat page, for a QR code"`
	WhipURL string `json:"whipUrl" doc:"for a device, with the token as Bearer"`
}

// ticket lets a signed-in agent use the seat page for a while.
type ticket struct {
	Token   string       `json:"token"`
	Expires earshot.Time `json:"expires"`
	Seat    earshot.Seat `json:"seat"`
}

func (s *Server) seatOperations(b *book) {
	enter(s, b, "list-seats", func(ctx context.Context, _ *nothing) (*body[seatList], error) {
		seats, err := s.Index.Seats(ctx)
		return answerWith(seatList{listOf(seats)}), err
	})
	enter(s, b, "create-seat", s.createSeat)
	enter(s, b, "get-seat", func(ctx context.Context, in *ByID) (*body[earshot.Seat], error) {
		seat, err := s.seat(ctx, in.ID)
		return answerWith(seat), err
	})
	enter(s, b, "update-seat", s.updateSeat)
	enter(s, b, "delete-seat", s.deleteSeat)
	enter(s, b, "renew-seat-token", s.renewToken)
	enter(s, b, "make-seat-ticket", s.makeTicket)
	enter(s, b, "get-seat-state", func(_ context.Context, in *ByID) (*body[earshot.LiveSeat], error) {
		seat, err := s.Floor.Seat(in.ID)
		return answerWith(shown(seat)), err
	})
}

// seat is a seat from the index, or while that is away as it was last read.
func (s *Server) seat(ctx context.Context, id string) (earshot.Seat, error) {
	seat, err := s.Index.Seat(ctx, id)
	if err == nil || earshot.AsError(err).Kind == earshot.NotFound {
		return seat, err
	}
	if known, ok := s.seats.known(id); ok {
		return known, nil
	}
	return seat, err
}

// shown is a live seat with lists that are empty lists, not null.
func shown(seat earshot.LiveSeat) earshot.LiveSeat {
	seat.Streams, seat.Listeners = listOf(seat.Streams), listOf(seat.Listeners)
	for i := range seat.Streams {
		seat.Streams[i].Sides = listOf(seat.Streams[i].Sides)
	}
	return seat
}

func (s *Server) createSeat(ctx context.Context, in *struct{ Body newSeat }) (*body[seatMade], error) {
	n := in.Body
	seat := earshot.Seat{ID: n.ID, Name: n.Name, Branch: n.Branch, Kind: n.Kind, Cut: n.Cut}
	token := earshot.NewSeatToken()
	seat.RenewToken(earshot.HashToken(token), s.Now())
	if err := s.Index.CreateSeat(ctx, seat); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditCreate, "seat:"+seat.ID, "")
	return answerWith(seatMade{ID: seat.ID, Name: seat.Name, Branch: seat.Branch, Kind: seat.Kind, Cut: seat.Cut,
		SeatAccess: s.access(ctx, seat.ID, token)}), nil
}

func (s *Server) access(ctx context.Context, seat, token string) SeatAccess {
	public, whip := s.publicURLs(visitOf(ctx).request)
	return SeatAccess{Token: token, SeatURL: seatURL(public, seat, token), WhipURL: whip + seat}
}

func (s *Server) updateSeat(ctx context.Context, in *struct {
	ByID
	Body seatPatch
}) (*body[earshot.Seat], error) {
	seat, err := s.Index.Seat(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var fields changes
	set(&fields, "name", &seat.Name, in.Body.Name)
	set(&fields, "branch", &seat.Branch, in.Body.Branch)
	set(&fields, "kind", &seat.Kind, in.Body.Kind)
	set(&fields, "cut", &seat.Cut, in.Body.Cut)
	if err := s.Index.SaveSeat(ctx, seat); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditUpdate, "seat:"+seat.ID, fields.String())
	return answerWith(seat), nil
}

// deleteSeat asks the floor too whether a call is open: the index may not know yet.
func (s *Server) deleteSeat(ctx context.Context, in *ByID) (*nothing, error) {
	if live, err := s.Floor.Seat(in.ID); err == nil && live.Call != nil {
		return nil, index.ErrSeatInUse
	}
	if err := s.Index.DeleteSeat(ctx, in.ID); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditDelete, "seat:"+in.ID, "")
	return nil, nil
}

func (s *Server) renewToken(ctx context.Context, in *ByID) (*body[SeatAccess], error) {
	seat, err := s.Index.Seat(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	token := earshot.NewSeatToken()
	seat.RenewToken(earshot.HashToken(token), s.Now())
	if err := s.Index.SaveTokens(ctx, seat.ID, seat.Tokens); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditToken, "seat:"+seat.ID, "")
	return answerWith(s.access(ctx, seat.ID, token)), nil
}

func (s *Server) makeTicket(ctx context.Context, in *ByID) (*body[ticket], error) {
	seat, err := s.seat(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	token, expires, err := s.Floor.Ticket(in.ID, visitOf(ctx).who.User.ID)
	if errors.Is(err, earshot.ErrNoSeat) {
		// The floor has not heard of a seat made a moment ago.
		s.rosterChanged()
	}
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditToken, "seat:"+seat.ID, "ticket")
	return answerWith(ticket{token, earshot.At(expires), seat}), nil
}
