package earshot

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// AlarmCode says what is the matter with a node, for machines.
type AlarmCode string

// The alarms.
const (
	AlarmDiskLow       AlarmCode = "disk_low"       // less is free than the reserve
	AlarmDiskFull      AlarmCode = "disk_full"      // new calls are refused
	AlarmDiskFailed    AlarmCode = "disk_failed"    // the disk takes no writes
	AlarmDiskSlow      AlarmCode = "disk_slow"      // the journal is behind
	AlarmIndexAway     AlarmCode = "index_away"     // calls are kept on the disk alone
	AlarmRedisAway     AlarmCode = "redis_away"     // live state is stale
	AlarmClockStepped  AlarmCode = "clock_stepped"  // the wall clock jumped
	AlarmClockUnsynced AlarmCode = "clock_unsynced" // no time server sets the clock
	AlarmDamage        AlarmCode = "damage"         // a file or record is damaged
	AlarmLedger        AlarmCode = "ledger"         // the ledger cannot be written, or does not fit
	AlarmWitness       AlarmCode = "witness"        // a witness did not take a head
	AlarmCapture       AlarmCode = "capture"        // something was not recorded that should have been
)

// Severity says how bad an alarm is.
type Severity string

// The severities.
const (
	Warning  Severity = "warning"  // recording goes on, somebody should look
	Critical Severity = "critical" // audio or proof is being lost, or soon will be
)

// Alarm is one thing that is the matter with a node now.
type Alarm struct {
	Code     AlarmCode `json:"code"`
	Severity Severity  `json:"severity" enum:"warning,critical"`
	Since    Time      `json:"since" format:"date-time"`
	Detail   string    `json:"detail"` // what exactly, for the operator: a name, a figure
}

// Alarms are what is the matter now, at most one of a code. Its methods may be
// called from any goroutine. The zero value is ready.
type Alarms struct {
	mu      sync.Mutex
	raised  map[AlarmCode]Alarm
	changed func()
}

// OnChange has fn called, without a lock held, after each change; it must not wait.
func (a *Alarms) OnChange(fn func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = fn
}

// Raise says that something is the matter since at. While the alarm lasts the
// first instant stays; severity and detail may change.
func (a *Alarms) Raise(code AlarmCode, severity Severity, at time.Time, detail string) {
	a.change(func() bool {
		alarm := Alarm{Code: code, Severity: severity, Since: At(at), Detail: detail}
		if old, ok := a.raised[code]; ok {
			alarm.Since = old.Since
			if alarm == old {
				return false
			}
		}
		if a.raised == nil {
			a.raised = map[AlarmCode]Alarm{}
		}
		a.raised[code] = alarm
		return true
	})
}

// Clear says that it is over.
func (a *Alarms) Clear(code AlarmCode) {
	a.change(func() bool {
		_, was := a.raised[code]
		delete(a.raised, code)
		return was
	})
}

func (a *Alarms) change(do func() bool) {
	a.mu.Lock()
	changed := do()
	tell := a.changed
	a.mu.Unlock()
	if changed && tell != nil {
		tell()
	}
}

// List is what is the matter now, the gravest and then the oldest first.
func (a *Alarms) List() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Alarm, 0, len(a.raised))
	for _, alarm := range a.raised {
		list = append(list, alarm)
	}
	slices.SortFunc(list, func(x, y Alarm) int {
		return cmp.Or(cmp.Compare(x.Severity, y.Severity), x.Since.Compare(y.Since.Time), cmp.Compare(x.Code, y.Code))
	})
	return list
}
