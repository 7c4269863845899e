package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"earshot"
)

// OpenAPI is the description of the API, indented JSON. It starts nothing.
func OpenAPI() ([]byte, error) {
	s := &Server{}
	return describe(s.api(http.NewServeMux()))
}

func describe(api huma.API) ([]byte, error) {
	raw, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// api registers all JSON operations with mux.
func (s *Server) api(mux humago.Mux) huma.API {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	aliasSchemas(registry)
	api := humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Earshot 声鉴", Version: "1",
				Description: "Records and indexes conversations at service counters and hotlines. Failures are RFC 9457 problems with a stable code."},
			Components: &huma.Components{Schemas: registry, SecuritySchemes: securitySchemes},
		},
		Formats:       legibleFormats(),
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{problems},
		// A filter by a misspelt name would find more than was asked for.
		RejectUnknownQueryParameters: true,
	})
	book := &book{api: api, routes: map[string]Route{}}
	for _, r := range Routes() {
		book.routes[r.ID] = r
	}
	s.signInOperations(book)
	s.branchOperations(book)
	s.seatOperations(book)
	s.userOperations(book)
	s.driveOperations(book)
	s.callOperations(book)
	s.markOperations(book)
	s.auditOperations(book)
	s.captureOperations(book)
	s.holdOperations(book)
	s.retentionOperations(book)
	s.ledgerOperations(book)
	s.integrityOperations(book)
	s.analysisOperations(book)
	s.packageOperations(book)
	s.alarmOperations(book)
	s.searchOperations(book)
	s.exportOperations(book)
	s.importOperations(book)
	describeFiles(api.OpenAPI(), book)
	tidySchemas(api.OpenAPI())
	return api
}

var securitySchemes = map[string]*huma.SecurityScheme{
	"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "what signing in sets"},
	"bearer":  {Type: "http", Scheme: "bearer", Description: "the token that signing in answers, or where a seat may, a seat's token or ticket"},
}

// problems turns what huma found wrong into a Problem.
func problems(_ huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		return invalidProblem(m), nil
	}
	return v, nil
}

// book is where operations are entered; each must be a row of Routes.
type book struct {
	api    huma.API
	routes map[string]Route
}

func (b *book) operation(id string) huma.Operation {
	r, ok := b.routes[id]
	if !ok {
		panic("no route is called " + id)
	}
	op := huma.Operation{
		OperationID: r.ID, Method: r.Method, Path: r.Path, Summary: r.Summary, Tags: []string{r.Tag},
		DefaultStatus: r.Status, MaxBodyBytes: bodyLimit, BodyReadTimeout: readWithin,
	}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	if !r.Need.Open {
		op.Security = []map[string][]string{{"session": {}}, {"bearer": {}}}
	}
	return op
}

// enter registers the operation id. Its failures leave as problems.
func enter[I, O any](s *Server, b *book, id string, handle func(context.Context, *I) (*O, error)) {
	huma.Register(b.api, b.operation(id), func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, handleWithin)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, problemOf(ctx, s.Log, err)
		}
		return out, nil
	})
}

// nothing is the input or the output of operations that have none.
type nothing struct{}

// body is an output that is a body alone.
type body[T any] struct{ Body T }

func answerWith[T any](v T) *body[T] { return &body[T]{v} }

// ByID is the input of operations on one thing.
type ByID struct {
	ID string `path:"id" maxLength:"64"`
}

// guardedMux registers nothing that is not a row of Routes, and puts the gate
// before all that is.
type guardedMux struct {
	*http.ServeMux
	s      *Server
	routes map[string]Route // by pattern
}

func (s *Server) newMux() *guardedMux {
	m := &guardedMux{ServeMux: http.NewServeMux(), s: s, routes: map[string]Route{}}
	for _, r := range Routes() {
		m.routes[r.Pattern()] = r
	}
	return m
}

// HandleFunc registers handler behind the gate.
func (m *guardedMux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	route, ok := m.routes[pattern]
	if !ok {
		panic("no route is " + pattern)
	}
	m.ServeMux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		r, err := m.s.enterGate(route, r)
		if err != nil {
			m.s.fail(w, r, err)
			return
		}
		if r.ContentLength != 0 {
			// A writer without deadlines, as in tests, does without.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin))
		}
		handler(w, r)
	})
}

type visitKey struct{}

// visit is what a handler may want to know of the request it serves.
type visit struct {
	who     Principal
	route   Route
	about   Subject
	request *http.Request
}

func visitOf(ctx context.Context) visit {
	v, _ := ctx.Value(visitKey{}).(visit)
	return v
}

// enterGate finds out who asks for route and whether they may; the request it
// answers carries the visit.
func (s *Server) enterGate(route Route, r *http.Request) (*http.Request, error) {
	v := visit{route: route, about: s.subjectOf(route, r)}
	var err error
	if route.Need.Open {
		v.who = Principal{From: addressOf(r)}
	} else if v.who, err = s.door.principal(r); err != nil {
		return r, err
	}
	if v.who.IsSeat() && route.Need.OwnSeat && v.about.Call != "" && v.about.Seat == "" {
		if v.about.Seat, err = s.seatOfEnded(r.Context(), v.about.Call); err != nil {
			return r, err
		}
	}
	if err := s.gate.Allow(v.who, route.ID, route.Need, v.about); err != nil {
		return r, err
	}
	v.request = r
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v)), nil
}

// also asks the gate for a part of the visit's operation that needs more.
func (s *Server) also(v visit, part string) error {
	need, ok := v.route.More[part]
	if !ok {
		panic(v.route.ID + " has no part " + part)
	}
	return s.gate.Allow(v.who, v.route.ID+"/"+part, need, v.about)
}

// subjectOf is what r is about: a seat by its path, a call by its path with, if
// it is live, its seat.
func (s *Server) subjectOf(route Route, r *http.Request) Subject {
	id := r.PathValue("id")
	switch route.About {
	case aboutSeat:
		return Subject{Seat: id}
	case aboutCall:
		about := Subject{Call: id}
		if call, ok := s.Floor.LiveCall(id); ok {
			about.Seat = call.Seat
		}
		return about
	}
	return Subject{}
}

// seatOfEnded is the seat of a call that has just ended, while that may still
// say something about it; "" of any other.
func (s *Server) seatOfEnded(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, handleWithin)
	defer cancel()
	call, err := s.Archive.Call(ctx, id)
	switch {
	case errors.Is(err, earshot.ErrNoCall), errors.Is(err, earshot.ErrDeleted):
		return "", nil
	case err != nil:
		return "", err
	case call.SeatMaySay(s.Now()):
		return call.Seat, nil
	}
	return "", nil
}

// auditDenied writes a refusal down, one a minute for the same thing.
func (s *Server) auditDenied(p Principal, op string, about Subject) {
	row := s.row(p, earshot.AuditDenied, about)
	row.Reason = op
	s.audit.AddOnce("denied|"+p.Who()+"|"+op+"|"+about.Seat+"|"+about.Call, row)
}
