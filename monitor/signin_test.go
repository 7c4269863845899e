package monitor

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

func TestSignIn(t *testing.T) {
	h := open(t)
	a := h.nobody().do(http.MethodPost, "/api/v1/login", credentials{firstAdmin, adminPassword}).want(http.StatusOK)
	var in signedInAs
	a.into(&in)
	if in.User != (person{firstAdmin, "管理员", earshot.RoleAdmin}) {
		t.Errorf("signed in as %+v", in.User)
	}
	if diff := cmp.Diff(earshot.Actions, in.Allowed); diff != "" {
		t.Error(diff)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, part := range []string{"earshot=" + in.Token, "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("cookie %q lacks %q", cookie, part)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Error("a secure cookie over HTTP never comes back")
	}

	byCookie := h.nobody().request(http.MethodGet, "/api/v1/me", nil)
	byCookie.AddCookie(&http.Cookie{Name: cookieName, Value: in.Token})
	h.send(byCookie).want(http.StatusOK)
	h.with(in.Token).get("/api/v1/me").want(http.StatusOK)
	h.nobody().get("/api/v1/me").fails(http.StatusUnauthorized, "sign_in")
	h.with("nonsense").get("/api/v1/me").fails(http.StatusUnauthorized, "sign_in")
	h.with("est_nonsense").get("/api/v1/me").fails(http.StatusUnauthorized, "bad_token")

	// A wrong bearer is not made good by a right cookie.
	both := h.with("nonsense").request(http.MethodGet, "/api/v1/me", nil)
	both.AddCookie(&http.Cookie{Name: cookieName, Value: in.Token})
	h.send(both).fails(http.StatusUnauthorized, "sign_in")

	out := h.with(in.Token).do(http.MethodPost, "/api/v1/logout", nil).want(http.StatusNoContent)
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie stays: %q", out.header.Get("Set-Cookie"))
	}
	h.with(in.Token).get("/api/v1/me").fails(http.StatusUnauthorized, "sign_in")
	if row := h.audited(earshot.AuditSignIn, 1)[0]; row.Who != firstAdmin || row.From != "127.0.0.1" {
		t.Errorf("audit row %+v", row)
	}
	h.audited(earshot.AuditSignOut, 1)
}

// Behind a proxy that speaks TLS for us the cookie stays on TLS too.
func TestSecureCookie(t *testing.T) {
	h := open(t)
	r := h.nobody().request(http.MethodPost, "/api/v1/login", credentials{firstAdmin, adminPassword})
	r.Header.Set("X-Forwarded-Proto", "https")
	cookie := h.send(r).want(http.StatusOK).header.Get("Set-Cookie")
	name, value, _ := strings.Cut(strings.Split(cookie, ";")[0], "=")
	if !strings.Contains(cookie, "; Secure") || name != "__Host-earshot" {
		t.Errorf("cookie %q", cookie)
	}
	// It signs in where it came from, and does not stand in the way of a plain
	// one on the same machine.
	for proto, want := range map[string]int{"https": http.StatusOK, "http": http.StatusUnauthorized} {
		r := h.nobody().request(http.MethodGet, "/api/v1/me", nil)
		r.Header.Set("X-Forwarded-Proto", proto)
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		h.send(r).want(want)
	}
}

// Unknown names and wrong passwords look alike, and are limited by name and
// address and by address; the right password ends the wait only when its time has come.
func TestAttemptsAreLimited(t *testing.T) {
	h := open(t)
	try := func(name, password string) answered {
		return h.nobody().do(http.MethodPost, "/api/v1/login", credentials{name, password})
	}
	known := try(firstAdmin, "wrong").fails(http.StatusUnauthorized, "bad_credentials")
	unknown := try("nobody", "wrong").fails(http.StatusUnauthorized, "bad_credentials")
	if string(known.body) != string(unknown.body) {
		t.Error("the answer tells whether there is such a user")
	}
	for range pairLimit.Burst - 1 {
		try(firstAdmin, "wrong").fails(http.StatusUnauthorized, "bad_credentials")
	}
	a := try(firstAdmin, adminPassword).fails(http.StatusTooManyRequests, "too_many_attempts")
	if got := a.header.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After %q, want 30", got)
	}
	try("nobody", "wrong").fails(http.StatusUnauthorized, "bad_credentials") // others are not held up
	h.clock.add(31 * time.Second)
	try(firstAdmin, adminPassword).want(http.StatusOK)
	try(firstAdmin, "wrong").fails(http.StatusUnauthorized, "bad_credentials")
	try(firstAdmin, adminPassword).want(http.StatusOK) // a success forgets the failures

	rows := h.audited(earshot.AuditSignInFailed, 2+pairLimit.Burst-1+1+1+1)
	if rows[0].Target != firstAdmin || rows[0].Who != "" {
		t.Errorf("audit row %+v", rows[0])
	}
}

