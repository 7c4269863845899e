package monitor

import (
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

func TestBranches(t *testing.T) {
	h := open(t)
	admin := h.admin()
	if got := string(admin.get("/api/v1/branches").want(http.StatusOK).body); strings.TrimSpace(got) != `{"branches":[]}` {
		t.Errorf("no branches are %s", got)
	}
	admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "city", Name: "市区"}).want(http.StatusCreated)
	admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "city", Name: "市区"}).fails(http.StatusConflict, "exists")
	admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "hall", Name: "一厅", Parent: "city"}).want(http.StatusCreated)
	admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "Hall!", Name: "x"}).fails(http.StatusUnprocessableEntity, "bad_id")
	admin.do(http.MethodPost, "/api/v1/branches", `{"id":"x","name":"x","colour":"red"}`).fails(http.StatusUnprocessableEntity, "invalid")
	admin.do(http.MethodPost, "/api/v1/branches", `{"id":`).fails(http.StatusBadRequest, "invalid")
	name := "二厅"
	a := admin.do(http.MethodPatch, "/api/v1/branches/hall", branchPatch{Name: &name}).want(http.StatusOK)
	var b earshot.Branch
	a.into(&b)
	if b != (earshot.Branch{ID: "hall", Name: "二厅", Parent: "city"}) {
		t.Errorf("changed to %+v", b)
	}
	admin.do(http.MethodDelete, "/api/v1/branches/city", nil).fails(http.StatusConflict, "branch_in_use")
	admin.do(http.MethodDelete, "/api/v1/branches/none", nil).fails(http.StatusNotFound, "no_branch")
	admin.do(http.MethodDelete, "/api/v1/branches/hall", nil).want(http.StatusNoContent)
	admin.get("/api/v1/branches/hall").fails(http.StatusNotFound, "no_branch")
	if row := h.audited(earshot.AuditUpdate, 1)[0]; row.Target != "branch:hall" || row.Reason != "name" || row.Who != firstAdmin {
		t.Errorf("audit row %+v", row)
	}
}

func TestSeats(t *testing.T) {
	h := open(t, func(o *Options) { o.Site.PublicURL = "https://hall.example/" })
	admin := h.admin()
	seat := h.seat(admin, "window-1")
	a := admin.do(http.MethodPost, "/api/v1/seats", newSeat{"window-2", "二号", "hall", earshot.Hotline, earshot.CutVoice}).want(http.StatusCreated)
	token := a.field("token")
	if got, want := a.field("seatUrl"), "https://hall.example/seat#seat=window-2&token="+url.QueryEscape(token); got != want {
		t.Errorf("seat URL %s, want %s", got, want)
	}
	if got := a.field("whipUrl"); got != "https://hall.example/whip/window-2" {
		t.Errorf("WHIP URL %s", got)
	}
	admin.do(http.MethodPost, "/api/v1/seats", newSeat{"window-2", "二号", "hall", earshot.Hotline, earshot.CutVoice}).fails(http.StatusConflict, "exists")
	admin.do(http.MethodPost, "/api/v1/seats", newSeat{"window-3", "三号", "none", earshot.Hotline, earshot.CutVoice}).fails(http.StatusUnprocessableEntity, "bad_branch")
	admin.do(http.MethodPost, "/api/v1/seats", newSeat{"window-3", "三号", "hall", "tent", earshot.CutVoice}).fails(http.StatusUnprocessableEntity, "invalid")

	kept, err := h.index.Seat(t.Context(), "window-2")
	must(t, err)
	if kept.TokenIndex(earshot.HashToken(token), h.clock.Now()) != 0 || strings.Contains(h.log.String(), token) {
		t.Error("the token is not the one kept, or it is in the log")
	}
	list := admin.get("/api/v1/seats").want(http.StatusOK)
	if strings.Contains(string(list.body), "oken") {
		t.Errorf("the list shows tokens: %s", list.body)
	}
	h.clock.add(time.Second)
	renewed := admin.do(http.MethodPost, "/api/v1/seats/window-2/token", nil).want(http.StatusOK).field("token")
	kept, err = h.index.Seat(t.Context(), "window-2")
	must(t, err)
	if renewed == token || kept.TokenIndex(earshot.HashToken(renewed), h.clock.Now()) != 0 || kept.TokenIndex(earshot.HashToken(token), h.clock.Now()) != 1 {
		t.Error("the new token is not kept beside the old one")
	}
	seat.get("/api/v1/seats/window-1").want(http.StatusOK)
	seat.get("/api/v1/seats/window-2").fails(http.StatusForbidden, "forbidden")

	seat.do(http.MethodPost, "/api/v1/seats/window-1/calls", nil).want(http.StatusCreated)
	admin.do(http.MethodDelete, "/api/v1/seats/window-1", nil).fails(http.StatusConflict, "seat_in_use")
	admin.do(http.MethodDelete, "/api/v1/seats/window-2", nil).want(http.StatusNoContent)
	if row := h.audited(earshot.AuditDenied, 1)[0]; row.Who != "seat:window-1" || row.Target != "window-2" || row.Reason != "get-seat" {
		t.Errorf("audit row %+v", row)
	}
}

