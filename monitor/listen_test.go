package monitor

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"earshot"
)

// dial opens a WebSocket; token goes into the subprotocol, as a browser has it.
func (h *house) dial(path, token string, header http.Header) (*websocket.Conn, answered) {
	h.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{liveProtocol}}
	if token != "" {
		dialer.Subprotocols = append(dialer.Subprotocols, bearerProtocol+token)
	}
	conn, resp, err := dialer.DialContext(h.t.Context(), "ws"+strings.TrimPrefix(h.http.URL, "http")+path, header)
	if resp == nil {
		h.t.Fatal(err)
	}
	defer closeRead(resp.Body)
	if err == nil {
		h.t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, answered{t: h.t, what: path, status: resp.StatusCode, header: resp.Header}
}

// heard is the next text message of a type.
func (h *house) heard(conn *websocket.Conn, kind string) map[string]any {
	h.t.Helper()
	for {
		must(h.t, conn.SetReadDeadline(time.Now().Add(patience)))
		type_, data, err := conn.ReadMessage()
		must(h.t, err)
		if type_ != websocket.TextMessage {
			continue
		}
		var m map[string]any
		answered{t: h.t, what: "message", body: data}.into(&m)
		if m["type"] == kind {
			return m
		}
	}
}

func TestWallIsBehindTheGate(t *testing.T) {
	h := open(t)
	h.eventually("the hub runs", func() bool { return h.nobody().get("/readyz").status == http.StatusOK })
	admin, agent := h.admin(), h.user(earshot.RoleAgent)
	cookie := http.Header{"Cookie": {cookieName + "=" + admin.token}}
	with := func(header http.Header, name, value string) http.Header {
		header = header.Clone()
		header.Set(name, value)
		return header
	}
	for name, c := range map[string]struct {
		token  string
		header http.Header
		status int
	}{
		"nobody":                        {"", nil, http.StatusUnauthorized},
		"an agent":                      {agent.token, nil, http.StatusForbidden},
		"a token":                       {admin.token, nil, http.StatusSwitchingProtocols},
		"a cookie":                      {"", cookie, http.StatusSwitchingProtocols},
		"a cookie, from this site":      {"", with(cookie, "Origin", h.http.URL), http.StatusSwitchingProtocols},
		"a cookie, from another":        {"", with(cookie, "Origin", "https://evil.example"), http.StatusForbidden},
		"a cookie, from a hidden place": {"", with(cookie, "Origin", "null"), http.StatusForbidden},
	} {
		_, resp := h.dial("/api/v1/live", c.token, c.header)
		if resp.status != c.status {
			t.Errorf("%s: %d, want %d", name, resp.status, c.status)
		}
		if c.status == http.StatusSwitchingProtocols && resp.header.Get("Sec-Websocket-Protocol") != liveProtocol {
			t.Errorf("%s: protocol %q", name, resp.header.Get("Sec-Websocket-Protocol"))
		}
	}
}

// Making a seat shows on the wall; signing out closes it.
func TestWallThroughTheServer(t *testing.T) {
	h := open(t)
	admin := h.admin()
	supervisor := h.user(earshot.RoleSupervisor)
	conn, _ := h.dial("/api/v1/live", supervisor.token, nil)
	h.heard(conn, "snapshot")
	h.heard(conn, "roster")
	h.seat(admin, "s1")
	if roster := h.heard(conn, "roster"); len(roster["seats"].([]any)) != 1 {
		t.Errorf("roster %v", roster)
	}
	supervisor.do(http.MethodPost, "/api/v1/logout", nil).want(http.StatusNoContent)
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
				t.Errorf("closed by %v", err)
			}
			return
		}
	}
}

func TestSeatPageLine(t *testing.T) {
	h := open(t)
	admin := h.admin()
	seat, other := h.seat(admin, "s1"), h.seat(admin, "s2")
	for token, status := range map[string]int{
		"": http.StatusUnauthorized, admin.token: http.StatusForbidden, other.token: http.StatusForbidden, "est_wrong": http.StatusUnauthorized,
	} {
		if _, resp := h.dial("/api/v1/seats/s1/live", token, nil); resp.status != status {
			t.Errorf("token %q: %d, want %d", token, resp.status, status)
		}
	}
	conn, _ := h.dial("/api/v1/seats/s1/live", seat.token, nil)
	state := h.heard(conn, "state")
	if info := state["seatInfo"].(map[string]any); info["name"] != "一号窗口" || info["cut"] != "event" {
		t.Errorf("state %v", state)
	}
	seat.do(http.MethodPut, "/api/v1/seats/s1/agent", `{"id":"A1","name":"王"}`).want(http.StatusNoContent)
	state = h.heard(conn, "state")
	if agent := state["seat"].(map[string]any)["agent"].(map[string]any); agent["id"] != "A1" {
		t.Errorf("state %v", state)
	}
	h.floor.revoke(seat.token)
	h.server.hub.Changed()
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
				t.Errorf("closed by %v", err)
			}
			return
		}
	}
}
