package monitor

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"earshot"
	"earshot/storage/index"
)

// awayIndex is an index that can be away.
type awayIndex struct {
	*index.Index
	away atomic.Bool
}

func (a *awayIndex) gone() error {
	if a.away.Load() {
		return index.ErrAway
	}
	return nil
}

func (a *awayIndex) AddAudit(ctx context.Context, row earshot.Audit) error {
	if err := a.gone(); err != nil {
		return err
	}
	return a.Index.AddAudit(ctx, row)
}

func (a *awayIndex) Seat(ctx context.Context, id string) (earshot.Seat, error) {
	if err := a.gone(); err != nil {
		return earshot.Seat{}, err
	}
	return a.Index.Seat(ctx, id)
}

func (a *awayIndex) Seats(ctx context.Context) ([]earshot.Seat, error) {
	if err := a.gone(); err != nil {
		return nil, err
	}
	return a.Index.Seats(ctx)
}

func (a *awayIndex) User(ctx context.Context, id string) (earshot.User, error) {
	if err := a.gone(); err != nil {
		return earshot.User{}, err
	}
	return a.Index.User(ctx, id)
}

func (a *awayIndex) Healthy(context.Context) error { return a.gone() }

// While index and Redis are away seats go on; people are told so; what was done
// is in the audit afterwards, in order.
func TestSeatsGoOnWhileIndexAndRedisAreAway(t *testing.T) {
	var away *awayIndex
	h := open(t, func(o *Options) {
		away = &awayIndex{Index: o.Index.(*index.Index)}
		o.Index = away
	})
	admin := h.admin()
	seat := h.seat(admin, "s1")
	h.eventually("the seat is in the directory", func() bool { _, ok := h.server.seats.known("s1"); return ok })
	h.audited(earshot.AuditCreate, 2)

	away.away.Store(true)
	must(t, h.live.Close())
	var call earshot.Call
	seat.do(http.MethodPost, "/api/v1/seats/s1/calls", `{"ticket":"T1"}`).want(http.StatusCreated).into(&call)
	seat.do(http.MethodPatch, "/api/v1/calls/"+call.ID, `{"account":"8812"}`).want(http.StatusOK)
	seat.do(http.MethodPost, "/api/v1/calls/"+call.ID+"/pause", pauseReason{"card number"}).want(http.StatusOK)
	seat.do(http.MethodPost, "/api/v1/calls/"+call.ID+"/resume", nil).want(http.StatusOK)
	seat.get("/api/v1/seats/s1").want(http.StatusOK)
	seat.do(http.MethodPost, "/api/v1/calls/"+call.ID+"/end", nil).want(http.StatusOK)
	a := admin.get("/api/v1/me").fails(http.StatusServiceUnavailable, "index_away")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	ready := h.nobody().get("/readyz").want(http.StatusServiceUnavailable)
	for _, reason := range []string{`"index":"index_away"`, `"redis":`} {
		if !strings.Contains(string(ready.body), reason) {
			t.Errorf("not ready: %s lacks %s", ready.body, reason)
		}
	}
	h.nobody().get("/healthz").want(http.StatusOK)

	away.away.Store(false)
	for _, action := range []string{earshot.AuditCallStart, earshot.AuditPause, earshot.AuditResume, earshot.AuditCallEnd} {
		if row := h.audited(action, 1)[0]; row.Call != call.ID || row.Who != "seat:s1" || row.Target != "s1" {
			t.Errorf("audit row %+v", row)
		}
	}
	page, err := h.index.SearchAudit(t.Context(), index.AuditQuery{Call: call.ID})
	must(t, err)
	for i, want := range []string{"call_end", "resume", "pause", "update", "call_start"} {
		if page.Audit[i].Action != want {
			t.Errorf("row %d is %s, want %s", i, page.Audit[i].Action, want)
		}
	}
}

// A row that finds no room, or that the index will never take, is in the log.
func TestAuditRowsAreNeverLostSilently(t *testing.T) {
	var away *awayIndex
	h := open(t, func(o *Options) {
		away = &awayIndex{Index: o.Index.(*index.Index)}
		o.Index = away
	})
	h.admin()
	h.audited(earshot.AuditSignIn, 1)
	away.away.Store(true)
	h.server.audit.most = 3
	for _, who := range []string{"one", "two", "three", "four"} {
		h.server.audit.Add(earshot.Audit{Who: who, Action: "test"})
	}
	if !strings.Contains(h.log.String(), "four") {
		t.Error("the row that found no room is not in the log")
	}
	h.server.Close()
	for _, who := range []string{"one", "two", "three"} {
		if !strings.Contains(h.log.String(), who) {
			t.Errorf("the row of %s was left behind and is not in the log", who)
		}
	}
}

// A listening that ends after the server is written down all the same.
func TestAuditAfterTheEnd(t *testing.T) {
	h := open(t)
	h.server.Close()
	h.server.audit.Add(earshot.Audit{Who: "late", Action: "test"})
	if rows := h.audited("test", 1); rows[0].Who != "late" {
		t.Errorf("audit rows %+v", rows)
	}
}
