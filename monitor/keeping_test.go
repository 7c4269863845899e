package monitor

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"earshot"
	"earshot/storage/ledger"
)

// wants compares what an answer says with want.
func wants[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (v visitor) holds(query string) []earshot.Hold {
	v.h.t.Helper()
	var list holdList
	v.get("/api/v1/holds" + query).want(http.StatusOK).into(&list)
	return list.Holds
}

func TestHoldACall(t *testing.T) {
	h := open(t)
	admin, evidence, inspector := h.admin(), h.user(earshot.RoleEvidence), h.user(earshot.RoleInspector)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	other, _ := h.store("s2", h.clock.Now().Add(-time.Hour), nil)
	path := "/api/v1/holds"

	inspector.do(http.MethodPost, path, newHold{Call: call.ID, Reason: "x"}).fails(http.StatusForbidden, "forbidden")
	evidence.do(http.MethodPost, path, newHold{Call: call.ID}).fails(http.StatusUnprocessableEntity, "bad_reason")
	evidence.do(http.MethodPost, path, newHold{Call: earshot.NewID(h.clock.Now()), Reason: "x"}).fails(http.StatusNotFound, "no_call")
	evidence.do(http.MethodPost, path, newHold{Seat: "nowhere", From: call.StartedAt, Reason: "x"}).fails(http.StatusNotFound, "no_seat")
	evidence.do(http.MethodPost, path, newHold{Call: call.ID, Seat: "s1", Reason: "x"}).fails(http.StatusUnprocessableEntity, "bad_hold")

	var hold earshot.Hold
	evidence.do(http.MethodPost, path, map[string]any{"call": call.ID, "reason": "投诉 T-1", "until": nil}).want(http.StatusCreated).into(&hold)
	wants(t, "the hold", hold, earshot.Hold{ID: hold.ID, Call: call.ID, Reason: "投诉 T-1", By: "evidence-1", At: earshot.At(h.clock.Now())})
	var seen earshot.Call
	inspector.get("/api/v1/calls/" + call.ID).want(http.StatusOK).into(&seen)
	wants(t, "of the call", seen.Holds, []earshot.Hold{hold})
	wants(t, "of the call, as a list", inspector.holds("?call="+call.ID), []earshot.Hold{hold})
	wants(t, "of another call", inspector.holds("?call="+other.ID), []earshot.Hold{})
	inspector.get("/api/v1/holds").fails(http.StatusForbidden, "forbidden")
	var found callList
	inspector.get("/api/v1/calls?held=true").want(http.StatusOK).into(&found)
	if len(found.Calls) != 1 || found.Calls[0].ID != call.ID {
		t.Errorf("held calls: %+v", found.Calls)
	}

	release := path + "/" + hold.ID + "/release"
	inspector.do(http.MethodPost, release, map[string]string{"reason": "x"}).fails(http.StatusForbidden, "forbidden")
	evidence.do(http.MethodPost, release, map[string]string{"reason": ""}).fails(http.StatusUnprocessableEntity, "bad_reason")
	admin.do(http.MethodPost, release, map[string]string{"reason": "结案"}).want(http.StatusOK).into(&hold)
	evidence.do(http.MethodPost, release, map[string]string{"reason": "结案"}).fails(http.StatusConflict, "released")
	wants(t, "active", evidence.holds(""), []earshot.Hold{})
	wants(t, "past", evidence.holds("?state=past"), []earshot.Hold{hold})
	if hold.ReleasedBy != firstAdmin || hold.ReleaseReason != "结案" {
		t.Errorf("%+v", hold)
	}
	held, released := h.audited(earshot.AuditHold, 1)[0], h.audited(earshot.AuditRelease, 1)[0]
	wants(t, "audited", []string{held.Who, held.Call, held.Reason, released.Who, released.Call, released.Reason},
		[]string{"evidence-1", call.ID, "投诉 T-1", firstAdmin, call.ID, "结案"})
}

// A window without an end holds the call that is live, and shows in it.
func TestHoldASeat(t *testing.T) {
	h := open(t)
	admin := h.admin()
	evidence := h.user(earshot.RoleEvidence)
	h.seat(admin, "s1")
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	must(t, h.archive.SaveCall(t.Context(), live))
	var hold earshot.Hold
	body := `{"seat":"s1","from":"` + earshot.At(h.clock.Now()).String() + `","to":null,"reason":"纠纷"}`
	evidence.do(http.MethodPost, "/api/v1/holds", body).want(http.StatusCreated).into(&hold)
	var seen earshot.Call
	evidence.get("/api/v1/calls/" + live.ID).want(http.StatusOK).into(&seen)
	wants(t, "of the live call", seen.Holds, []earshot.Hold{hold})
	var found callList
	evidence.get("/api/v1/calls?held=true&state=live").want(http.StatusOK).into(&found)
	if len(found.Calls) != 1 || len(found.Calls[0].Holds) != 1 {
		t.Errorf("held live calls: %+v", found.Calls)
	}
	wants(t, "of the seat", evidence.holds("?seat=s1"), []earshot.Hold{hold})
	h.audited(earshot.AuditHold, 1)
}

func TestPoliciesAndWhatGoes(t *testing.T) {
	h := open(t, func(o *Options) { o.RetentionAt = earshot.DayTime{Hour: 3} })
	admin, evidence := h.admin(), h.user(earshot.RoleEvidence)
	admin.do(http.MethodPost, "/api/v1/branches", newBranch{ID: "hall", Name: "厅"}).want(http.StatusCreated)
	call, audio := h.store("s1", h.clock.Now().Add(-40*24*time.Hour), func(c *earshot.Call) { c.Number = "13800138000" })
	kept, _ := h.store("s1", h.clock.Now().Add(-40*24*time.Hour), func(c *earshot.Call) { c.Branch = "elsewhere" })

	evidence.do(http.MethodPost, "/api/v1/policies", newPolicy{ID: "a", Name: "甲"}).fails(http.StatusForbidden, "forbidden")
	admin.do(http.MethodPost, "/api/v1/policies", newPolicy{ID: "a", Name: "甲", Branch: "none"}).fails(http.StatusUnprocessableEntity, "bad_branch")
	admin.do(http.MethodPost, "/api/v1/policies", newPolicy{ID: "a", Name: "甲", Branch: "hall", DeleteDays: 60}).want(http.StatusCreated)
	admin.do(http.MethodPost, "/api/v1/policies", newPolicy{ID: "a", Name: "甲"}).fails(http.StatusConflict, "exists")
	var going preview
	evidence.get("/api/v1/retention/preview").want(http.StatusOK).into(&going)
	runsAt := earshot.DayTime{Hour: 3}.After(h.clock.Now().In(time.FixedZone("", 8*3600)))
	wants(t, "nothing goes", going, preview{At: earshot.At(runsAt), RunsAt: earshot.At(runsAt), Calls: []dueCall{}})
	admin.do(http.MethodPatch, "/api/v1/policies/a", map[string]int{"deleteDays": 30}).want(http.StatusOK)
	admin.do(http.MethodPatch, "/api/v1/policies/a", map[string]int{"keepDays": 31}).fails(http.StatusUnprocessableEntity, "bad_days")
	evidence.get("/api/v1/retention/preview").want(http.StatusOK).into(&going)
	if len(going.Calls) != 1 || going.Calls[0].Call.ID != call.ID || going.Calls[0].Policy != "a" || going.Count != 1 || going.Bytes != int64(len(audio)) {
		t.Fatalf("what goes: %+v", going)
	}
	wants(t, "due at", going.Calls[0].DueAt, earshot.At(call.EndedAt.AddDate(0, 0, 30)))
	evidence.get("/api/v1/retention/preview?at=" + call.EndedAt.String()).want(http.StatusOK).into(&going)
	wants(t, "what went then", len(going.Calls), 0)
	evidence.get("/api/v1/retention/preview?at=tonight").fails(http.StatusUnprocessableEntity, "bad_time")

	_, err := h.archive.Retain(t.Context(), earshot.RetainNightly, 0)
	must(t, err)
	var runs runList
	evidence.get("/api/v1/retention/runs").want(http.StatusOK).into(&runs)
	if len(runs.Runs) != 1 || runs.Runs[0].Deleted != 1 || runs.Runs[0].Bytes != int64(len(audio)) || runs.Runs[0].Reason != earshot.RetainNightly {
		t.Errorf("runs: %+v", runs)
	}
	h.isDeleted(evidence, call)
	evidence.get("/api/v1/calls/" + kept.ID).want(http.StatusOK)

	var policies policyList
	evidence.get("/api/v1/policies").want(http.StatusOK).into(&policies)
	wants(t, "policies", policies.Policies, []earshot.Policy{{ID: "a", Name: "甲", Branch: "hall", DeleteDays: 30}})
	admin.do(http.MethodDelete, "/api/v1/policies/a", nil).want(http.StatusNoContent)
	admin.do(http.MethodDelete, "/api/v1/policies/a", nil).fails(http.StatusNotFound, "no_policy")
	row := h.audited(earshot.AuditUpdate, 1)[0]
	if row.Target != "policy:a" || !strings.Contains(row.Reason, "deleteDays=60") || !strings.Contains(row.Reason, "deleteDays=30") {
		t.Errorf("the audit does not say what was changed: %+v", row)
	}
	h.audited(earshot.AuditDelete, 1)
}

// isDeleted looks at all that is answered of a deleted call.
func (h *house) isDeleted(evidence visitor, call earshot.Call) {
	h.t.Helper()
	inspector := h.user(earshot.RoleInspector)
	var problem Problem
	inspector.get("/api/v1/calls/"+call.ID).fails(http.StatusGone, "deleted").into(&problem)
	if d := problem.Deleted; d == nil || d.Policy != "a" || d.By != earshot.ByRetention || d.Reason != "nightly" {
		h.t.Errorf("the tombstone: %+v", d)
	}
	if c := problem.Call; c == nil || c.Number != "" || c.Parts[0].SHA256 != call.Parts[0].SHA256 {
		h.t.Errorf("what is left of the call: %+v", c)
	}
	for _, rest := range []string{"/audio", "/parts/1/audio", "/levels", "/marks", "/audit"} {
		inspector.get("/api/v1/calls/"+call.ID+rest).fails(http.StatusGone, "deleted")
	}
	evidence.do(http.MethodPost, "/api/v1/holds", newHold{Call: call.ID, Reason: "x"}).fails(http.StatusGone, "deleted")
	inspector.get("/api/v1/calls?state=deleted").fails(http.StatusForbidden, "forbidden")
	var list callList
	evidence.get("/api/v1/calls?state=deleted").want(http.StatusOK).into(&list)
	if len(list.Calls) != 1 || list.Calls[0].ID != call.ID || list.Calls[0].Deleted == nil {
		h.t.Errorf("deleted calls: %+v", list.Calls)
	}
}

// With what is answered anybody can prove a part, and needs nothing else.
func TestLedgerAndProofs(t *testing.T) {
	h := open(t)
	evidence := h.user(earshot.RoleEvidence)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	var state ledgerState
	evidence.get("/api/v1/ledger").want(http.StatusOK).into(&state)
	wants(t, "pending", state.Pending, int64(1))
	var proofs callProofs
	evidence.get("/api/v1/calls/" + call.ID + "/proofs").want(http.StatusOK).into(&proofs)
	wants(t, "before it is recorded", proofs, callProofs{Parts: []partProof{}})

	must(t, h.archive.NotariseOnce(t.Context()))
	evidence.get("/api/v1/calls/" + call.ID + "/proofs").want(http.StatusOK).into(&proofs)
	evidence.get("/api/v1/ledger").want(http.StatusOK).into(&state)
	if state.Pending != 0 || state.Size < 2 || state.SignedAt.IsZero() || len(state.Keys) != 1 || state.Keys[0].Fingerprint != state.Fingerprint || state.Algorithm != "sha256" {
		t.Errorf("the ledger: %+v", state)
	}
	pem := evidence.get("/api/v1/ledger/key").want(http.StatusOK)
	note := evidence.get("/api/v1/ledger/head").want(http.StatusOK)
	for a, want := range map[*answered]string{&pem: "application/x-pem-file", &note: "text/plain; charset=utf-8"} {
		wants(t, "content type", a.header.Get("Content-Type"), want)
	}
	key, err := ledger.ParsePublicPEM(pem.body)
	must(t, err)
	wants(t, "fingerprint", ledger.Fingerprint(key), state.Fingerprint)
	head, err := ledger.CheckHead(note.body, key)
	must(t, err)
	wants(t, "root", hex.EncodeToString(head.Root[:]), state.Root)

	p := proofs.Parts[0]
	head, err = ledger.CheckHead([]byte(p.Head), key)
	must(t, err)
	var path tlog.RecordProof
	for _, digits := range p.Proof {
		hash, err := hex.DecodeString(digits)
		must(t, err)
		path = append(path, tlog.Hash(hash))
	}
	entry, raw, err := h.ledger.Entry(p.Entry)
	must(t, err)
	must(t, tlog.CheckRecord(path, p.Size, tlog.Hash(head.Root), p.Entry, tlog.RecordHash(raw)))
	wants(t, "what is proved", []string{entry.Call, entry.SHA256}, []string{call.ID, call.Parts[0].SHA256})
	evidence.get("/api/v1/calls/"+earshot.NewID(h.clock.Now())+"/proofs").fails(http.StatusNotFound, "no_call")
}
