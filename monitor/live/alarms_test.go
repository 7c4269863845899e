package live

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
	"earshot/storage/session"
	"earshot/storage/session/redistest"
)

// alarmsUntil reads on, whatever else is told, to the message of alarms of which
// is holds.
func (v *viewer) alarmsUntil(is func([]earshot.Alarm) bool) {
	v.t.Helper()
	for {
		if m := v.next(); m.Type == "alarms" && m.Node == "n1" && is(m.Alarms) {
			return
		}
	}
}

func codesOf(alarms []earshot.Alarm) (codes []earshot.AlarmCode) {
	for _, a := range alarms {
		codes = append(codes, a.Code)
	}
	return codes
}

func exactly(codes ...earshot.AlarmCode) func([]earshot.Alarm) bool {
	return func(alarms []earshot.Alarm) bool { return cmp.Equal(codesOf(alarms), codes) }
}

// The wall hears of this process's alarms at once, though Redis is away, and of
// that too.
func TestAlarmsWithoutRedis(t *testing.T) {
	server, ok := redistest.Start(t)
	if !ok {
		return
	}
	var alarms earshot.Alarms
	w := openAlarmedWall(t, openStore(t, session.Options{URL: server.URL()}), &alarms, "s1")
	v := w.view("/")
	v.alarmsUntil(exactly())
	alarms.Raise(earshot.AlarmDiskLow, earshot.Warning, time.Now(), "1 GiB")
	v.alarmsUntil(exactly(earshot.AlarmDiskLow))
	server.Stop()
	v.alarmsUntil(exactly(earshot.AlarmDiskLow, earshot.AlarmRedisAway))
	w.view("/").alarmsUntil(exactly(earshot.AlarmDiskLow, earshot.AlarmRedisAway)) // who comes later too
	alarms.Clear(earshot.AlarmDiskLow)
	v.alarmsUntil(exactly(earshot.AlarmRedisAway))
	server.Start()
	v.alarmsUntil(exactly())
}

// Of another node the wall hears through the live state; of its own node it
// believes itself.
func TestAlarmsOfSeveralNodes(t *testing.T) {
	store := openStore(t, session.Options{})
	var alarms earshot.Alarms
	alarms.Raise(earshot.AlarmWitness, earshot.Warning, time.Now(), "here")
	w := openAlarmedWall(t, store, &alarms, "s1")
	raised := []earshot.Alarm{{Code: earshot.AlarmDiskFull, Severity: earshot.Critical, Since: earshot.At(time.Now()), Detail: "there"}}
	v := w.view("/")
	must(t, store.PutNode(t.Context(), earshot.LiveNode{Name: "n1"}, nil))
	must(t, store.PutNode(t.Context(), earshot.LiveNode{Name: "n2", Alarms: raised}, nil))
	for {
		if m := v.next(); m.Type == "event" && m.Event.Node != nil && m.Event.Node.Name == "n2" {
			if !cmp.Equal(m.Event.Node.Alarms, raised) {
				t.Errorf("the wall is told %+v", m.Event.Node)
			}
			break
		}
	}
	got := w.hub.NodeAlarms()
	if len(got) != 2 || got[0].Node != "n2" || got[0].Code != earshot.AlarmDiskFull || got[1].Node != "n1" || got[1].Code != earshot.AlarmWitness {
		t.Errorf("alarms %+v", got)
	}
	must(t, store.PutNode(t.Context(), earshot.LiveNode{Name: "n2"}, nil))
	eventually(t, "the other node's alarm is over", func() bool { return len(w.hub.NodeAlarms()) == 1 })
}
