package earshot_test

import (
	"testing"
	"time"

	"earshot"
)

func TestAlarmsOfSeveralSources(t *testing.T) {
	var a earshot.Alarms
	changes := 0
	stop := a.OnChange(func() { changes++ })
	disk, journal := a.From("disk"), a.From("journal")
	steps := []struct {
		what    string
		do      func()
		changed bool
		want    []earshot.Alarm
	}{
		{"nothing is the matter", func() { a.Clear(earshot.AlarmDamage) }, false, nil},
		{"one raises", func() { disk.Raise(earshot.AlarmDiskFailed, earshot.Warning, noon, "parts") }, true,
			[]earshot.Alarm{{earshot.AlarmDiskFailed, earshot.Warning, earshot.At(noon), "parts"}}},
		{"and again", func() { disk.Raise(earshot.AlarmDiskFailed, earshot.Warning, noon.Add(time.Hour), "parts") }, false,
			[]earshot.Alarm{{earshot.AlarmDiskFailed, earshot.Warning, earshot.At(noon), "parts"}}},
		{"another raises the same", func() { journal.Raise(earshot.AlarmDiskFailed, earshot.Critical, noon.Add(time.Minute), "journal") }, true,
			[]earshot.Alarm{{earshot.AlarmDiskFailed, earshot.Critical, earshot.At(noon), "journal; parts"}}},
		{"the first is over", func() { disk.Clear(earshot.AlarmDiskFailed) }, true,
			[]earshot.Alarm{{earshot.AlarmDiskFailed, earshot.Critical, earshot.At(noon.Add(time.Minute)), "journal"}}},
		{"a graver one goes before an older", func() { a.Raise(earshot.AlarmWitness, earshot.Warning, noon.Add(-time.Hour), "") }, true,
			[]earshot.Alarm{
				{earshot.AlarmDiskFailed, earshot.Critical, earshot.At(noon.Add(time.Minute)), "journal"},
				{earshot.AlarmWitness, earshot.Warning, earshot.At(noon.Add(-time.Hour)), ""}}},
		{"all is over", func() { journal.Clear(earshot.AlarmDiskFailed); a.Clear(earshot.AlarmWitness) }, true, nil},
	}
	for _, step := range steps {
		before := changes
		step.do()
		if (changes > before) != step.changed {
			t.Errorf("%s: told %d times", step.what, changes-before)
		}
		got := a.List()
		if len(got) != len(step.want) {
			t.Fatalf("%s: %+v, want %+v", step.what, got, step.want)
		}
		for i := range got {
			if got[i] != step.want[i] {
				t.Errorf("%s: %+v, want %+v", step.what, got[i], step.want[i])
			}
		}
	}
	stop()
	before := changes
	a.Raise(earshot.AlarmDamage, earshot.Warning, noon, "x")
	if changes != before {
		t.Error("told after stop")
	}
}
