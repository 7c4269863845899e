package monitor

import (
	"net/http"
	"strings"
	"testing"

	"earshot"
)

// everybody who can come: nobody, each role, the seat that it is about, another.
var everybody = []string{"nobody", "admin", "supervisor", "inspector", "evidence", "agent", "seat", "other"}

// allowedTo says of every operation, and of every part of one that needs more,
// who is let through. A route without a row fails.
var allowedTo = map[string]string{
	"login":           "nobody admin supervisor inspector evidence agent seat other",
	"logout":          "admin supervisor inspector evidence agent",
	"get-me":          "admin supervisor inspector evidence agent",
	"change-password": "admin supervisor inspector evidence agent",
	"get-site":        "nobody admin supervisor inspector evidence agent seat other",

	"list-branches": "admin supervisor inspector evidence agent",
	"create-branch": "admin",
	"get-branch":    "admin supervisor inspector evidence agent",
	"update-branch": "admin",
	"delete-branch": "admin",
	"list-users":    "admin",
	"create-user":   "admin",
	"get-user":      "admin",
	"update-user":   "admin",
	"delete-user":   "admin",
	"search-audit":  "admin evidence",

	"list-seats":       "admin supervisor inspector evidence agent",
	"create-seat":      "admin",
	"get-seat":         "admin supervisor inspector evidence agent seat",
	"update-seat":      "admin",
	"delete-seat":      "admin",
	"renew-seat-token": "admin",
	"set-seat-agent":   "admin supervisor agent seat",
	"make-seat-ticket": "admin supervisor agent",
	"get-seat-state":   "admin supervisor inspector seat",
	"start-call":       "admin supervisor agent seat",

	"search-calls":            "admin supervisor inspector evidence",
	"get-call":                "admin supervisor inspector evidence",
	"update-call":             "admin supervisor inspector evidence agent seat",
	"update-call/stored":      "admin supervisor inspector evidence seat",
	"end-call":                "admin supervisor agent seat",
	"pause-call":              "admin supervisor agent seat",
	"resume-call":             "admin supervisor agent seat",
	"get-part-audio":          "admin supervisor inspector evidence",
	"get-part-audio/download": "admin evidence",
	"get-part-playable":       "admin supervisor inspector evidence",
	"get-call-audio":          "admin supervisor inspector evidence",
	"get-call-audio/download": "admin evidence",
	"get-call-levels":         "admin supervisor inspector evidence",
	"list-marks":              "admin supervisor inspector evidence",
	"add-mark":                "admin supervisor inspector evidence",
	"update-mark":             "admin supervisor inspector evidence",
	"update-mark/others":      "admin",
	"delete-mark":             "admin supervisor inspector evidence",
	"delete-mark/others":      "admin",
	"get-call-audit":          "admin supervisor inspector evidence",

	"live":         "admin supervisor inspector",
	"live/message": "admin supervisor inspector",
	"seat-live":    "seat",
	"listen":       "admin supervisor",
	"listening":    "admin supervisor",

	"listen-options":    "nobody admin supervisor inspector evidence agent seat other",
	"listening-options": "nobody admin supervisor inspector evidence agent seat other",

	"list-holds":           "admin supervisor inspector evidence",
	"list-holds/all":       "admin evidence",
	"create-hold":          "admin evidence",
	"release-hold":         "admin evidence",
	"list-policies":        "admin evidence",
	"create-policy":        "admin",
	"update-policy":        "admin",
	"delete-policy":        "admin",
	"preview-retention":    "admin evidence",
	"preview-policies":     "admin",
	"list-retention-runs":  "admin evidence",
	"get-ledger":           "admin evidence",
	"get-ledger-head":      "admin evidence",
	"get-ledger-key":       "admin evidence",
	"get-call-proofs":      "admin evidence",
	"search-calls/deleted": "admin evidence",

	"get-integrity":   "admin evidence",
	"start-scrub":     "admin evidence",
	"resolve-problem": "admin evidence",
	"get-analysis":    "admin",
	"set-thresholds":  "admin",
	"start-analysis":  "admin",
	"stop-analysis":   "admin",

	"list-packages":     "admin evidence",
	"create-package":    "admin evidence",
	"get-package":       "admin evidence",
	"discard-package":   "admin evidence",
	"get-package-cover": "admin evidence",
	"get-package-file":  "admin evidence",

	"export-calls":         "admin inspector evidence",
	"export-calls/deleted": "admin evidence",
	"list-searches":        "admin supervisor inspector evidence",
	"create-search":        "admin supervisor inspector evidence",
	"update-search":        "admin supervisor inspector evidence",
	"update-search/others": "admin",
	"delete-search":        "admin supervisor inspector evidence",
	"delete-search/others": "admin",

	"list-imports":         "admin evidence",
	"create-import":        "admin evidence",
	"get-import":           "admin evidence",
	"update-import":        "admin evidence",
	"delete-import":        "admin evidence",
	"preview-import":       "admin evidence",
	"suggest-patterns":     "admin evidence",
	"start-import":         "admin evidence",
	"stop-import":          "admin evidence",
	"list-import-files":    "admin evidence",
	"count-import-reasons": "admin evidence",
	"get-import-report":    "admin evidence",
	"list-uploads":         "admin evidence",
	"upload-options":       "admin evidence",
	"begin-upload":         "admin evidence",
	"get-upload":           "admin evidence",
	"append-upload":        "admin evidence",
	"discard-upload":       "admin evidence",

	"verify-capture":  "admin supervisor inspector evidence",
	"export-capture":  "admin supervisor inspector evidence",
	"announce":        "admin supervisor agent seat other",
	"announce/seat":   "admin supervisor agent seat",
	"add-sound-check": "admin supervisor agent seat",

	"list-alarms": "admin supervisor inspector evidence",
	"get-openapi": "nobody admin supervisor inspector evidence agent seat other",
	"authority":   "nobody admin supervisor inspector evidence agent seat other",
	"healthz":     "nobody admin supervisor inspector evidence agent seat other",
	"readyz":      "nobody admin supervisor inspector evidence agent seat other",
	"metrics":     "nobody admin supervisor inspector evidence agent seat other",
	"no-api":      "nobody admin supervisor inspector evidence agent seat other",
	"pages":       "nobody admin supervisor inspector evidence agent seat other",
}

