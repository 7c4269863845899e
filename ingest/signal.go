package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"earshot"
)

// What WHIP (RFC 9725) and WHEP (its mirror) have in common over HTTP: a POST
// of an offer makes a resource, which is patched and deleted.

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
	maxBody      = 64 << 10 // bytes
	retryAfter   = "2"      // seconds
)

// ending says why a resource ends.
type ending int

const (
	endDeleted ending = iota // the client said so
	endBroken                // the connection failed or was closed, or the server stops
	endKicked                // another took its place
)

// resource is what a POST has made.
type resource struct {
	id, seat string
	owner    string // who may patch and delete it
	peer     *peer
	base     string       // whipBase or whepBase
	finish   func(ending) // ends it all and waits; called once

	mu   sync.Mutex
	over bool
	done chan struct{} // closed when finish has returned
}

// resources are a wire's, by their random id.
type resources struct {
	mu   sync.Mutex
	byID map[string]*resource
}

func (rs *resources) all() []*resource {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	list := make([]*resource, 0, len(rs.byID))
	for _, r := range rs.byID {
		list = append(list, r)
	}
	return list
}

func (rs *resources) find(id string) *resource {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.byID[id]
}

var errFull = earshot.Fail(earshot.Unavailable, "overloaded", "the server takes no more connections now; try again")

// keep makes a resource known, unless it is over already or the wire closes.
func (w *Wire) keep(r *resource) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.resource.mu.Lock()
	defer w.resource.mu.Unlock()
	if r.over || w.closing.Load() {
		return errFull
	}
	w.resource.byID[r.id] = r
	return nil
}

// drop ends a resource, once, in a goroutine of the wire, so that callbacks of
// the connection and the floor's loop may call it.
func (w *Wire) drop(r *resource, how ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.over = true
	w.resource.mu.Lock()
	delete(w.resource.byID, r.id)
	w.resource.mu.Unlock()
	w.wg.Go(func() {
		defer close(r.done)
		r.finish(how)
	})
}

// full says whether another connection would be too many.
func (w *Wire) full() bool {
	w.resource.mu.Lock()
	defer w.resource.mu.Unlock()
	return w.closing.Load() || len(w.resource.byID) >= w.opts.MaxPeers
}

// protocol is what differs between WHIP and WHEP.
type protocol interface {
	// enter names who asks, or says why they may not.
	enter(r *http.Request, seat string) (owner string, err error)
	// owns says whether whoever asks is the resource's maker.
	owns(r *http.Request, res *resource) error
	// post makes a resource of an offer, and its answer.
	post(r *http.Request, seat, owner string, o *offer) (res *resource, answer string, err error)
}

// serve answers one request on base+seat, or on base+seat+"/"+id.
func (w *Wire) serve(rw http.ResponseWriter, r *http.Request, base string, p protocol) {
	path, ok := strings.CutPrefix(r.URL.Path, base)
	seat, id, under := strings.Cut(path, "/")
	h := rw.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate")
	h.Set("Cache-Control", "no-store")
	var err error
	switch {
	case !ok || seat == "" || under && (id == "" || strings.Contains(id, "/")):
		err = earshot.ErrNoSeat
	case under:
		err = w.serveResource(rw, r, base, p, seat, id)
	default:
		err = w.serveEndpoint(rw, r, base, p, seat)
	}
	if err != nil {
		w.refuse(rw, r, err)
	}
}

func (w *Wire) serveEndpoint(rw http.ResponseWriter, r *http.Request, base string, p protocol, seat string) error {
	rw.Header().Set("Accept-Post", typeSDP)
	switch r.Method {
	case http.MethodOptions:
		preflight(rw, "POST, GET, HEAD, OPTIONS")
		return nil
	case http.MethodGet, http.MethodHead:
		if _, err := p.enter(r, seat); err != nil {
			return err
		}
		rw.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPost:
		return w.servePost(rw, r, base, p, seat)
	}
	rw.Header().Set("Allow", "POST, GET, HEAD, OPTIONS")
	return errMethod
}

