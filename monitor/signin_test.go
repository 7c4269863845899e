package monitor

import (
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

// Unknown names and wrong passwords look alike, and are limited by name and by
// address; the right password ends the wait only when its time has come.
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
	for range nameLimit.Burst - 1 {
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

	rows := h.audited(earshot.AuditSignInFailed, 2+nameLimit.Burst-1+1+1+1)
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
