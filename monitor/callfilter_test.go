package monitor

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

// How conversations went, where calls come from and whether they are held are
// searched by parameters that tell zero from nothing.
func TestSearchByTalkOriginAndHold(t *testing.T) {
	h := open(t)
	inspector, evidence := h.user(earshot.RoleInspector), h.user(earshot.RoleEvidence)
	day := time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)
	untold, _ := h.store("s1", day, nil)
	quiet, _ := h.store("s1", day.Add(time.Hour), func(c *earshot.Call) {
		c.Talk = &earshot.Talk{AgentShare: 0, CustomerShare: 300, SilenceShare: 700, LongestMonologue: 9_000}
	})
	lively, _ := h.store("s1", day.Add(2*time.Hour), func(c *earshot.Call) {
		c.Ticket = "T-0099"
		c.Talk = &earshot.Talk{AgentShare: 600, CustomerShare: 450, SilenceShare: 100, OvertalkShare: 150, Interruptions: 7, LongestMonologue: 61_000}
	})
	brought, _ := h.store("s2", day.Add(3*time.Hour), func(c *earshot.Call) {
		c.Origin = &earshot.Origin{Batch: "b-1", Path: "2019/a.mp3", At: earshot.At(day), By: "cli", Remarks: []string{}}
	})
	evidence.do(http.MethodPost, "/api/v1/holds", map[string]any{"call": quiet.ID, "reason": "投诉", "until": nil}).want(http.StatusCreated)

	for query, want := range map[string][]string{
		"?minSilenceShare=0":                          {lively.ID, quiet.ID}, // of the others nothing is known
		"?minSilenceShare=101":                        {quiet.ID},
		"?maxSilenceShare=100":                        {lively.ID},
		"?maxAgentShare=0":                            {quiet.ID},
		"?minAgentShare=1&maxAgentShare=600":          {lively.ID},
		"?minOvertalkShare=150":                       {lively.ID},
		"?minOvertalkShare=151":                       {},
		"?minInterruptions=7":                         {lively.ID},
		"?minMonologueMs=9001":                        {lively.ID},
		"?minMonologueMs=9000&minSilenceShare=700":    {quiet.ID},
		"?imported=yes":                               {brought.ID},
		"?imported=no":                                {lively.ID, quiet.ID, untold.ID},
		"?batch=b-1":                                  {brought.ID},
		"?batch=b-2":                                  {},
		"?batch=b-1&imported=no":                      {},
		"?q=" + url.QueryEscape("ｔ－００９９"):             {lively.ID}, // as an input method writes it
		"?held=yes":                                   {quiet.ID},
		"?held=true":                                  {quiet.ID},
		"?held=no":                                    {brought.ID, lively.ID, untold.ID},
		"?held=no&imported=no&q=1&minInterruptions=1": {},
	} {
		var list callList
		inspector.get("/api/v1/calls" + query).want(http.StatusOK).into(&list)
		got := []string{}
		for _, c := range list.Calls {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for query, code := range map[string]string{
		"?minSilenceShare=1001": "invalid", "?maxAgentShare=-1": "invalid", "?minInterruptions=x": "invalid", "?minMonologueMs=-1": "invalid",
		"?imported=maybe": "invalid", "?held=perhaps": "invalid", "?minAgentShare=500&maxAgentShare=499": "bad_query",
	} {
		inspector.get("/api/v1/calls"+query).fails(http.StatusUnprocessableEntity, code)
	}
}
