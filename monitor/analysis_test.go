package monitor

import (
	"net/http"
	"slices"
	"testing"

	"earshot"
)

// The audit says of which calls somebody wanted everything judged anew.
func TestAnalysisRunIsAudited(t *testing.T) {
	h := open(t)
	admin := h.admin()
	h.user(earshot.RoleEvidence).do(http.MethodPost, "/api/v1/analysis/runs", `{}`).fails(http.StatusForbidden, "forbidden")
	admin.do(http.MethodPost, "/api/v1/analysis/runs", `{"from":"2026-11-20T16:00:00Z","all":true}`).want(http.StatusAccepted)
	if row := h.audited(earshot.AuditAnalyse, 1)[0]; row.Who != firstAdmin || row.Target != "analysis" || row.Reason != "from=2026-11-20T16:00:00Z all=true" {
		t.Errorf("audit row %+v", row)
	}
	admin.do(http.MethodPost, "/api/v1/analysis/runs", `{}`).fails(http.StatusConflict, "analysis_running")
	admin.do(http.MethodDelete, "/api/v1/analysis/runs", nil).want(http.StatusNoContent)
	h.audited(earshot.AuditAnalyseStop, 1)
}

// The audit says which thresholds were set, from what to what, and no others.
func TestThresholdsAreAudited(t *testing.T) {
	h := open(t)
	admin := h.admin()
	thresholds := earshot.DefaultThresholds()
	thresholds.Hotline.SilenceMs, thresholds.Counter.LoudDBov = 45_000, -15
	admin.do(http.MethodPut, "/api/v1/analysis/thresholds", thresholds).want(http.StatusOK)
	admin.do(http.MethodPut, "/api/v1/analysis/thresholds", thresholds).want(http.StatusOK)
	var said []string
	for _, row := range h.audited(earshot.AuditUpdate, 2) {
		if row.Target != "thresholds" || row.Who != firstAdmin {
			t.Errorf("audit row %+v", row)
		}
		said = append(said, row.Reason)
	}
	slices.Sort(said)
	if want := []string{"", "counter.loudDbov=-20>-15 hotline.silenceMs=30000>45000"}; !slices.Equal(said, want) {
		t.Errorf("the audit says %q, want %q", said, want)
	}
}