func TestTicket(t *testing.T) {
	h := open(t)
	h.seat(h.admin(), "window-1")
	agent := h.user(earshot.RoleAgent)
	agent.do(http.MethodPost, "/api/v1/seats/none/ticket", nil).fails(http.StatusNotFound, "no_seat")
	var got ticket
	agent.do(http.MethodPost, "/api/v1/seats/window-1/ticket", nil).want(http.StatusOK).into(&got)
	if got.Seat.ID != "window-1" || !got.Expires.After(h.clock.Now()) {
		t.Errorf("ticket %+v", got)
	}
	with := h.with(got.Token)
	with.get("/api/v1/seats/window-1").want(http.StatusOK)
	with.do(http.MethodPut, "/api/v1/seats/window-1/agent", `{"id":"A1024"}`).want(http.StatusNoContent)
	var state earshot.LiveSeat
	with.get("/api/v1/seats/window-1/state").want(http.StatusOK).into(&state)
	if state.Agent == nil || state.Agent.ID != "A1024" {
		t.Errorf("state %+v", state)
	}
	with.do(http.MethodPut, "/api/v1/seats/window-1/agent", `{"id":""}`).want(http.StatusNoContent)
	with.do(http.MethodPost, "/whep/window-1", nil).want(http.StatusForbidden) // seats never listen
}

func TestUsers(t *testing.T) {
	h := open(t)
	admin := h.admin()
	admin.do(http.MethodPost, "/api/v1/users", newUser{"li", "李", earshot.RoleSupervisor, "long enough"}).want(http.StatusCreated)
	admin.do(http.MethodPost, "/api/v1/users", newUser{"li", "李", earshot.RoleSupervisor, "long enough"}).fails(http.StatusConflict, "exists")
	admin.do(http.MethodPost, "/api/v1/users", newUser{"wu", "吴", earshot.RoleSupervisor, "short"}).fails(http.StatusUnprocessableEntity, "bad_password")
	admin.do(http.MethodPost, "/api/v1/users", newUser{"wu", "吴", "boss", "long enough"}).fails(http.StatusUnprocessableEntity, "invalid")
	h.signIn("li", "long enough")
	if list := string(admin.get("/api/v1/users").want(http.StatusOK).body); strings.Contains(list, "argon2") {
		t.Error("the list shows hashes")
	}
	password := "another one"
	admin.do(http.MethodPatch, "/api/v1/users/li", userPatch{Password: &password}).want(http.StatusOK)
	h.signIn("li", password)
	role, yes := earshot.RoleInspector, true
	admin.do(http.MethodPatch, "/api/v1/users/admin", userPatch{Role: &role}).fails(http.StatusConflict, "last_admin")
	admin.do(http.MethodPatch, "/api/v1/users/admin", userPatch{Disabled: &yes}).fails(http.StatusConflict, "last_admin")
	admin.do(http.MethodDelete, "/api/v1/users/admin", nil).fails(http.StatusConflict, "last_admin")
	admin.do(http.MethodDelete, "/api/v1/users/li", nil).want(http.StatusNoContent)
	admin.get("/api/v1/users/li").fails(http.StatusNotFound, "no_user")
	for _, secret := range []string{password, "long enough", adminPassword} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log has a password: %s", secret)
		}
	}
}

func TestFirstAdministrator(t *testing.T) {
	ix, err := index.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	must(t, err)
	defer func() { must(t, ix.Close()) }()
	made, err := Bootstrap(t.Context(), ix, "")
	must(t, err)
	if len(made) < 16 {
		t.Errorf("made password %q", made)
	}
	h := open(t, func(o *Options) { o.Index, o.Sessions = ix, ix.Sessions(time.Now) })
	h.signIn(firstAdmin, made)
	page, err := ix.SearchAudit(t.Context(), index.AuditQuery{Target: "user:admin"})
	must(t, err)
	if len(page.Audit) != 1 || page.Audit[0].Who != "earshot" {
		t.Errorf("audit %+v", page.Audit)
	}
	if again, err := Bootstrap(t.Context(), ix, "x"); again != "" || err != nil {
		t.Errorf("again: %q, %v", again, err)
	}
}

// Changes reach everybody who follows the live state.
func TestChangesAreTold(t *testing.T) {
	h := open(t)
	admin := h.admin()
	snap, err := h.live.Snapshot(t.Context())
	must(t, err)
	admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "hall", Name: "厅"}).want(http.StatusCreated)
	err = h.live.Follow(t.Context(), snap.ID, func(e earshot.Event) error {
		if e.Kind == earshot.EventRoster {
			return errAway
		}
		return nil
	})
	if !errors.Is(err, errAway) {
		t.Fatal(err)
	}
}
