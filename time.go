package earshot

import (
	"fmt"
	"time"
)

// timeLayout is RFC 3339 in UTC with exactly three fractional digits.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Time is an instant as it leaves the system: UTC, to the millisecond, written
// as RFC 3339 in Z with three fractional digits. The zero value means "not
// yet" and is left out of JSON by omitzero.
type Time struct{ time.Time }

// At cuts t to the millisecond, in UTC.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// AtMs is the instant ms milliseconds after the Unix epoch.
func AtMs(ms int64) Time { return Time{time.UnixMilli(ms).UTC()} }

// String is the text form, empty for the zero value.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// MarshalText writes the text form.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads any RFC 3339 time; empty text is the zero value.
func (t *Time) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Time{}
		return nil
	}
	parsed, err := time.Parse(time.RFC3339Nano, string(text))
	if year := parsed.UTC().Year(); err != nil || year < 0 || year > 9999 { // in Z it could not be written
		return fmt.Errorf("not an RFC 3339 time: %q", text)
	}
	*t = At(parsed)
	return nil
}

// MarshalJSON writes the text form as a string, null for the zero value.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and any other RFC 3339 string.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*t = Time{}
		return nil
	}
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return fmt.Errorf("not an RFC 3339 time: %s", data)
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}
