package monitor

import (
	"net/http"
	"testing"
	"time"

	"earshot"
)

// An administrator sees what other policies would let go, and asking changes
// nothing.
func TestPreviewPolicies(t *testing.T) {
	h := open(t)
	admin, evidence := h.admin(), h.user(earshot.RoleEvidence)
	call, _ := h.store("s1", h.clock.Now().Add(-30*24*time.Hour), nil)
	path := "/api/v1/retention/preview"
	with := func(policies ...newPolicy) map[string]any { return map[string]any{"policies": policies} }

	var going preview
	admin.do(http.MethodPost, path, with(newPolicy{ID: "a", Name: "a", DeleteDays: 7})).want(http.StatusOK).into(&going)
	if going.Count != 1 || len(going.Calls) != 1 || going.Calls[0].Call.ID != call.ID || going.Calls[0].Policy != "a" {
		t.Errorf("deleted after a week: %+v", going)
	}
	admin.do(http.MethodPost, path, with(newPolicy{ID: "a", Name: "a", DeleteDays: 7}, newPolicy{ID: "b", Name: "b", KeepDays: 90, DeleteDays: 90})).
		want(http.StatusOK).into(&going)
	wants(t, "kept by another", going.Count, 0)
	admin.do(http.MethodPost, path+"?at="+call.StartedAt.String(), with(newPolicy{ID: "a", Name: "a", DeleteDays: 7})).want(http.StatusOK).into(&going)
	wants(t, "on the first day", going.Count, 0)
	admin.do(http.MethodPost, path, with(newPolicy{ID: "a", Name: "a", KeepDays: 8, DeleteDays: 7})).fails(http.StatusUnprocessableEntity, "bad_days")
	evidence.do(http.MethodPost, path, with()).fails(http.StatusForbidden, "forbidden")

	admin.get(path).want(http.StatusOK).into(&going)
	wants(t, "as the policies are", going.Count, 0)
}