func mayPass(op, who string) bool {
	for _, one := range strings.Fields(allowedTo[op]) {
		if one == who {
			return true
		}
	}
	return false
}

// needs are all operations and parts of operations there are.
func needs() map[string]Need {
	all := map[string]Need{}
	for _, r := range Routes() {
		all[r.ID] = r.Need
		for part, need := range r.More {
			all[r.ID+"/"+part] = need
		}
	}
	return all
}

func TestEveryOperationHasARow(t *testing.T) {
	all := needs()
	for op := range all {
		if _, ok := allowedTo[op]; !ok {
			t.Errorf("%s has no row: who may do it?", op)
		}
	}
	for op := range allowedTo {
		if _, ok := all[op]; !ok {
			t.Errorf("%s has a row and no route", op)
		}
	}
}

func TestGate(t *testing.T) {
	for op, need := range needs() {
		for _, who := range everybody {
			refusals := 0
			gate := NewGate(func(Principal, string, Subject) { refusals++ })
			p := Principal{}
			switch who {
			case "nobody":
			case "seat":
				p.Seat = "s1"
			case "other":
				p.Seat = "s2"
			default:
				p.User = earshot.User{ID: "u", Role: earshot.Role(who)}
			}
			err := gate.Allow(p, op, need, Subject{Seat: "s1", Call: "c"})
			if want := mayPass(op, who); (err == nil) != want {
				t.Errorf("%s by %s: %v, want allowed %v", op, who, err, want)
			}
			if told := err != nil && who != "nobody"; (refusals == 1) != told {
				t.Errorf("%s by %s: %d refusals told", op, who, refusals)
			}
		}
	}
}

// The zero Need lets nobody through: a route that forgot its own is closed.
func TestNeedOfNothingIsClosed(t *testing.T) {
	for _, p := range []Principal{{}, {Seat: "s1"}, {User: earshot.User{ID: "a", Role: earshot.RoleAdmin}}} {
		if decide(p, Need{}, Subject{Seat: "s1"}) == nil {
			t.Errorf("%+v passes", p)
		}
	}
}

// What TestGate says of the gate holds for what is served: every route is asked
// by everybody.
func TestGateStandsBeforeEveryRoute(t *testing.T) {
	h := newGateHouse(t)
	for _, route := range Routes() {
		for _, who := range everybody {
			method := route.Method
			if method == "" {
				method = http.MethodPost
			}
			a := h.visitors[who].do(method, h.path(route), nil)
			refused := a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
			switch want := mayPass(route.ID, who); {
			case route.ID == "login":
			case want && refused:
				t.Errorf("%s by %s: refused with %d %s", route.ID, who, a.status, a.body)
			case !want && who == "other" && route.About == aboutCall && route.Need.OwnSeat:
				a.fails(http.StatusNotFound, "no_call")
			case !want && !refused:
				t.Errorf("%s by %s: let through with %d %s", route.ID, who, a.status, a.body)
			}
			if who != "nobody" && who != "seat" && who != "other" && route.ID == "logout" {
				h.visitors[who] = h.signIn(h.names[who], h.passwords[who])
			}
		}
	}
}

type gateHouse struct {
	*house
	visitors         map[string]visitor
	names, passwords map[string]string
	call             string
}

func newGateHouse(t *testing.T) *gateHouse {
	h := &gateHouse{house: open(t), visitors: map[string]visitor{}, names: map[string]string{}, passwords: map[string]string{}}
	admin := h.admin()
	h.visitors["nobody"], h.visitors["admin"] = h.nobody(), admin
	h.names["admin"], h.passwords["admin"] = firstAdmin, adminPassword
	for _, role := range earshot.Roles[1:] {
		h.visitors[string(role)] = h.user(role)
		h.names[string(role)], h.passwords[string(role)] = string(role)+"-1", "password of "+string(role)
	}
	h.visitors["seat"], h.visitors["other"] = h.seat(admin, "s1"), h.seat(admin, "s2")
	return h
}

// path is the route's path, of seat s1 or of a call that is open there.
func (h *gateHouse) path(route Route) string {
	id := "s1"
	if route.About == aboutCall {
		if _, live := h.floor.LiveCall(h.call); !live {
			call, err := h.floor.StartCall(h.t.Context(), "s1", earshot.CallPatch{}, "test")
			must(h.t, err)
			h.call = call.ID
		}
		id = h.call
	}
	if route.ID == "list-holds" {
		return route.Path + "?call=" + earshot.NewID(h.clock.Now())
	}
	return strings.NewReplacer("{id}", id, "{n}", "1", "{mark}", "m", "{rest...}", "1").Replace(route.Path)
}
