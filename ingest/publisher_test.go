package ingest

import (
	"testing"
	"time"

	"earshot"
)

// What is the matter with a node is told at the next tick, not at the next
// heartbeat; and a board that is away is itself something that is the matter.
func TestAlarmsAreToldAtOnce(t *testing.T) {
	alarms := new(earshot.Alarms)
	h := newHall(t, func(o *Options) { o.Alarms = alarms })
	told := func(codes ...earshot.AlarmCode) func() bool {
		return func() bool {
			h.board.mu.Lock()
			defer h.board.mu.Unlock()
			node, known := h.board.nodes["n1"]
			if !known || len(node.Alarms) != len(codes) {
				return false
			}
			for i, a := range node.Alarms {
				if a.Code != codes[i] {
					return false
				}
			}
			return true
		}
	}
	h.run(100 * time.Millisecond)
	h.news.until(t, "the node is told", told())
	alarms.Raise(earshot.AlarmDiskLow, earshot.Warning, h.clock.now(), "")
	h.run(100 * time.Millisecond)
	h.news.until(t, "the alarm is told", told(earshot.AlarmDiskLow))
	alarms.Clear(earshot.AlarmDiskLow)
	h.run(100 * time.Millisecond)
	h.news.until(t, "its end is told", told())

	changed := make(chan struct{}, 16)
	alarms.OnChange(func() { changed <- struct{}{} })
	h.board.change(func() { h.board.away = true })
	h.run(3 * time.Second)
	<-changed
	if list := alarms.List(); len(list) != 1 || list[0].Code != earshot.AlarmRedisAway {
		t.Fatalf("the board is away: %+v", list)
	}
	h.board.change(func() { h.board.away = false })
	<-changed
	if list := alarms.List(); len(list) != 0 {
		t.Errorf("the board is back: %+v", list)
	}
}
