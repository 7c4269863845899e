package monitor

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot"
	"earshot/storage"
)

func (v visitor) integrity() integrity {
	v.h.t.Helper()
	var state integrity
	v.get("/api/v1/integrity").want(http.StatusOK).into(&state)
	return state
}

// A file that was altered is found when somebody asks for a check, raises the
// alarm, and is a problem until somebody says what became of it.
func TestIntegrity(t *testing.T) {
	h := open(t)
	evidence := h.user(earshot.RoleEvidence)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	must(t, h.archive.NotariseOnce(t.Context()))
	wants(t, "before the first check", evidence.integrity(), integrity{
		Scrub:    earshot.ScrubState{State: "idle", Share: 0.05, Next: earshot.At(earshot.DayTime{}.After(h.clock.Now().UTC()))},
		Problems: []earshot.IntegrityProblem{}, Damaged: []earshot.DamagedFile{},
	})
	file := filepath.Join(h.dir, "audio", filepath.FromSlash(call.Parts[0].File))
	audio, err := os.ReadFile(file)
	must(t, err)
	audio[len(audio)/2] ^= 1
	must(t, os.WriteFile(file, audio, 0o600))

	evidence.do(http.MethodPost, "/api/v1/integrity/scrub", nil).want(http.StatusAccepted)
	evidence.do(http.MethodPost, "/api/v1/integrity/scrub", nil).fails(http.StatusConflict, "running")
	wants(t, "state", evidence.integrity().Scrub.State, "running")
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); h.scrub.Run(ctx) }()
	h.eventually("the check to be over", func() bool { return evidence.integrity().Scrub.State == "idle" })
	end()
	<-ended

	state := evidence.integrity()
	if len(state.Problems) != 1 || state.Open != 1 || state.Scrub.Checked != 1 || state.Scrub.Bytes != int64(len(audio)) {
		t.Fatalf("%+v", state)
	}
	found := state.Problems[0]
	wants(t, "what was found", []string{found.Code, found.Call, found.File}, []string{string(storage.FindingAltered), call.ID, call.Parts[0].File})
	if alarms := h.alarms.List(); len(alarms) != 1 || alarms[0].Code != earshot.AlarmDamage {
		t.Errorf("alarms: %+v", alarms)
	}

	path := "/api/v1/integrity/problems/" + found.ID + "/resolve"
	evidence.do(http.MethodPost, path, map[string]string{"reason": " "}).fails(http.StatusUnprocessableEntity, "bad_reason")
	evidence.do(http.MethodPost, "/api/v1/integrity/problems/x/resolve", map[string]string{"reason": "x"}).fails(http.StatusNotFound, "no_problem")
	h.clock.add(time.Minute)
	var resolved earshot.IntegrityProblem
	evidence.do(http.MethodPost, path, map[string]string{"reason": "从备份恢复"}).want(http.StatusOK).into(&resolved)
	wants(t, "resolved", []string{resolved.ResolvedBy, resolved.Reason, resolved.ResolvedAt.String()},
		[]string{"evidence-1", "从备份恢复", earshot.At(h.clock.Now()).String()})
	evidence.do(http.MethodPost, path, map[string]string{"reason": "x"}).fails(http.StatusConflict, "resolved")
	wants(t, "afterwards", evidence.integrity().Problems, []earshot.IntegrityProblem{resolved})
	wants(t, "open", evidence.integrity().Open, int64(0))
	wants(t, "alarms", h.alarms.List(), []earshot.Alarm{})
	h.audited(earshot.AuditScrub, 1)
	row := h.audited(earshot.AuditResolve, 1)[0]
	wants(t, "audited", []string{row.Who, row.Target, row.Call, row.Reason}, []string{"evidence-1", "problem:" + found.ID, call.ID, "从备份恢复"})
}

func TestDamagedFilesAreListed(t *testing.T) {
	h := open(t)
	must(t, os.MkdirAll(filepath.Join(h.dir, "journal"), 0o700))
	must(t, os.WriteFile(filepath.Join(h.dir, "journal", "7.journal.damaged"), []byte("x"), 0o600))
	must(t, h.problems.KeepJournals(t.Context()))
	state := h.user(earshot.RoleEvidence).integrity()
	if len(state.Damaged) != 1 || state.Damaged[0].File != "journal/7.journal.damaged" || len(state.Problems) != 1 {
		t.Errorf("%+v", state)
	}
}
