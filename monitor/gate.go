package monitor

import (
	"slices"

	"earshot"
)

// Principal is who asks: a user, a seat by its token or ticket, or nobody.
type Principal struct {
	User earshot.User // the zero user is nobody
	Seat string       // the seat whose token or ticket this is
	From string       // the address they came from

	session string // the token of the user's session
}

// Who is the name under which what p does is written down.
func (p Principal) Who() string {
	if p.Seat != "" {
		return "seat:" + p.Seat
	}
	return p.User.ID
}

// IsSeat says whether p is a seat.
func (p Principal) IsSeat() bool { return p.Seat != "" }

func (p Principal) nobody() bool { return p.Seat == "" && p.User.ID == "" }

// Need is what must hold for something to be allowed; any one of what it names
// is enough. The zero Need lets nobody through.
type Need struct {
	Open     bool             // anybody, signed in or not
	SignedIn bool             // any user
	May      []earshot.Action // a user whose role allows one of these
	Roles    []earshot.Role   // a user who has one of these roles
	OwnSeat  bool             // the seat that it is about
	AnySeat  bool             // any seat: what it is about is not known before the request is read
}

// Subject is what something is about.
type Subject struct {
	Seat string // the seat, or the seat of a live call
	Call string
}

// Gate decides, in one place, for every handler, WebSocket message and WHEP
// request, and has refusals written down.
type Gate struct {
	denied func(p Principal, op string, about Subject)
}

// NewGate makes a gate; denied is told of each refusal to somebody known.
func NewGate(denied func(p Principal, op string, about Subject)) *Gate { return &Gate{denied: denied} }

// Allow answers nil if p may do op, which needs need, to about.
func (g *Gate) Allow(p Principal, op string, need Need, about Subject) error {
	err := decide(p, need, about)
	if err != nil && !p.nobody() {
		g.denied(p, op, about)
	}
	return err
}

func decide(p Principal, need Need, about Subject) error {
	switch {
	case need.Open:
		return nil
	case p.nobody():
		return earshot.ErrSignIn
	case p.IsSeat():
		return decideSeat(p, need, about)
	case need.SignedIn, slices.ContainsFunc(need.May, p.User.Role.May), slices.Contains(need.Roles, p.User.Role):
		return nil
	}
	return earshot.ErrForbidden
}

// decideSeat keeps a seat to itself: of another seat's call it does not even
// learn that it exists.
func decideSeat(p Principal, need Need, about Subject) error {
	switch {
	case need.AnySeat:
		return nil
	case !need.OwnSeat:
		return earshot.ErrForbidden
	case about.Seat == p.Seat:
		return nil
	case about.Call != "":
		return earshot.ErrNoCall
	}
	return earshot.ErrForbidden
}
