package monitor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"earshot"
	"earshot/monitor/people"
	"earshot/storage/index"
)

// How sign-in is bounded.
const (
	cookieName      = "earshot"
	secureName      = "__Host-earshot"   // over HTTPS
	sessionLifetime = 7 * 24 * time.Hour // a wall stays up over a week's shifts

	attemptKeys = 10000
	homesKept   = 10000
)

// What is let through at once of failed attempts, and after that.
var (
	pairLimit    = people.Limit{Burst: 10, Every: 30 * time.Second} // of a name from one network
	addressLimit = people.Limit{Burst: 30, Every: 5 * time.Second}  // of a network, whatever the name

	// Of a name from everywhere: three networks that try all they may do not
	// reach it, so that nobody locks a name out alone.
	nameLimit = people.Limit{Burst: 100, Every: 10 * time.Second}
)

// Failures of signing in.
var (
	errCredentials = earshot.Fail(earshot.Unauthorized, "bad_credentials", "name or password is wrong")
	errAttempts    = earshot.Fail(earshot.Limited, "too_many_attempts", "too many failed attempts; wait a little")
)

// doorman signs people in and out and knows who a request comes from.
type doorman struct {
	users interface {
		User(ctx context.Context, id string) (earshot.User, error)
	}
	floor     Floor
	scs       *scs.SessionManager
	passwords *people.Hasher
	pairs     *people.Attempts
	names     *people.Attempts
	addresses *people.Attempts
	homes     *people.Homes
	now       func() time.Time
	secure    func(*http.Request) bool
}

func newDoorman(o Options) *doorman {
	return &doorman{
		users: o.Index,
		floor: o.Floor,
		// Not scs.New: that starts a store, and with it a goroutine, of its own.
		scs: &scs.SessionManager{
			Lifetime: sessionLifetime, Store: o.Sessions, Codec: scs.GobCodec{},
		},
		passwords: people.NewHasher(),
		pairs:     people.NewAttempts(pairLimit, attemptKeys),
		names:     people.NewAttempts(nameLimit, attemptKeys),
		addresses: people.NewAttempts(addressLimit, attemptKeys),
		homes:     people.NewHomes(homesKept),
		now:       o.Now,
		secure:    o.SecureCookies,
	}
}

// check answers the user of that name if the password is theirs: errCredentials
// if not, and in the same time whether there is such a user or not; errAttempts
// with a time to wait after too many failures.
func (d *doorman) check(ctx context.Context, name, password, from string) (earshot.User, error) {
	if err := d.mayTry(name, from); err != nil {
		return earshot.User{}, err
	}
	user, err := d.users.User(ctx, name)
	if err != nil && !errors.Is(err, index.ErrNoUser) {
		return earshot.User{}, err
	}
	hash := user.PasswordHash
	if user.Disabled {
		hash = ""
	}
	// Many attempts at once are counted too: each is looked at again in its turn.
	right, err := d.passwords.Check(ctx, hash, password, func() error { return d.mayTry(name, from) })
	if err != nil {
		return earshot.User{}, err
	}
	if !right {
		now, network := d.now(), networkOf(from)
		d.pairs.Failed(pairOf(name, network), now)
		d.names.Failed(name, now)
		d.addresses.Failed(network, now)
		return earshot.User{}, errCredentials
	}
	pair := pairOf(name, networkOf(from))
	d.pairs.Forget(pair)
	d.homes.Add(pair)
	return user, nil
}

// mayTry is nil if name may be tried from there now. Where somebody signed in by
// that name before, what others did elsewhere does not count.
func (d *doorman) mayTry(name, from string) error {
	now, network := d.now(), networkOf(from)
	pair := pairOf(name, network)
	wait := max(d.pairs.Wait(pair, now), d.addresses.Wait(network, now))
	if !d.homes.Has(pair) {
		wait = max(wait, d.names.Wait(name, now))
	}
	if wait > 0 {
		return &limited{errAttempts, wait}
	}
	return nil
}

// pairOf is one key for both; no network has a space in it.
func pairOf(name, network string) string { return network + " " + name }

