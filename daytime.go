package earshot

import (
	"fmt"
	"time"
)

// DayTime is a time of day, to the minute.
type DayTime struct{ Hour, Minute int }

// ParseDayTime reads 00:00 to 23:59.
func ParseDayTime(text string) (DayTime, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return DayTime{}, Fail(Invalid, "bad_day_time", "a time of day is HH:MM, not %q", text)
	}
	return DayTime{t.Hour(), t.Minute()}, nil
}

func (d DayTime) String() string { return fmt.Sprintf("%02d:%02d", d.Hour, d.Minute) }

// After is the first time that it is d behind t, by the clocks of t's zone.
func (d DayTime) After(t time.Time) time.Time {
	year, month, day := t.Date()
	for next := day; ; next++ {
		// A day on which the clocks skip it has an instant near to it.
		if at := time.Date(year, month, next, d.Hour, d.Minute, 0, 0, t.Location()); at.After(t) {
			return at
		}
	}
}
