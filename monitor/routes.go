package monitor

import (
	"net/http"

	"earshot"
)

// Route is one row of all that can be asked for: nothing is served under a
// pattern that has no row.
type Route struct {
	ID      string // the operation id; stable
	Method  string // empty: any
	Path    string
	Need    Need
	About   about           // what the path's id names
	More    map[string]Need // what parts of the operation need beyond Need, by name
	Summary string
	Tag     string
	Status  int // of success, where it is not 200
}

// about says what a path's {id} names.
type about int

const (
	aboutNothing about = iota
	aboutSeat
	aboutCall
)

// Pattern is the route's pattern for http.ServeMux.
func (r Route) Pattern() string {
	if r.Method == "" {
		return r.Path
	}
	return r.Method + " " + r.Path
}

func may(actions ...earshot.Action) Need { return Need{May: actions} }

func (n Need) orOwnSeat() Need { n.OwnSeat = true; return n }

var (
	anybody     = Need{Open: true}
	signedIn    = Need{SignedIn: true}
	administer  = may(earshot.Administer)
	driveOrSeat = may(earshot.DriveCalls).orOwnSeat()
	readAudit   = Need{May: []earshot.Action{earshot.Administer}, Roles: []earshot.Role{earshot.RoleEvidence}}
)

const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// Routes are all routes there are.
func Routes() []Route {
	var all []Route
	for _, some := range [][]Route{signInRoutes, peopleRoutes, seatRoutes, callRoutes, liveRoutes, alarmRoutes, captureRoutes,
		holdRoutes, retentionRoutes, ledgerRoutes, integrityRoutes, analysisRoutes, operationRoutes, packageRoutes, searchRoutes, exportRoutes, importRoutes, uploadRoutes} {
		all = append(all, some...)
	}
	return all
}

var signInRoutes = []Route{
	{ID: "login", Method: post, Path: "/api/v1/login", Need: anybody, Tag: "sign-in", Summary: "Sign in"},
	{ID: "logout", Method: post, Path: "/api/v1/logout", Need: signedIn, Tag: "sign-in", Status: 204, Summary: "Sign out"},
	{ID: "get-me", Method: get, Path: "/api/v1/me", Need: signedIn, Tag: "sign-in", Summary: "Who is signed in, and what they may do"},
	{ID: "change-password", Method: post, Path: "/api/v1/me/password", Need: signedIn, Tag: "sign-in", Status: 204, Summary: "Change one's own password"},
	{ID: "get-site", Method: get, Path: "/api/v1/site", Need: anybody, Tag: "sign-in", Summary: "What this installation is"},
}

var peopleRoutes = []Route{
	{ID: "list-branches", Method: get, Path: "/api/v1/branches", Need: signedIn, Tag: "branches", Summary: "All branches"},
	{ID: "create-branch", Method: post, Path: "/api/v1/branches", Need: administer, Tag: "branches", Status: 201, Summary: "Make a branch"},
	{ID: "get-branch", Method: get, Path: "/api/v1/branches/{id}", Need: signedIn, Tag: "branches", Summary: "One branch"},
	{ID: "update-branch", Method: patch, Path: "/api/v1/branches/{id}", Need: administer, Tag: "branches", Summary: "Change a branch"},
	{ID: "delete-branch", Method: del, Path: "/api/v1/branches/{id}", Need: administer, Tag: "branches", Status: 204, Summary: "Delete an empty branch"},
	{ID: "list-users", Method: get, Path: "/api/v1/users", Need: administer, Tag: "users", Summary: "All users"},
	{ID: "create-user", Method: post, Path: "/api/v1/users", Need: administer, Tag: "users", Status: 201, Summary: "Make a user"},
	{ID: "get-user", Method: get, Path: "/api/v1/users/{id}", Need: administer, Tag: "users", Summary: "One user"},
	{ID: "update-user", Method: patch, Path: "/api/v1/users/{id}", Need: administer, Tag: "users", Summary: "Change a user: name, role, disabled, password"},
	{ID: "delete-user", Method: del, Path: "/api/v1/users/{id}", Need: administer, Tag: "users", Status: 204, Summary: "Delete a user"},
	{ID: "search-audit", Method: get, Path: "/api/v1/audit", Need: readAudit, Tag: "audit", Summary: "Who did what, newest first"},
}

