package earshot

import (
	"strings"
	"time"
	"unicode/utf8"
)

// ImportSource is what one source tells of a file's call.
type ImportSource struct {
	From ImportFrom
	Told ImportTold
}

// ImportAbout is all from which a file's facts are settled.
type ImportAbout struct {
	Sources    []ImportSource // what counts more first
	Settings   ImportSettings
	Zone       *time.Location // of times that name none
	ModifiedAt time.Time      // the file's own time; zero: not known
	Now        time.Time
}

// SettledImport is what is known of a file's call, where from, and what is odd
// about it.
type SettledImport struct {
	Facts   ImportFacts
	From    map[string]ImportFrom // by the facts' JSON names
	Remarks []string
}

// Why a file's facts make no call.
var (
	ErrStartUnknown  = Fail(Invalid, "start_unknown", "nothing tells when the call began, and the file's own time is not to be taken, or is none")
	ErrStartInFuture = Fail(Invalid, "start_in_future", "the call is said to have begun in the future: is the pattern right?")
)

// Settle takes each fact from the first source that tells it. Whether the seat is
// known is for the index to say. It fails with ErrStartUnknown and ErrStartInFuture.
func (a ImportAbout) Settle() (SettledImport, error) {
	s := SettledImport{From: map[string]ImportFrom{}, Remarks: []string{}}
	text := func(name string, to *string, field ImportField, most int) {
		for _, source := range a.Sources {
			if value := source.Told.Texts[field]; value != "" {
				*to = s.fit(value, most)
				s.From[name] = source.From
				return
			}
		}
	}
	text("seat", &s.Facts.Seat, FieldSeat, 100)
	text("agent", &s.Facts.Agent.ID, FieldAgent, 64)
	text("agentName", &s.Facts.Agent.Name, FieldName, 100)
	text("account", &s.Facts.Account, FieldAccount, 64)
	text("ticket", &s.Facts.Ticket, FieldTicket, 64)
	text("business", &s.Facts.Business, FieldBusiness, 64)
	if s.Facts.Agent.ID == "" && s.Facts.Agent.Name != "" {
		s.Facts.Agent.ID, s.From["agent"] = s.fit(s.Facts.Agent.Name, 64), s.From["agentName"] // a name is all that tells them apart
	}
	if s.Facts.Seat == "" && a.Settings.Seat != "" {
		s.Facts.Seat, s.From["seat"] = a.Settings.Seat, FromSettings
	}
	a.direction(&s)
	a.number(&s)
	return s, a.start(&s)
}

// fit is a text as it can be kept: without control characters, no longer than most
// bytes.
func (s *SettledImport) fit(text string, most int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")))
	if len(text) <= most {
		return text
	}
	s.remark(RemarkTextCut)
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.TrimSpace(text[:most])
}

func (s *SettledImport) remark(code string) {
	for _, r := range s.Remarks {
		if r == code {
			return
		}
	}
	s.Remarks = append(s.Remarks, code)
}

// Remark adds a remark once.
func (s *SettledImport) Remark(code string) { s.remark(code) }

func (a ImportAbout) direction(s *SettledImport) {
	for _, source := range a.Sources {
		word := source.Told.Texts[FieldDirection]
		if word == "" {
			continue
		}
		if d, known := ImportDirectionOf(word); known {
			s.Facts.Direction, s.From["direction"] = d, source.From
			return
		}
		s.remark(RemarkDirectionUnknown)
	}
	s.Facts.Direction = NoDirection
	if a.Settings.Direction != "" {
		s.Facts.Direction, s.From["direction"] = a.Settings.Direction, FromSettings
	}
}

// number is the other side's: who called where it was called from outside, who was
// called otherwise. Where the direction is not known the longer of the two is it:
// extensions are short.
func (a ImportAbout) number(s *SettledImport) {
	for _, source := range a.Sources {
		texts := source.Told.Texts
		number := texts[FieldNumber]
		caller, callee := texts[FieldCaller], texts[FieldCallee]
		switch {
		case number != "":
		case s.Facts.Direction == Outbound && callee != "":
			number = callee
		case s.Facts.Direction == Inbound && caller != "":
			number = caller
		case len(callee) > len(caller):
			number = callee
		default:
			number = caller
		}
		if number != "" {
			s.Facts.Number, s.From["number"] = s.fit(PlainNumber(number), 64), source.From
			return
		}
	}
}

// start is when the call began: as the first source that tells an instant says,
// else by a day and a time of day of several, else by the file's own time.
func (a ImportAbout) start(s *SettledImport) error {
	var told ImportMoment
	var from ImportFrom
	for _, source := range a.Sources {
		if source.Told.Start.Complete() {
			told, from = source.Told.Start, source.From
			break
		}
	}
	for _, source := range a.Sources {
		if told.Complete() {
			break
		}
		if from == "" && source.Told.Start.HasDay() {
			from = source.From
		}
		told = told.With(source.Told.Start)
	}
	var at time.Time
	modified := a.ModifiedAt.In(a.Zone)
	switch {
	case told.Complete():
		at = told.In(a.Zone)
	case told.HasDay() && !a.Settings.RefuseUnknownStart:
		s.remark(RemarkTimeUnknown)
		at = told.In(a.Zone)
		if next := at.AddDate(0, 0, 1); !modified.Before(at) && modified.Before(next) {
			at = modified // its own time fits the day
		}
	case a.Settings.RefuseUnknownStart || a.ModifiedAt.IsZero() || a.ModifiedAt.Unix() <= 0:
		return ErrStartUnknown
	default:
		s.remark(RemarkStartUnknown)
		at, from = modified, FromFile
	}
	switch {
	case at.UnixMilli() <= 0:
		return ErrStartUnknown
	case !a.Now.IsZero() && at.After(a.Now.Add(24*time.Hour)): // clocks and zones differ by less
		return ErrStartInFuture
	}
	s.Facts.StartedAt, s.From["startedAt"] = At(at), from
	return nil
}
