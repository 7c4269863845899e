package monitor

import (
	"context"

	"earshot"
	"earshot/monitor/live"
)

var alarmRoutes = []Route{
	{ID: "list-alarms", Method: get, Path: "/api/v1/alarms", Need: may(earshot.SeeWall, earshot.Inspect), Tag: "operations",
		Summary: "What is the matter with each node now, the gravest first"},
}

type alarmList struct {
	Alarms []live.NodeAlarm `json:"alarms"`
}

func (s *Server) alarmOperations(b *book) {
	enter(s, b, "list-alarms", func(context.Context, *nothing) (*body[alarmList], error) {
		return answerWith(alarmList{s.hub.NodeAlarms()}), nil
	})
}