var seatRoutes = []Route{
	{ID: "list-seats", Method: get, Path: "/api/v1/seats", Need: signedIn, Tag: "seats", Summary: "All seats"},
	{ID: "create-seat", Method: post, Path: "/api/v1/seats", Need: administer, Tag: "seats", Status: 201, Summary: "Make a seat; its token is shown this once"},
	{ID: "get-seat", Method: get, Path: "/api/v1/seats/{id}", Need: signedIn.orOwnSeat(), About: aboutSeat, Tag: "seats", Summary: "One seat"},
	{ID: "update-seat", Method: patch, Path: "/api/v1/seats/{id}", Need: administer, About: aboutSeat, Tag: "seats", Summary: "Change a seat"},
	{ID: "delete-seat", Method: del, Path: "/api/v1/seats/{id}", Need: administer, About: aboutSeat, Tag: "seats", Status: 204, Summary: "Delete a seat; its calls stay"},
	{ID: "renew-seat-token", Method: post, Path: "/api/v1/seats/{id}/token", Need: administer, About: aboutSeat, Tag: "seats", Summary: "A new token; the old one works until the new one is used, at most 24 h"},
	{ID: "set-seat-agent", Method: put, Path: "/api/v1/seats/{id}/agent", Need: driveOrSeat, About: aboutSeat, Tag: "seats", Status: 204, Summary: "Say who sits there; an empty id is nobody"},
	{ID: "make-seat-ticket", Method: post, Path: "/api/v1/seats/{id}/ticket", Need: may(earshot.UseSeat), About: aboutSeat, Tag: "seats", Summary: "A short-lived token with which a signed-in agent uses the seat page"},
	{ID: "get-seat-state", Method: get, Path: "/api/v1/seats/{id}/state", Need: may(earshot.SeeWall).orOwnSeat(), About: aboutSeat, Tag: "seats", Summary: "A seat's live state"},
	{ID: "start-call", Method: post, Path: "/api/v1/seats/{id}/calls", Need: driveOrSeat, About: aboutSeat, Tag: "calls", Status: 201, Summary: "Start a call; an open one ends first"},
}

// Facts of a live call may be given by those who drive it; of a stored call
// only by those who may edit calls, and for a while by its own seat.
var callRoutes = []Route{
	{ID: "search-calls", Method: get, Path: "/api/v1/calls", Need: may(earshot.SeeCalls), Tag: "calls",
		More: map[string]Need{"deleted": may(earshot.Inspect)}, Summary: "Search calls, newest first"},
	{ID: "get-call", Method: get, Path: "/api/v1/calls/{id}", Need: may(earshot.SeeCalls), About: aboutCall, Tag: "calls", Summary: "One call; of a deleted one 410 and its tombstone"},
	{ID: "update-call", Method: patch, Path: "/api/v1/calls/{id}", Need: may(earshot.EditCall, earshot.DriveCalls).orOwnSeat(), About: aboutCall,
		More: map[string]Need{"stored": may(earshot.EditCall).orOwnSeat()}, Tag: "calls", Summary: "Say something about a call"},
	{ID: "end-call", Method: post, Path: "/api/v1/calls/{id}/end", Need: driveOrSeat, About: aboutCall, Tag: "calls", Summary: "End a live call"},
	{ID: "pause-call", Method: post, Path: "/api/v1/calls/{id}/pause", Need: driveOrSeat, About: aboutCall, Tag: "calls", Summary: "Pause recording, with a reason"},
	{ID: "resume-call", Method: post, Path: "/api/v1/calls/{id}/resume", Need: driveOrSeat, About: aboutCall, Tag: "calls", Summary: "Go on recording"},
	{ID: "get-part-audio", Method: get, Path: "/api/v1/calls/{id}/parts/{n}/audio", Need: may(earshot.Play), About: aboutCall,
		More: map[string]Need{"download": may(earshot.Download)}, Tag: "audio", Summary: "A part's stored bytes; Range, ETag is the SHA-256. With fromMs and toMs on the call's timeline a clip of it"},
	{ID: "get-part-playable", Method: get, Path: "/api/v1/calls/{id}/parts/{n}/playable", Need: may(earshot.Play), About: aboutCall,
		Tag: "audio", Summary: "A part that browsers do not play, as a WAVE file of samples; one that they play is redirected to. 409 no_converter without ffmpeg"},
	{ID: "get-call-audio", Method: get, Path: "/api/v1/calls/{id}/audio", Need: may(earshot.Play), About: aboutCall,
		More: map[string]Need{"download": may(earshot.Download)}, Tag: "audio", Summary: "A call's only part, or with fromMs and toMs a self-contained excerpt"},
	{ID: "get-call-levels", Method: get, Path: "/api/v1/calls/{id}/levels", Need: may(earshot.SeeCalls), About: aboutCall, Tag: "audio", Summary: "A call's levels, a byte a side each 100 ms"},
	{ID: "list-marks", Method: get, Path: "/api/v1/calls/{id}/marks", Need: may(earshot.SeeCalls), About: aboutCall, Tag: "marks", Summary: "A call's marks"},
	{ID: "add-mark", Method: post, Path: "/api/v1/calls/{id}/marks", Need: may(earshot.MarkCall), About: aboutCall, Tag: "marks", Status: 201, Summary: "Set a bookmark or a note"},
	{ID: "update-mark", Method: patch, Path: "/api/v1/calls/{id}/marks/{mark}", Need: may(earshot.MarkCall), About: aboutCall,
		More: map[string]Need{"others": administer}, Tag: "marks", Summary: "Change one's own bookmark or note"},
	{ID: "delete-mark", Method: del, Path: "/api/v1/calls/{id}/marks/{mark}", Need: may(earshot.MarkCall), About: aboutCall,
		More: map[string]Need{"others": administer}, Tag: "marks", Status: 204, Summary: "Take one's own bookmark or note away"},
	{ID: "get-call-audit", Method: get, Path: "/api/v1/calls/{id}/audit", Need: may(earshot.SeeCalls), About: aboutCall, Tag: "audit", Summary: "Who listened to, played and changed a call"},
}

