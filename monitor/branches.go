package monitor

import (
	"context"

	"earshot"
)

type branchList struct {
	Branches []earshot.Branch `json:"branches"`
}

type newBranch struct {
	ID     string `json:"id" maxLength:"64"`
	Name   string `json:"name" maxLength:"400"`
	Parent string `json:"parent,omitempty" maxLength:"64"`
}

type branchPatch struct {
	Name   *string `json:"name,omitempty" maxLength:"400"`
	Parent *string `json:"parent,omitempty" maxLength:"64"`
}

func (s *Server) branchOperations(b *book) {
	enter(s, b, "list-branches", func(ctx context.Context, _ *nothing) (*body[branchList], error) {
		branches, err := s.Index.Branches(ctx)
		return answerWith(branchList{listOf(branches)}), err
	})
	enter(s, b, "create-branch", func(ctx context.Context, in *struct{ Body newBranch }) (*body[earshot.Branch], error) {
		branch := earshot.Branch(in.Body)
		if err := s.Index.CreateBranch(ctx, branch); err != nil {
			return nil, err
		}
		s.changed(ctx, earshot.AuditCreate, "branch:"+branch.ID, "")
		return answerWith(branch), nil
	})
	enter(s, b, "get-branch", func(ctx context.Context, in *ByID) (*body[earshot.Branch], error) {
		branch, err := s.Index.Branch(ctx, in.ID)
		return answerWith(branch), err
	})
	enter(s, b, "update-branch", s.updateBranch)
	enter(s, b, "delete-branch", func(ctx context.Context, in *ByID) (*nothing, error) {
		if err := s.Index.DeleteBranch(ctx, in.ID); err != nil {
			return nil, err
		}
		s.changed(ctx, earshot.AuditDelete, "branch:"+in.ID, "")
		return nil, nil
	})
}

func (s *Server) updateBranch(ctx context.Context, in *struct {
	ByID
	Body branchPatch
}) (*body[earshot.Branch], error) {
	branch, err := s.Index.Branch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var fields changes
	set(&fields, "name", &branch.Name, in.Body.Name)
	set(&fields, "parent", &branch.Parent, in.Body.Parent)
	if err := s.Index.SaveBranch(ctx, branch); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditUpdate, "branch:"+branch.ID, fields.String())
	return answerWith(branch), nil
}