func TestAttemptsOfOneAddress(t *testing.T) {
	h := open(t)
	h.server.door.addresses.Failed("127.0.0.1", h.clock.Now())
	for range addressLimit.Burst {
		h.server.door.addresses.Failed("127.0.0.1", h.clock.Now())
	}
	h.nobody().do(http.MethodPost, "/api/v1/login", credentials{firstAdmin, adminPassword}).
		fails(http.StatusTooManyRequests, "too_many_attempts")
}

// Whoever tries a name from elsewhere, as often and as long as may be, keeps
// nobody from signing in by it; many networks together keep out those alone who
// never signed in from where they are.
func TestNobodyIsLockedOutFromElsewhere(t *testing.T) {
	h := open(t)
	h.admin() // signs in from 127.0.0.1
	door := h.server.door
	wrong := func(from string) bool { // as one failed attempt counts, without its hash
		if door.mayTry(firstAdmin, from) != nil {
			return false
		}
		now := h.clock.Now()
		door.pairs.Failed(pairOf(firstAdmin, networkOf(from)), now)
		door.names.Failed(firstAdmin, now)
		door.addresses.Failed(networkOf(from), now)
		return true
	}
	tried := 0
	for range 3600 { // an hour long, once a second
		h.clock.add(time.Second)
		if wrong("203.0.113.9") {
			tried++
		}
	}
	if most := pairLimit.Burst + int(time.Hour/pairLimit.Every); tried > most || tried < most-1 {
		t.Errorf("one network had %d attempts in an hour, not %d", tried, most)
	}
	if err := door.mayTry(firstAdmin, "203.0.113.9"); err == nil {
		t.Error("that network may go on")
	}
	if err := door.mayTry(firstAdmin, "198.51.100.1"); err != nil {
		t.Errorf("a name is locked out by one network: %v", err)
	}

	for i := range nameLimit.Burst {
		wrong(fmt.Sprintf("192.0.2.%d", i))
	}
	if err := door.mayTry(firstAdmin, "198.51.100.1"); err == nil {
		t.Error("a name can be tried from ever more networks")
	}
	h.nobody().do(http.MethodPost, "/api/v1/login", credentials{firstAdmin, adminPassword}).want(http.StatusOK)
	h.clock.add(nameLimit.Every + time.Second)
	if err := door.mayTry(firstAdmin, "198.51.100.1"); err != nil {
		t.Errorf("and it does not pass: %v", err)
	}
}

// A new password ends the user's other sessions, disabling all of them.
func TestSessionsEndWithThePassword(t *testing.T) {
	h := open(t)
	admin := h.admin()
	here := h.user(earshot.RoleInspector)
	there := h.signIn("inspector-1", "password of inspector")

	here.do(http.MethodPost, "/api/v1/me/password", newPassword{"wrong", "a new password"}).fails(http.StatusUnprocessableEntity, "bad_credentials")
	here.do(http.MethodPost, "/api/v1/me/password", newPassword{"password of inspector", "short"}).fails(http.StatusUnprocessableEntity, "invalid")
	here.do(http.MethodPost, "/api/v1/me/password", newPassword{"password of inspector", "a new password"}).want(http.StatusNoContent)
	here.get("/api/v1/me").want(http.StatusOK)
	there.get("/api/v1/me").fails(http.StatusUnauthorized, "sign_in")

	yes := true
	admin.do(http.MethodPatch, "/api/v1/users/inspector-1", userPatch{Disabled: &yes}).want(http.StatusOK)
	here.get("/api/v1/me").fails(http.StatusUnauthorized, "sign_in")
	h.nobody().do(http.MethodPost, "/api/v1/login", credentials{"inspector-1", "a new password"}).fails(http.StatusUnauthorized, "bad_credentials")
}

// A role that was changed counts from the next request on.
func TestRoleChangesAtOnce(t *testing.T) {
	h := open(t)
	admin, inspector := h.admin(), h.user(earshot.RoleInspector)
	inspector.get("/api/v1/users").fails(http.StatusForbidden, "forbidden")
	role := earshot.RoleAdmin
	admin.do(http.MethodPatch, "/api/v1/users/inspector-1", userPatch{Role: &role}).want(http.StatusOK)
	inspector.get("/api/v1/users").want(http.StatusOK)
}
