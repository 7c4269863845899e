package earshot

import (
	"cmp"
	"slices"
	"strings"
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

// AlarmCodes are all alarms there are.
var AlarmCodes = []AlarmCode{
	AlarmDiskLow, AlarmDiskFull, AlarmDiskFailed, AlarmDiskSlow, AlarmIndexAway, AlarmRedisAway, AlarmClockStepped,
	AlarmClockUnsynced, AlarmDamage, AlarmLedger, AlarmWitness, AlarmCapture,
}

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

// Alarms are what is the matter now. Several watchers may raise one code, each
// under a source of its own (see From): people are told once. Its methods may be
// called from any goroutine. The zero value is ready.
type Alarms struct {
	mu      sync.Mutex
	raised  map[raisedBy]Alarm
	changed map[int]func()
	nth     int
}

// raisedBy tells apart what two watchers say under one code.
type raisedBy struct {
	code   AlarmCode
	source string
}

// OnChange has fn called, without a lock held, after each change until stop is
// called; it must not wait.
func (a *Alarms) OnChange(fn func()) (stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed == nil {
		a.changed = map[int]func(){}
	}
	a.nth++
	nth := a.nth
	a.changed[nth] = fn
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.changed, nth)
	}
}

// AlarmSource raises and clears alarms of one watcher: what others raised under
// the same code it neither hides nor clears.
type AlarmSource struct {
	alarms *Alarms
	name   string
}

// From is the source of that name.
func (a *Alarms) From(source string) AlarmSource { return AlarmSource{a, source} }

// Raise says that something is the matter since at. While the alarm lasts the
// first instant stays; severity and detail may change.
func (s AlarmSource) Raise(code AlarmCode, severity Severity, at time.Time, detail string) {
	s.alarms.change(func(raised map[raisedBy]Alarm) bool {
		alarm := Alarm{Code: code, Severity: severity, Since: At(at), Detail: detail}
		if old, ok := raised[raisedBy{code, s.name}]; ok {
			alarm.Since = old.Since
			if alarm == old {
				return false
			}
		}
		raised[raisedBy{code, s.name}] = alarm
		return true
	})
}

// Clear says that it is over.
func (s AlarmSource) Clear(code AlarmCode) {
	s.alarms.change(func(raised map[raisedBy]Alarm) bool {
		_, was := raised[raisedBy{code, s.name}]
		delete(raised, raisedBy{code, s.name})
		return was
	})
}

// Raise is From("").Raise.
func (a *Alarms) Raise(code AlarmCode, severity Severity, at time.Time, detail string) {
	a.From("").Raise(code, severity, at, detail)
}

// Clear is From("").Clear.
func (a *Alarms) Clear(code AlarmCode) { a.From("").Clear(code) }

func (a *Alarms) change(do func(map[raisedBy]Alarm) bool) {
	a.mu.Lock()
	if a.raised == nil {
		a.raised = map[raisedBy]Alarm{}
	}
	var tell []func()
	if do(a.raised) {
		for _, fn := range a.changed {
			tell = append(tell, fn)
		}
	}
	a.mu.Unlock()
	for _, fn := range tell {
		fn()
	}
}

// List is what is the matter now, at most one of a code, the gravest and then
// the oldest first. What several sources say of one is joined.
func (a *Alarms) List() []Alarm {
	byCode := a.byCode()
	list := make([]Alarm, 0, len(byCode))
	for _, alarms := range byCode {
		slices.SortFunc(alarms, graver)
		all := alarms[0]
		for _, other := range alarms[1:] {
			if other.Since.Before(all.Since.Time) {
				all.Since = other.Since
			}
			if other.Detail != "" && !strings.Contains(all.Detail, other.Detail) {
				all.Detail = strings.Trim(all.Detail+"; "+other.Detail, "; ")
			}
		}
		list = append(list, all)
	}
	slices.SortFunc(list, graver)
	return list
}

func (a *Alarms) byCode() map[AlarmCode][]Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	byCode := map[AlarmCode][]Alarm{}
	for by, alarm := range a.raised {
		byCode[by.code] = append(byCode[by.code], alarm)
	}
	return byCode
}

// graver sorts critical before warning, and the older before the newer.
func graver(x, y Alarm) int {
	return cmp.Or(cmp.Compare(x.Severity, y.Severity), x.Since.Compare(y.Since.Time),
		cmp.Compare(x.Code, y.Code), cmp.Compare(x.Detail, y.Detail))
}
