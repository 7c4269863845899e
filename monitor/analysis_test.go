package monitor

import (
	"net/http"
	"testing"

	"earshot"
)

// The audit says of which calls somebody wanted everything judged anew.
func TestAnalysisRunIsAudited(t *testing.T) {
	h := open(t)
	admin := h.admin()
	h.user(earshot.RoleEvidence).do(http.MethodPost, "/api/v1/analysis/runs", `{}`).fails(http.StatusForbidden, "forbidden")
	admin.do(http.MethodPost, "/api/v1/analysis/runs", `{"from":"2026-11-20T16:00:00Z","all":true}`).want(http.StatusAccepted)
	if row := h.audited(earshot.AuditAnalyse, 1)[0]; row.Who != firstAdmin || row.Target != "analysis" || row.Reason != "from=2026-11-20T16:00:00Z to= all=true" {
		t.Errorf("audit row %+v", row)
	}
	admin.do(http.MethodPost, "/api/v1/analysis/runs", `{}`).fails(http.StatusConflict, "analysis_running")
	admin.do(http.MethodDelete, "/api/v1/analysis/runs", nil).want(http.StatusNoContent)
	h.audited(earshot.AuditAnalyseStop, 1)
}
