package monitor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"earshot"
	"earshot/storage"
)

// Whether everything was recorded: verification, announcements, sound checks.

var captureRoutes = []Route{
	{ID: "verify-capture", Method: get, Path: "/api/v1/capture", Need: may(earshot.SeeCapture), Tag: "capture",
		Summary: "Whether everything was recorded, by seat and day, the missing ones first"},
	{ID: "export-capture", Method: get, Path: "/api/v1/capture.xlsx", Need: may(earshot.SeeCapture), Tag: "capture",
		Summary: "The same as a workbook"},
	{ID: "announce", Method: post, Path: "/api/v1/announcements", Need: Need{May: []earshot.Action{earshot.DriveCalls}, AnySeat: true}, Tag: "capture", Status: 201,
		More: map[string]Need{"seat": driveOrSeat}, Summary: "Say that a conversation took place; said again under the same ref, the later word counts"},
	{ID: "add-sound-check", Method: post, Path: "/api/v1/seats/{id}/soundcheck", Need: driveOrSeat, About: aboutSeat, Tag: "capture", Status: 201,
		Summary: "Keep what a sound check at the seat found"},
}

// CaptureFilter says what is verified.
type CaptureFilter struct {
	From    string `query:"from" maxLength:"10" doc:"the first day, YYYY-MM-DD in the site's time zone; today if left out"`
	To      string `query:"to" maxLength:"10" doc:"the last day; the first if left out"`
	Branch  string `query:"branch" maxLength:"64" doc:"with all branches below it"`
	Seat    string `query:"seat" maxLength:"64"`
	Problem string `query:"problem" enum:"missing,unrecorded,damaged,silent,one_sided,gaps,dead_mic,bleed,sound_check,unended"`
}

func (s *Server) captureOperations(b *book) {
	enter(s, b, "verify-capture", func(ctx context.Context, in *struct {
		CaptureFilter
		Cursor string `query:"cursor" maxLength:"200"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"seats' days on a page; each brings at most 50 findings, of one seat all"`
	}) (*body[earshot.Capture], error) {
		q, err := s.captureQuery(in.CaptureFilter)
		if err != nil {
			return nil, err
		}
		q.Cursor, q.Limit = in.Cursor, in.Limit
		capture, err := s.Archive.Capture(ctx, q)
		return answerWith(capture), err
	})
	enter(s, b, "export-capture", s.exportCapture)
	enter(s, b, "announce", s.announce)
	enter(s, b, "add-sound-check", s.addSoundCheck)
}

func (s *Server) captureQuery(in CaptureFilter) (storage.CaptureQuery, error) {
	q := storage.CaptureQuery{Zone: s.Location, Branch: in.Branch, Seat: in.Seat, Problem: earshot.CaptureKind(in.Problem), Limits: s.CaptureLimits}
	var err error
	if q.From, err = s.day("from", in.From, s.Now()); err != nil {
		return q, err
	}
	q.To, err = s.day("to", in.To, q.From)
	return q, err
}

// day reads a day of the site's time zone.
func (s *Server) day(name, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, s.Location)
	if err != nil {
		return day, earshot.Fail(earshot.Invalid, "bad_time", "%s is a day as YYYY-MM-DD", name)
	}
	return day, nil
}

type announcementFacts struct {
	Seat       string       `json:"seat" maxLength:"64"`
	At         earshot.Time `json:"at" format:"date-time" doc:"when the conversation began"`
	DurationMs int64        `json:"durationMs,omitempty" minimum:"0" maximum:"86400000" doc:"how long it was, if that is known"`
	Ref        string       `json:"ref" maxLength:"64" doc:"by what the announcer knows it"`
	Number     string       `json:"number,omitempty" maxLength:"64"`
}

func (s *Server) announce(ctx context.Context, in *struct{ Body announcementFacts }) (*body[earshot.Announcement], error) {
	v := visitOf(ctx)
	v.about = Subject{Seat: in.Body.Seat}
	if err := s.also(v, "seat"); err != nil {
		return nil, err
	}
	if _, err := s.seat(ctx, in.Body.Seat); err != nil {
		return nil, err
	}
	said := earshot.Announcement{ID: earshot.NewID(s.Now()), Seat: in.Body.Seat, At: in.Body.At, DurationMs: in.Body.DurationMs,
		Ref: in.Body.Ref, Number: in.Body.Number, Source: v.who.Who()}
	if said.At.After(s.Now().Add(announcedAhead)) {
		return nil, earshot.Fail(earshot.Invalid, "bad_time", "only what has begun can be announced")
	}
	if err := said.Validate(); err != nil {
		return nil, err
	}
	return answerWith(said), s.Archive.Announce(ctx, said)
}

// announcedAhead is how far an announcer's clock may be ahead of ours.
const announcedAhead = 10 * time.Minute

type soundCheckFacts struct {
	Result       earshot.SoundResult `json:"result"`
	AgentDBov    int                 `json:"agentDbov" minimum:"0" maximum:"127" doc:"−dBov of the agent's side while the agent spoke; 127 is silence"`
	CustomerDBov int                 `json:"customerDbov" minimum:"0" maximum:"127" doc:"−dBov of the customer's side while that was tried"`
}

func (s *Server) addSoundCheck(ctx context.Context, in *struct {
	ByID
	Body soundCheckFacts
}) (*body[earshot.SoundCheck], error) {
	if _, err := s.seat(ctx, in.ID); err != nil {
		return nil, err
	}
	if !slices.Contains(earshot.SoundResults, in.Body.Result) {
		return nil, earshot.Fail(earshot.Invalid, "bad_result", "a sound check's result is ok, swapped, dead_agent, dead_customer or bleed")
	}
	now := s.Now()
	check := earshot.SoundCheck{ID: earshot.NewID(now), Seat: in.ID, At: earshot.At(now), Result: in.Body.Result,
		AgentDBov: in.Body.AgentDBov, CustomerDBov: in.Body.CustomerDBov}
	return answerWith(check), s.Archive.AddSoundCheck(ctx, check)
}

// How often it is looked whether calls of today and yesterday are missing.
const (
	captureFirst = 30 * time.Second
	captureEvery = 5 * time.Minute
)

// watchCapture raises earshot.AlarmCapture while calls of yesterday or today are
// missing. It ends with ctx.
func (s *Server) watchCapture(ctx context.Context) {
	if s.Alarms == nil {
		return
	}
	timer := time.NewTimer(captureFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := s.lookForMissing(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "it could not be verified that everything was recorded", "err", err)
		}
		timer.Reset(captureEvery)
	}
}

// lookForMissing raises or clears the alarm by what yesterday and today say.
func (s *Server) lookForMissing(ctx context.Context) error {
	now := s.Now().In(s.Location)
	capture, err := s.Archive.Capture(ctx, storage.CaptureQuery{From: now.AddDate(0, 0, -1), To: now, Zone: s.Location, Limits: s.CaptureLimits, Limit: 1})
	if err != nil {
		return err
	}
	alarms := s.Alarms.From("capture")
	missing, talks := capture.Totals.Missing, capture.Totals.Unrecorded
	if missing+talks == 0 {
		alarms.Clear(earshot.AlarmCapture)
		return nil
	}
	detail := fmt.Sprintf("%d missing, %d talks without a call, %s to %s", missing, talks, capture.From, capture.To)
	alarms.Raise(earshot.AlarmCapture, earshot.Critical, s.Now(), detail)
	return nil
}
