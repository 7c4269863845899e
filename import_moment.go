package earshot

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ImportMoment is a day, a time of day, or both, as a name or a table tells it.
// The zero value tells nothing.
type ImportMoment struct {
	Year, Month, Day          int // Year 0: the day is not told
	Hour, Minute, Second, Mil int
	HasTime                   bool
	Zone                      *time.Location // where it says so itself; else nil
	Instant                   time.Time      // of one that counts seconds since 1970; zero otherwise
}

// HasDay says whether the day is told.
func (m ImportMoment) HasDay() bool { return m.Year != 0 || !m.Instant.IsZero() }

// IsZero says whether nothing is told.
func (m ImportMoment) IsZero() bool { return !m.HasDay() && !m.HasTime }

// Complete says whether it is an instant.
func (m ImportMoment) Complete() bool { return !m.Instant.IsZero() || m.Year != 0 && m.HasTime }

// Valid says whether there is such a day and such a time of day. A minute's 60th
// second is taken for the next minute's first.
func (m ImportMoment) Valid() bool {
	if !m.Instant.IsZero() {
		return true
	}
	if m.HasTime && (m.Hour > 23 || m.Minute > 59 || m.Second > 60 || m.Mil > 999) {
		return false
	}
	if m.Year == 0 {
		return m.HasTime
	}
	day := time.Date(m.Year, time.Month(m.Month), m.Day, 0, 0, 0, 0, time.UTC)
	return m.Month >= 1 && m.Month <= 12 && day.Day() == m.Day && m.Year >= 1970 && m.Year <= 9999
}

// In is the instant, by the clocks of zone unless it tells its own. Of a day
// without a time it is midnight.
func (m ImportMoment) In(zone *time.Location) time.Time {
	if !m.Instant.IsZero() {
		return m.Instant
	}
	if m.Zone != nil {
		zone = m.Zone
	}
	return time.Date(m.Year, time.Month(m.Month), m.Day, m.Hour, m.Minute, m.Second, m.Mil*int(time.Millisecond), zone)
}

// With is m with the day or the time of day of other where it has none.
func (m ImportMoment) With(other ImportMoment) ImportMoment {
	if !m.HasDay() && other.HasDay() {
		if !m.HasTime || !other.Instant.IsZero() {
			return other
		}
		other.Hour, other.Minute, other.Second, other.Mil, other.HasTime = m.Hour, m.Minute, m.Second, m.Mil, m.HasTime
		return other
	}
	if m.Instant.IsZero() && !m.HasTime && other.HasTime {
		m.Hour, m.Minute, m.Second, m.Mil, m.HasTime = other.Hour, other.Minute, other.Second, other.Mil, true
		if m.Zone == nil {
			m.Zone = other.Zone
		}
	}
	return m
}

// How people and recorders write days and times of day, each with groups.
const (
	dayForms = `(\d{4})(\d{2})(\d{2})|(\d{4})[-/._](\d{1,2})[-/._](\d{1,2})|(\d{4})年(\d{1,2})月(\d{1,2})日?`
	dayGroup = 9
	midForms = `(?:[ T_-]+)?`
	hourForm = `(\d{2})(\d{2})(\d{2})(\d{3})?|(\d{1,2})[:._-](\d{2})(?:[:._-](\d{2})(?:[.,](\d{1,3})\d*)?)?|(\d{1,2})[时点](\d{1,2})分(?:(\d{1,2})秒)?()`
	zoneForm = `\s*(Z|[+-]\d{2}:?\d{2})?`

	// Behind a day four digits are hours and minutes; alone they may be a year.
	shortForm = `|(\d{2})(\d{2})()()`
)

var (
	dayText    = regexp.MustCompile(`^(?:` + dayForms + `)$`)
	hourText   = regexp.MustCompile(`^(?:` + hourForm + `)` + zoneForm + `$`)
	momentText = regexp.MustCompile(`^(?:` + dayForms + `)` + midForms + `(?:` + hourForm + shortForm + `)` + zoneForm + `$`)
	halfText   = regexp.MustCompile(`(?i)\s*(上午|下午|中午|[ap]\.?m\.?)\s*`)
	unixText   = regexp.MustCompile(`^(1\d{9})(\d{3})?$`)
)

// ParseImportMoment reads a day, a time of day or both as people write them:
// 20261121, 2026-11-21 09:30:00, 2026/11/21 9:30, 20261121093000, 202611210930,
// 2026年11月21日9时30分, 2026/11/21 下午 3:30, 3:30 PM, RFC 3339, or seconds or milliseconds since 1970.
func ParseImportMoment(text string) (m ImportMoment, ok bool) {
	text, half := withoutHalf(strings.TrimSpace(text))
	if g := unixText.FindStringSubmatch(text); g != nil {
		return unixMoment(g[1] + g[2]), true
	}
	if g := momentText.FindStringSubmatch(text); g != nil {
		m.takeDay(g[1 : 1+dayGroup])
		m.takeHour(g[1+dayGroup:])
	} else if g := dayText.FindStringSubmatch(text); g != nil {
		m.takeDay(g[1:])
	} else if g := hourText.FindStringSubmatch(text); g != nil {
		m.takeHour(g[1:])
	}
	return m, m.takeHalf(half) && m.Valid()
}

// withoutHalf takes out of a text what says the half of the day: morning or
// afternoon.
func withoutHalf(text string) (rest, half string) {
	g := halfText.FindStringSubmatchIndex(text)
	if g == nil {
		return text, ""
	}
	return strings.TrimSpace(text[:g[0]] + " " + text[g[1]:]), text[g[2]:g[3]]
}

// takeHalf makes hours of half a day those of a whole one; false where there is no
// such hour in it.
func (m *ImportMoment) takeHalf(half string) bool {
	half = strings.ToLower(half)
	switch afternoon := strings.HasPrefix(half, "p") || half == "下午" || half == "中午"; {
	case half == "":
	case m.Hour > 12:
		return afternoon
	case afternoon && m.Hour < 12:
		m.Hour += 12
	case !afternoon && m.Hour == 12:
		m.Hour = 0
	}
	return true
}

func (m *ImportMoment) takeDay(g []string) {
	for ; len(g) >= 3; g = g[3:] {
		if g[0] != "" {
			m.Year, m.Month, m.Day = number(g[0]), number(g[1]), number(g[2])
		}
	}
}

// takeHour reads the groups of hourForm and, last, zoneForm.
func (m *ImportMoment) takeHour(g []string) {
	zone := g[len(g)-1]
	for ; len(g) >= 4; g = g[4:] {
		if g[0] != "" {
			m.HasTime = true
			m.Hour, m.Minute, m.Second = number(g[0]), number(g[1]), number(g[2])
			m.Mil = number((g[3] + "000")[:3])
		}
	}
	m.takeZone(zone)
}

func (m *ImportMoment) takeZone(text string) {
	switch text {
	case "":
	case "Z":
		m.Zone = time.UTC
	default:
		digits := strings.ReplaceAll(text[1:], ":", "")
		seconds := number(digits[:2])*3600 + number(digits[2:])*60
		if text[0] == '-' {
			seconds = -seconds
		}
		m.Zone = time.FixedZone(text, seconds)
	}
}

// unixMoment is the instant of 10 digits of seconds or 13 of milliseconds.
func unixMoment(digits string) ImportMoment {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return ImportMoment{}
	}
	if len(digits) <= 10 {
		n *= 1000
	}
	return ImportMoment{Instant: time.UnixMilli(n).UTC()}
}

// number is the value of digits; none are 0.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
