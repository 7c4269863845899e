package monitor

import (
	"context"
	"slices"

	"earshot"
)

// What drives calls goes to the floor alone: it works by seat token while the
// index and the live state are away.

type pauseReason struct {
	Reason string `json:"reason" maxLength:"400"`
}

func (s *Server) driveOperations(b *book) {
	enter(s, b, "set-seat-agent", s.setAgent)
	enter(s, b, "start-call", s.startCall)
	enter(s, b, "end-call", s.endCall)
	enter(s, b, "pause-call", s.pauseCall)
	enter(s, b, "resume-call", s.resumeCall)
}

func (s *Server) setAgent(ctx context.Context, in *struct {
	ByID
	Body agentFacts
}) (*nothing, error) {
	agent := in.Body.agent()
	if err := agent.Validate(); err != nil {
		return nil, err
	}
	if err := s.Floor.SetAgent(ctx, in.ID, agent); err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditUpdate, "seat:"+in.ID, "agent "+agent.ID)
	return nil, nil
}

func (s *Server) startCall(ctx context.Context, in *struct {
	ByID
	Body *callFacts
}) (*body[earshot.Call], error) {
	var facts callFacts
	if in.Body != nil {
		facts = *in.Body
	}
	patch, err := facts.patch()
	if err != nil {
		return nil, err
	}
	call, err := s.Floor.StartCall(ctx, in.ID, patch, visitOf(ctx).who.Who())
	if err != nil {
		return nil, err
	}
	s.did(ctx, earshot.AuditCallStart, Subject{Seat: call.Seat, Call: call.ID}, "")
	return s.answerCall(ctx, call), nil
}

func (s *Server) endCall(ctx context.Context, in *ByID) (*body[earshot.Call], error) {
	call, err := s.Floor.EndCall(ctx, in.ID)
	return s.drove(ctx, earshot.AuditCallEnd, call, "", err)
}

func (s *Server) pauseCall(ctx context.Context, in *struct {
	ByID
	Body pauseReason
}) (*body[earshot.Call], error) {
	call, err := s.Floor.PauseCall(ctx, in.ID, in.Body.Reason, visitOf(ctx).who.Who())
	return s.drove(ctx, earshot.AuditPause, call, in.Body.Reason, err)
}

func (s *Server) resumeCall(ctx context.Context, in *ByID) (*body[earshot.Call], error) {
	call, err := s.Floor.ResumeCall(ctx, in.ID, visitOf(ctx).who.Who())
	return s.drove(ctx, earshot.AuditResume, call, "", err)
}

func (s *Server) drove(ctx context.Context, action string, call earshot.Call, reason string, err error) (*body[earshot.Call], error) {
	if err != nil {
		return nil, err
	}
	s.did(ctx, action, Subject{Seat: call.Seat, Call: call.ID}, reason)
	return s.answerCall(ctx, call), nil
}

// answerCall is call as whoever asks may see it.
func (s *Server) answerCall(ctx context.Context, call earshot.Call) *body[earshot.Call] {
	return answerWith(seenBy(visitOf(ctx).who, call))
}

// seenBy leaves out the marks that others keep to themselves; and for who drives
// calls without seeing those that are stored, as seats do, what others noted of
// it, and why it is held. Lists are empty lists, not null.
func seenBy(p Principal, call earshot.Call) earshot.Call {
	call = call.Clone()
	sees := p.User.Role.May(earshot.SeeCalls)
	call.Marks = slices.DeleteFunc(call.Marks, func(m earshot.Mark) bool { return m.By != p.Who() && (!sees || !m.Shared) })
	if !sees {
		call.Holds = []earshot.Hold{}
	}
	return call
}
