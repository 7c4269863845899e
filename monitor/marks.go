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
	EndMs   int64        `json:"endMs,omitempty" minimum:"0" doc:"startMs, if left out"`
	Text    string       `json:"text,omitempty" maxLength:"2000"`
	Shared  bool         `json:"shared,omitempty" doc:"seen by all who may see the call, not by its maker alone"`
}

func (s *Server) markOperations(b *book) {
	enter(s, b, "list-marks", func(ctx context.Context, in *ByID) (*body[markList], error) {
		call, err := s.call(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return answerWith(markList{seenBy(visitOf(ctx).who, call).Marks}), nil
	})
	enter(s, b, "add-mark", s.addMark)
	enter(s, b, "delete-mark", s.deleteMark)
}

func (s *Server) addMark(ctx context.Context, in *struct {
	ByID
	Body newMark
}) (*body[earshot.Mark], error) {
	m := in.Body
	mark := earshot.Mark{
		ID: earshot.NewID(s.Now()), Kind: earshot.MarkKind(m.Kind), Side: m.Side, StartMs: m.StartMs, EndMs: max(m.EndMs, m.StartMs),
		By: visitOf(ctx).who.Who(), Text: m.Text, Shared: m.Shared,
	}
	made, err := s.Floor.AddMark(ctx, in.ID, mark)
	if errors.Is(err, earshot.ErrNotLive) {
		made, err = s.Archive.AddMark(ctx, in.ID, mark)
	}
	if err != nil {
		return nil, err
	}
	row := s.row(visitOf(ctx).who, earshot.AuditMark, visitOf(ctx).about)
	row.FromMs, row.ToMs, row.Reason = made.StartMs, made.EndMs, string(made.Kind)
	s.audit.Add(row)
	return answerWith(made), nil
}

// deleteMark takes a mark away; that it is somebody else's, and kept to
// themselves, is not even said.
func (s *Server) deleteMark(ctx context.Context, in *struct {
	ByID
	Mark string `path:"mark" maxLength:"64"`
}) (*nothing, error) {
	v := visitOf(ctx)
	call, err := s.call(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	mark, ok := markOf(seenBy(v.who, call), in.Mark)
	if !ok {
		return nil, index.ErrNoMark
	}
	if mark.By != v.who.Who() {
		if err := s.also(v, "others"); err != nil {
			return nil, err
		}
	}
	err = s.Floor.RemoveMark(ctx, in.ID, in.Mark)
	if errors.Is(err, earshot.ErrNotLive) {
		err = s.Archive.DeleteMark(ctx, in.ID, in.Mark)
	}
	if err != nil {
		return nil, err
	}
	row := s.row(v.who, earshot.AuditDelete, v.about)
	row.FromMs, row.ToMs, row.Reason = mark.StartMs, mark.EndMs, "mark "+string(mark.Kind)
	s.audit.Add(row)
	return nil, nil
}

func markOf(call earshot.Call, id string) (earshot.Mark, bool) {
	for _, m := range call.Marks {
		if m.ID == id {
			return m, true
		}
	}
	return earshot.Mark{}, false
}
