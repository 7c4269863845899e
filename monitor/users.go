package monitor

import (
	"context"

	"earshot"
)

type userList struct {
	Users []earshot.User `json:"users"`
}

type newUser struct {
	ID       string       `json:"id" maxLength:"64"`
	Name     string       `json:"name" maxLength:"400"`
	Role     earshot.Role `json:"role"`
	Password string       `json:"password" maxLength:"256"`
}

type userPatch struct {
	Name     *string       `json:"name,omitempty" maxLength:"400"`
	Role     *earshot.Role `json:"role,omitempty"`
	Disabled *bool         `json:"disabled,omitempty"`
	Password *string       `json:"password,omitempty" maxLength:"256"`
}

func (s *Server) userOperations(b *book) {
	enter(s, b, "list-users", func(ctx context.Context, _ *nothing) (*body[userList], error) {
		users, err := s.Index.Users(ctx)
		return answerWith(userList{listOf(users)}), err
	})
	enter(s, b, "create-user", s.createUser)
	enter(s, b, "get-user", func(ctx context.Context, in *ByID) (*body[earshot.User], error) {
		user, err := s.Index.User(ctx, in.ID)
		return answerWith(user), err
	})
	enter(s, b, "update-user", s.updateUser)
	enter(s, b, "delete-user", func(ctx context.Context, in *ByID) (*nothing, error) {
		if err := s.Index.DeleteUser(ctx, in.ID); err != nil {
			return nil, err
		}
		s.changed(ctx, earshot.AuditDelete, "user:"+in.ID, "")
		return nil, nil
	})
}

func (s *Server) createUser(ctx context.Context, in *struct{ Body newUser }) (*body[earshot.User], error) {
	user := earshot.User{ID: in.Body.ID, Name: in.Body.Name, Role: in.Body.Role}
	if err := user.Validate(); err != nil {
		return nil, err
	}
	if err := setPassword(ctx, s.door.passwords, &user, in.Body.Password); err != nil {
		return nil, err
	}
	if err := s.Index.CreateUser(ctx, user); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditCreate, "user:"+user.ID, string(user.Role))
	return answerWith(user), nil
}

func (s *Server) updateUser(ctx context.Context, in *struct {
	ByID
	Body userPatch
}) (*body[earshot.User], error) {
	user, err := s.Index.User(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var fields changes
	set(&fields, "name", &user.Name, in.Body.Name)
	set(&fields, "role", &user.Role, in.Body.Role)
	set(&fields, "disabled", &user.Disabled, in.Body.Disabled)
	if in.Body.Password != nil {
		if err := setPassword(ctx, s.door.passwords, &user, *in.Body.Password); err != nil {
			return nil, err
		}
		fields = append(fields, "password")
	}
	if err := s.Index.SaveUser(ctx, user); err != nil {
		return nil, err
	}
	s.changed(ctx, earshot.AuditUpdate, "user:"+user.ID, fields.String())
	return answerWith(user), nil
}