var (
	errMethod    = earshot.Fail(earshot.Invalid, "bad_method", "the method is not known here")
	errMediaSDP  = earshot.Fail(earshot.Unsupported, "bad_media_type", "the body must be application/sdp")
	errMediaFrag = earshot.Fail(earshot.Unsupported, "bad_media_type", "the body must be application/trickle-ice-sdpfrag")
	errLong      = earshot.Fail(earshot.TooLarge, "too_long", "the body is longer than 64 KiB")
	errNoBody    = earshot.Fail(earshot.Invalid, "bad_sdp", "the body is empty")
	errGone      = earshot.Fail(earshot.NotFound, "no_resource", "there is no such connection, or it has ended")
	errStaleTag  = earshot.Fail(earshot.Conflict, "stale_etag", "If-Match names an ICE session that was replaced")
)

func (w *Wire) servePost(rw http.ResponseWriter, r *http.Request, base string, p protocol, seat string) error {
	owner, err := p.enter(r, seat)
	if err != nil {
		return err
	}
	body, err := readBody(r, typeSDP, errMediaSDP)
	if err != nil {
		return err
	}
	o, err := readOffer(body)
	if err != nil {
		return err
	}
	if w.full() {
		return errFull
	}
	res, answer, err := p.post(r, seat, owner, o)
	if err != nil {
		return err
	}
	h := rw.Header()
	h.Set("Location", base+seat+"/"+res.id)
	h.Set("ETag", res.peer.tag())
	h.Set("Accept-Patch", typeFragment)
	h.Set("Content-Type", typeSDP)
	for _, link := range links(w.ICEServers()) {
		h.Add("Link", link)
	}
	rw.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(rw, answer) // a client that left finds its connection failing
	return nil
}

func (w *Wire) serveResource(rw http.ResponseWriter, r *http.Request, base string, p protocol, seat, id string) error {
	rw.Header().Set("Accept-Patch", typeFragment)
	if r.Method == http.MethodOptions {
		preflight(rw, "PATCH, DELETE, GET, HEAD, OPTIONS")
		return nil
	}
	res := w.resource.find(id)
	if res == nil || res.base != base || res.seat != seat {
		if _, err := p.enter(r, seat); err != nil {
			return err
		}
		return errGone
	}
	if err := p.owns(r, res); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		rw.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPatch:
		return servePatch(rw, r, res)
	case http.MethodDelete:
		w.drop(res, endDeleted)
		select {
		case <-res.done:
		case <-r.Context().Done():
		}
		rw.WriteHeader(http.StatusOK)
		return nil
	}
	rw.Header().Set("Allow", "PATCH, DELETE, GET, HEAD, OPTIONS")
	return errMethod
}

// servePatch takes candidates, or an ICE restart. RFC 9725 wants If-Match on
// both; real clients leave it out, and nothing is lost by taking them: the
// fragment's ufrag says which ICE session it is of.
func servePatch(rw http.ResponseWriter, r *http.Request, res *resource) error {
	body, err := readBody(r, typeFragment, errMediaFrag)
	if err != nil {
		return err
	}
	f, err := readFragment(body)
	if err != nil {
		return err
	}
	if !matches(r.Header.Values("If-Match"), res.peer.tag()) {
		return errStaleTag
	}
	reply, etag, err := res.peer.patch(r.Context(), f)
	if err != nil {
		return err
	}
	if reply == "" {
		rw.WriteHeader(http.StatusNoContent)
		return nil
	}
	rw.Header().Set("ETag", etag)
	rw.Header().Set("Content-Type", typeFragment)
	rw.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(rw, reply) // a client that left asks anew
	return nil
}