var liveRoutes = []Route{
	{ID: "live", Method: get, Path: "/api/v1/live", Need: may(earshot.SeeWall), Tag: "live",
		More: map[string]Need{"message": may(earshot.SeeWall)}, Summary: "The wall's WebSocket"},
	{ID: "seat-live", Method: get, Path: "/api/v1/seats/{id}/live", Need: Need{OwnSeat: true}, About: aboutSeat, Tag: "live", Summary: "The seat page's WebSocket"},
	{ID: "listen", Path: "/whep/{id}", Need: may(earshot.Listen), About: aboutSeat, Tag: "live", Summary: "Listen to a seat now (WHEP)"},
	{ID: "listen-options", Method: "OPTIONS", Path: "/whep/{id}", Need: anybody, About: aboutSeat, Tag: "live", Summary: "What WHEP takes; a browser asks it without credentials before it asks for a page of another origin"},
	{ID: "listening-options", Method: "OPTIONS", Path: "/whep/{id}/{rest...}", Need: anybody, About: aboutSeat, Tag: "live", Summary: "What a listening takes"},
	{ID: "listening", Path: "/whep/{id}/{rest...}", Need: may(earshot.Listen), About: aboutSeat, Tag: "live", Summary: "A listening under way (WHEP)"},
}

var operationRoutes = []Route{
	{ID: "get-openapi", Method: get, Path: "/api/v1/openapi.json", Need: anybody, Tag: "operations", Summary: "This description"},
	{ID: "authority", Method: get, Path: "/ca.crt", Need: anybody, Tag: "operations", Summary: "The certificate authority that seats' machines must trust"},
	{ID: "healthz", Method: get, Path: "/healthz", Need: anybody, Tag: "operations", Summary: "The process runs"},
	{ID: "readyz", Method: get, Path: "/readyz", Need: anybody, Tag: "operations", Summary: "Index, live state and disk can be used"},
	{ID: "metrics", Method: get, Path: "/metrics", Need: anybody, Tag: "operations", Summary: "Figures for Prometheus"},
	{ID: "no-api", Path: "/api/", Need: anybody, Tag: "operations", Summary: "Whatever else is asked of the API: 404"},
	{ID: "pages", Path: "/", Need: anybody, Tag: "operations", Summary: "The dashboard and the seat page"},
}