// begin makes a session for user.
func (d *doorman) begin(ctx context.Context, user earshot.User) (token string, expires time.Time, err error) {
	ctx, err = d.scs.Load(ctx, "")
	if err != nil {
		return "", time.Time{}, err
	}
	d.scs.Put(ctx, "user", user.ID)
	d.scs.Put(ctx, "key", passwordKey(user))
	return d.scs.Commit(ctx)
}

// keep lets the session go on after its user's password was changed, which
// ends all their others.
func (d *doorman) keep(ctx context.Context, token string, user earshot.User) error {
	ctx, err := d.scs.Load(ctx, token)
	if err != nil {
		return err
	}
	d.scs.Put(ctx, "key", passwordKey(user))
	_, _, err = d.scs.Commit(ctx)
	return err
}

// end ends a session.
func (d *doorman) end(ctx context.Context, token string) error {
	ctx, err := d.scs.Load(ctx, token)
	if err != nil {
		return err
	}
	return d.scs.Destroy(ctx)
}

// userOf is whose session the token is: earshot.ErrSignIn if it is none, or if
// the user was disabled, deleted or given another password since.
func (d *doorman) userOf(ctx context.Context, token string) (earshot.User, error) {
	ctx, err := d.scs.Load(ctx, token)
	if err != nil {
		return earshot.User{}, err
	}
	id := d.scs.GetString(ctx, "user")
	if id == "" {
		return earshot.User{}, earshot.ErrSignIn
	}
	user, err := d.users.User(ctx, id)
	if errors.Is(err, index.ErrNoUser) {
		return earshot.User{}, earshot.ErrSignIn
	}
	if err != nil {
		return earshot.User{}, err
	}
	if user.Disabled || d.scs.GetString(ctx, "key") != passwordKey(user) {
		return earshot.User{}, earshot.ErrSignIn
	}
	return user, nil
}

// passwordKey changes with the user's password.
func passwordKey(u earshot.User) string {
	sum := sha256.Sum256([]byte(u.PasswordHash))
	return hex.EncodeToString(sum[:8])
}

// principal is who r comes from. An Authorization header, or the bearer of a
// WebSocket's subprotocol, is all that counts where there is one; else the
// cookie. A token that is nobody's is an error; none at all is nobody.
func (d *doorman) principal(r *http.Request) (Principal, error) {
	p := Principal{From: addressOf(r)}
	token, explicit := bearerOf(r)
	if explicit {
		// First without the index: seats work when it is away.
		if seat, ok := d.floor.SeatOfToken(token); ok {
			p.Seat = seat
			return p, nil
		}
		if token == "" || earshot.IsSeatToken(token) {
			return p, earshot.ErrBadToken
		}
	} else {
		token = d.cookieOf(r)
		if token == "" {
			return p, nil
		}
	}
	user, err := d.userOf(r.Context(), token)
	if err != nil {
		return p, err
	}
	p.User, p.session = user, token
	return p, nil
}

// Subprotocols by which a browser, which cannot set headers on a WebSocket,
// sends its token.
const (
	liveProtocol   = "earshot"
	bearerProtocol = "bearer."
)

// bearerOf is the token that r was sent with on purpose.
func bearerOf(r *http.Request) (token string, explicit bool) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", true
		}
		return strings.TrimSpace(token), true
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for protocol := range strings.SplitSeq(line, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(protocol), bearerProtocol); ok {
				return token, true
			}
		}
	}
	return "", false
}

// nameFor is the cookie's name for the way r came. Cookies know no ports, and a
// browser that has a secure one lets no plain one of the same name beside it:
// whoever signed in over HTTPS could not sign in over HTTP on the same machine.
func (d *doorman) nameFor(r *http.Request) string {
	if d.secure(r) {
		return secureName
	}
	return cookieName
}

func (d *doorman) cookieOf(r *http.Request) string {
	for _, cookie := range r.CookiesNamed(d.nameFor(r)) {
		return cookie.Value
	}
	return ""
}

// cookie makes the session's cookie; an empty token takes it away.
func (d *doorman) cookie(r *http.Request, token string, expires time.Time) string {
	c := &http.Cookie{
		Name: d.nameFor(r), Value: token, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: d.secure(r), Expires: expires,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}
