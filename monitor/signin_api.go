package monitor

import (
	"context"
	"errors"
	"time"

	"earshot"
	"earshot/monitor/people"
	"earshot/storage/index"
)

// person is a user as the signed-in see themselves.
type person struct {
	ID   string       `json:"id"`
	Name string       `json:"name"`
	Role earshot.Role `json:"role"`
}

func personOf(u earshot.User) person { return person{u.ID, u.Name, u.Role} }

type credentials struct {
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Password string `json:"password" minLength:"1" maxLength:"256"`
}

// signedInAs is what signing in answers.
type signedInAs struct {
	Token   string           `json:"token" doc:"the session as a bearer token"`
	User    person           `json:"user"`
	Allowed []earshot.Action `json:"allowed"`
}

// me is who is signed in.
type me struct {
	User    person           `json:"user"`
	Allowed []earshot.Action `json:"allowed"`
}

type newPassword struct {
	Old string `json:"old" maxLength:"256"`
	New string `json:"new" minLength:"8" maxLength:"256"`
}

type withCookie[T any] struct {
	SetCookie string `header:"Set-Cookie"`
	Body      T
}

type onlyCookie struct {
	SetCookie string `header:"Set-Cookie"`
}

func (s *Server) signInOperations(b *book) {
	enter(s, b, "login", s.login)
	enter(s, b, "logout", s.logout)
	enter(s, b, "get-me", s.getMe)
	enter(s, b, "change-password", s.changePassword)
	enter(s, b, "get-site", s.getSite)
}

func (s *Server) login(ctx context.Context, in *struct{ Body credentials }) (*withCookie[signedInAs], error) {
	v := visitOf(ctx)
	user, err := s.door.check(ctx, in.Body.Name, in.Body.Password, v.who.From)
	if err != nil {
		if errors.Is(err, errCredentials) || errors.Is(err, errAttempts) {
			s.signInFailed(v.who.From, in.Body.Name, err)
		}
		return nil, err
	}
	token, expires, err := s.door.begin(ctx, user)
	if err != nil {
		return nil, err
	}
	s.audit.Add(earshot.Audit{Who: user.ID, From: v.who.From, Action: earshot.AuditSignIn})
	return &withCookie[signedInAs]{
		SetCookie: s.door.cookie(v.request, token, expires),
		Body:      signedInAs{Token: token, User: personOf(user), Allowed: user.Role.Allowed()},
	}, nil
}

// signInFailed writes a failed sign-in down; those turned away by the limit once
// a minute. What was typed as a name is only kept where it could be one: people
// type passwords there.
func (s *Server) signInFailed(from, name string, err error) {
	row := earshot.Audit{From: from, Action: earshot.AuditSignInFailed, Reason: earshot.AsError(err).Code}
	if earshot.ValidID(name) {
		row.Target = name
	}
	if errors.Is(err, errAttempts) {
		s.audit.AddOnce("attempts|"+from+"|"+row.Target, row)
		return
	}
	s.audit.Add(row)
}

func (s *Server) logout(ctx context.Context, _ *nothing) (*onlyCookie, error) {
	v := visitOf(ctx)
	if err := s.door.end(ctx, v.who.session); err != nil {
		return nil, err
	}
	s.audit.Add(s.row(v.who, earshot.AuditSignOut, Subject{}))
	s.hub.Changed() // their walls close
	return &onlyCookie{s.door.cookie(v.request, "", s.Now())}, nil
}

func (s *Server) getMe(ctx context.Context, _ *nothing) (*body[me], error) {
	user := visitOf(ctx).who.User
	return answerWith(me{personOf(user), user.Role.Allowed()}), nil
}

func (s *Server) changePassword(ctx context.Context, in *struct{ Body newPassword }) (*nothing, error) {
	v := visitOf(ctx)
	user, err := s.door.check(ctx, v.who.User.ID, in.Body.Old, v.who.From)
	if errors.Is(err, errCredentials) {
		return nil, earshot.Fail(earshot.Invalid, "bad_credentials", "the old password is wrong")
	}
	if err != nil {
		return nil, err
	}
	if err := setPassword(ctx, s.door.passwords, &user, in.Body.New); err != nil {
		return nil, err
	}
	if err := s.Index.SaveUser(ctx, user); err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditUpdate, "user:"+user.ID, "password")
	s.hub.Changed()
	return nil, s.door.keep(ctx, v.who.session, user)
}

// setPassword gives user the hash of password.
func setPassword(ctx context.Context, hasher *people.Hasher, user *earshot.User, password string) error {
	if err := earshot.ValidPassword(password); err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, password)
	user.PasswordHash = hash
	return err
}

// firstAdmin is the name of the administrator that Bootstrap makes.
const firstAdmin = "admin"

// Bootstrap makes the first administrator where there are no users yet, with
// password, or, if that is empty, with one that it makes and answers.
func Bootstrap(ctx context.Context, ix Index, password string) (generated string, err error) {
	users, err := ix.Users(ctx)
	if err != nil || len(users) > 0 {
		return "", err
	}
	if password == "" {
		generated = people.MakePassword()
		password = generated
	}
	admin := earshot.User{ID: firstAdmin, Name: "管理员", Role: earshot.RoleAdmin}
	if err := setPassword(ctx, people.NewHasher(), &admin, password); err != nil {
		return "", err
	}
	err = ix.CreateUser(ctx, admin)
	if errors.Is(err, index.ErrExists) {
		return "", nil // another process was first
	}
	if err != nil {
		return "", err
	}
	now := earshot.At(time.Now())
	return generated, ix.AddAudit(ctx, earshot.Audit{ID: earshot.NewID(now.Time), At: now, Who: "earshot",
		Action: earshot.AuditCreate, Target: "user:" + firstAdmin, Reason: "first start"})
}

func (s *Server) getSite(ctx context.Context, _ *nothing) (*body[Site], error) {
	site := s.Site
	site.PublicURL, site.WhipURL = s.publicURLs(visitOf(ctx).request)
	return answerWith(site), nil
}
