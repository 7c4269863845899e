package monitor

import (
	"net/http"
	"strings"
	"testing"

	"earshot"
)

func TestSavedSearches(t *testing.T) {
	h := open(t)
	admin, inspector, supervisor := h.admin(), h.user(earshot.RoleInspector), h.user(earshot.RoleSupervisor)
	const path = "/api/v1/searches"
	save := func(v visitor, name string, shared bool) string {
		t.Helper()
		return v.do(http.MethodPost, path, newSearch{name, "days=week&flag=gaps&flag=short&q=%E9%80%80%E6%AC%BE", shared}).want(http.StatusCreated).field("id")
	}
	names := func(v visitor) string {
		t.Helper()
		var list searchList
		v.get(path).want(http.StatusOK).into(&list)
		var names []string
		for _, s := range list.Searches {
			names = append(names, s.Name+" of "+s.By)
		}
		return strings.Join(names, ", ")
	}
	private, shared := save(inspector, " a ", false), save(inspector, "b", true)
	for v, want := range map[visitor]string{inspector: "a of inspector-1, b of inspector-1", supervisor: "b of inspector-1", admin: "b of inspector-1"} {
		if got := names(v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for query, code := range map[string]string{
		"colour=red": "bad_search", "rating=99": "bad_search", "rating=x": "bad_search", "kind=car": "bad_search", "listened=maybe": "bad_search",
		"minMs=5": "bad_search", "q=%ff": "bad_search", "q=%00": "bad_search", "from=2026-11-01T10:00:00Z": "bad_time", "longest=1000000": "bad_search", "minSilenceShare=1001": "bad_search", "shortest=long": "bad_search", "from=yesterday": "bad_time",
		"number=" + strings.Repeat("1", 65): "bad_search", "%zz": "bad_search", "cursor=x": "bad_search", "q=" + strings.Repeat("x", 2100): "invalid",
	} {
		inspector.do(http.MethodPost, path, newSearch{"c", query, false}).fails(http.StatusUnprocessableEntity, code)
	}
	inspector.do(http.MethodPost, path, newSearch{"a", "", false}).fails(http.StatusConflict, "search_named")
	inspector.do(http.MethodPost, path, newSearch{" ", "", false}).fails(http.StatusUnprocessableEntity, "bad_search_name")

	var changed earshot.SavedSearch
	inspector.do(http.MethodPatch, path+"/"+private, `{"query":"days=today&columns=seat,number&shortest=60&rating=5&rating=1&from=2026-11-01&maxSilenceShare=0&kind="}`).want(http.StatusOK).into(&changed)
	if changed.Query != "days=today&columns=seat,number&shortest=60&rating=5&rating=1&from=2026-11-01&maxSilenceShare=0&kind=" || changed.Name != "a" || changed.Shared {
		t.Errorf("changed to %+v", changed)
	}
	inspector.do(http.MethodPatch, path+"/"+private, `{"query":"nonsense=1"}`).fails(http.StatusUnprocessableEntity, "bad_search")
	inspector.do(http.MethodPatch, path+"/"+private, `{"name":"b"}`).fails(http.StatusConflict, "search_named")
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		supervisor.do(method, path+"/"+private, `{}`).fails(http.StatusNotFound, "no_search")
		admin.do(method, path+"/"+private, `{}`).fails(http.StatusNotFound, "no_search")
		supervisor.do(method, path+"/"+shared, `{}`).fails(http.StatusForbidden, "forbidden")
		inspector.do(method, path+"/none", `{}`).fails(http.StatusNotFound, "no_search")
	}
	admin.do(http.MethodPatch, path+"/"+shared, `{"name":"质检：缺口"}`).want(http.StatusOK)
	inspector.do(http.MethodDelete, path+"/"+private, nil).want(http.StatusNoContent)
	admin.do(http.MethodDelete, path+"/"+shared, nil).want(http.StatusNoContent)
	if got := names(inspector); got != "" {
		t.Errorf("%q is left", got)
	}
	// What was private is in no audit.
	if row := h.audited(earshot.AuditCreate, 1)[0]; row.Target != "search:"+shared || !strings.Contains(row.Reason, "b: days=week") {
		t.Errorf("audit row %+v", row)
	}
	h.audited(earshot.AuditUpdate, 1)
	h.audited(earshot.AuditDelete, 1)
}
