package monitor

import (
	"context"
	"errors"

	"earshot"
	"earshot/storage/index"
)

type markList struct {
	Marks []earshot.Mark `json:"marks"`
}

// newMark is what people may say in a mark; alert marks and the like are ours.
type newMark struct {
	Kind    string       `json:"kind" enum:"bookmark,note"`
	Side    earshot.Side `json:"side,omitempty"`
	StartMs int64        `json:"startMs" minimum:"0"`
	EndMs   *int64       `json:"endMs,omitempty" minimum:"0" doc:"startMs, if left out"`
	Text    string       `json:"text,omitempty" maxLength:"2000"`
	Shared  bool         `json:"shared,omitempty" doc:"seen by all who may see the call, not by its maker alone"`
}

// markChange is what the author says anew of a mark; nil leaves a field as it is.
type markChange struct {
	Side    *earshot.Side `json:"side,omitempty"`
	StartMs *int64        `json:"startMs,omitempty" minimum:"0"`
	EndMs   *int64        `json:"endMs,omitempty" minimum:"0"`
	Text    *string       `json:"text,omitempty" maxLength:"2000"`
	Shared  *bool         `json:"shared,omitempty"`
}

// apply writes c into m and answers what it has changed. A moment stays one where
// only its start is said.
func (c markChange) apply(m *earshot.Mark) changes {
	var fields changes
	if c.StartMs != nil && c.EndMs == nil && m.EndMs == m.StartMs {
		m.EndMs = *c.StartMs
	}
	set(&fields, "side", &m.Side, c.Side)
	set(&fields, "startMs", &m.StartMs, c.StartMs)
	set(&fields, "endMs", &m.EndMs, c.EndMs)
	set(&fields, "text", &m.Text, c.Text)
	set(&fields, "shared", &m.Shared, c.Shared)
	return fields
}

// errMarkKept means that a mark was not set by a person and so is no person's
// to change.
var errMarkKept = earshot.Fail(earshot.Conflict, "mark_kept", "what analysis and the recorder note is not changed by hand; bookmarks and notes are")

func (s *Server) markOperations(b *book) {
	enter(s, b, "list-marks", func(ctx context.Context, in *ByID) (*body[markList], error) {
		call, err := s.call(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return answerWith(markList{seenBy(visitOf(ctx).who, call).Marks}), nil
	})
	enter(s, b, "add-mark", s.addMark)
	enter(s, b, "update-mark", s.changeMark)
	enter(s, b, "delete-mark", s.deleteMark)
}

func (s *Server) addMark(ctx context.Context, in *struct {
	ByID
	Body newMark
}) (*body[earshot.Mark], error) {
	m := in.Body
	mark := earshot.Mark{
		ID: earshot.NewID(s.Now()), Kind: earshot.MarkKind(m.Kind), Side: m.Side, StartMs: m.StartMs, EndMs: m.StartMs,
		By: visitOf(ctx).who.Who(), Text: m.Text, Shared: m.Shared,
	}
	if m.EndMs != nil {
		mark.EndMs = *m.EndMs
	}
	if err := s.roomForMark(ctx, in.ID, mark); err != nil {
		return nil, err
	}
	made, err := s.Floor.AddMark(ctx, in.ID, mark)
	if errors.Is(err, earshot.ErrNotLive) {
		made, err = s.Archive.AddMark(ctx, in.ID, mark)
	}
	if err != nil {
		return nil, err
	}
	s.auditMark(ctx, earshot.AuditMark, made, made.Shared, string(made.Kind))
	return answerWith(made), nil
}

// errManyMarks means that a call has all the marks it may have.
var errManyMarks = earshot.Fail(earshot.Conflict, "many_marks", "a call has at most %d bookmarks and notes; take some away first", earshot.MostMarks)

// roomForMark says what is in the way of setting a good mark on a call: lists of
// calls carry all their marks.
func (s *Server) roomForMark(ctx context.Context, id string, mark earshot.Mark) error {
	call, err := s.call(ctx, id)
	if err != nil {
		return err
	}
	if err := mark.ValidateOn(call, s.Now()); err != nil {
		return err
	}
	byHand := 0
	for _, m := range call.Marks {
		if m.Kind.ByHand() {
			byHand++
		}
	}
	if byHand >= earshot.MostMarks {
		return errManyMarks
	}
	return nil
}

// ByMark names a mark of a call in the path.
type ByMark struct {
	ByID
	Mark string `path:"mark" maxLength:"64"`
}

func (s *Server) changeMark(ctx context.Context, in *struct {
	ByMark
	Body markChange
}) (*body[earshot.Mark], error) {
	mark, call, err := s.ownMark(ctx, in.ByMark)
	if err != nil {
		return nil, err
	}
	noticed := mark.Shared
	fields := in.Body.apply(&mark)
	if err := mark.ValidateOn(call, s.Now()); err != nil {
		return nil, err
	}
	err = s.Floor.ChangeMark(ctx, in.ID, mark)
	if errors.Is(err, earshot.ErrNotLive) {
		err = s.Archive.ChangeMark(ctx, in.ID, mark)
	}
	if err != nil {
		return nil, err
	}
	s.auditMark(ctx, earshot.AuditUpdate, mark, noticed || mark.Shared, "mark "+string(mark.Kind)+": "+fields.String())
	return answerWith(mark), nil
}

func (s *Server) deleteMark(ctx context.Context, in *ByMark) (*nothing, error) {
	mark, _, err := s.ownMark(ctx, *in)
	if err != nil {
		return nil, err
	}
	err = s.Floor.RemoveMark(ctx, in.ID, in.Mark)
	if errors.Is(err, earshot.ErrNotLive) {
		err = s.Archive.DeleteMark(ctx, in.ID, in.Mark)
	}
	if err != nil {
		return nil, err
	}
	s.auditMark(ctx, earshot.AuditDelete, mark, mark.Shared, "mark "+string(mark.Kind))
	return nil, nil
}

// ownMark is a mark that who asks may change, and its call: that it is somebody
// else's, and kept to themselves, is not even said.
func (s *Server) ownMark(ctx context.Context, in ByMark) (earshot.Mark, earshot.Call, error) {
	v := visitOf(ctx)
	call, err := s.call(ctx, in.ID)
	if err != nil {
		return earshot.Mark{}, call, err
	}
	mark, ok := markOf(seenBy(v.who, call), in.Mark)
	switch {
	case !ok:
		err = index.ErrNoMark
	case !mark.Kind.ByHand():
		err = errMarkKept
	case mark.By != v.who.Who():
		err = s.also(v, "others")
	}
	return mark, call, err
}

// auditMark writes down what was done to a mark, if others notice it: all who see
// the call see its audit, and evidence packages carry it out of the house. What
// somebody keeps to themselves is in neither.
func (s *Server) auditMark(ctx context.Context, action string, mark earshot.Mark, noticed bool, reason string) {
	if !noticed {
		return
	}
	row := s.row(visitOf(ctx).who, action, visitOf(ctx).about)
	row.FromMs, row.ToMs, row.Reason = mark.StartMs, mark.EndMs, reason
	s.audit.Add(row)
}

func markOf(call earshot.Call, id string) (earshot.Mark, bool) {
	for _, m := range call.Marks {
		if m.ID == id {
			return m, true
		}
	}
	return earshot.Mark{}, false
}