// matches says whether If-Match allows the present tag; without one it does.
func matches(values []string, tag string) bool {
	if len(values) == 0 {
		return true
	}
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part == "*" || part == tag {
				return true
			}
		}
	}
	return false
}

func readBody(r *http.Request, want string, wrong error) (string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != want {
		return "", wrong
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return "", earshot.Fail(earshot.Invalid, "bad_body", "the body could not be read").Because(err)
	case len(body) > maxBody:
		return "", errLong
	case len(body) == 0:
		return "", errNoBody
	}
	return string(body), nil
}

// preflight answers OPTIONS without asking for a token: a browser sends none.
func preflight(rw http.ResponseWriter, methods string) {
	h := rw.Header()
	h.Set("Allow", methods)
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, ETag")
	h.Set("Access-Control-Max-Age", "86400")
	rw.WriteHeader(http.StatusNoContent)
}

// links are Link headers of the servers (RFC 9725, section 4.6).
func links(servers []ICEServer) []string {
	var all []string
	for _, s := range servers {
		for _, url := range s.URLs {
			link := "<" + url + `>; rel="ice-server"`
			if s.Username != "" {
				link += "; username=" + quoted(s.Username) + "; credential=" + quoted(s.Credential) + `; credential-type="password"`
			}
			all = append(all, link)
		}
	}
	return all
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// bearer is the request's bearer token, "" if there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// statuses are what kinds of failure are over HTTP. An offer that cannot be
// served is 422, not 400: it was well understood.
var statuses = map[earshot.Kind]int{
	earshot.Internal: http.StatusInternalServerError, earshot.Invalid: http.StatusUnprocessableEntity,
	earshot.Unauthorized: http.StatusUnauthorized, earshot.Forbidden: http.StatusForbidden,
	earshot.NotFound: http.StatusNotFound, earshot.Conflict: http.StatusConflict,
	earshot.TooLarge: http.StatusRequestEntityTooLarge, earshot.Limited: http.StatusTooManyRequests,
	earshot.Unsupported: http.StatusUnsupportedMediaType, earshot.Unavailable: http.StatusServiceUnavailable,
}

// malformed are the failures that are 400, and those with a status of their own.
var malformed = map[string]int{
	"bad_sdp": http.StatusBadRequest, "bad_fragment": http.StatusBadRequest, "bad_body": http.StatusBadRequest,
	"bad_side": http.StatusBadRequest, "bad_method": http.StatusMethodNotAllowed,
	"stale_etag": http.StatusPreconditionFailed, "stale_ufrag": http.StatusPreconditionFailed,
}

// refuse answers with an RFC 9457 problem.
func (w *Wire) refuse(rw http.ResponseWriter, r *http.Request, err error) {
	e := earshot.AsError(err)
	status, own := malformed[e.Code]
	if !own {
		status = statuses[e.Kind]
	}
	if e.Kind == earshot.Internal && !errors.Is(err, context.Canceled) {
		w.opts.Log.Error("signalling failed", "method", r.Method, "path", r.URL.Path, "err", err)
	} else if e.Err != nil {
		w.opts.Log.Debug("signalling refused", "method", r.Method, "path", r.URL.Path, "code", e.Code, "err", e.Err)
	}
	h := rw.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="earshot", error="invalid_token"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", retryAfter)
	}
	h.Set("Content-Type", "application/problem+json")
	rw.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{ // a client that left reads nothing
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": e.Text, "code": e.Code,
	})
}

var sides = []string{"", string(earshot.SideAgent), string(earshot.SideCustomer)}

var errSide = earshot.Fail(earshot.Invalid, "bad_side", "side is agent or customer, and only for one m-line")

// sideAsked is the request's ?side=, "" if there is none.
func sideAsked(r *http.Request, o *offer) (earshot.Side, error) {
	side := r.URL.Query().Get("side")
	if !slices.Contains(sides, side) || side != "" && len(o.media) > 1 {
		return "", errSide
	}
	return earshot.Side(side), nil
}
