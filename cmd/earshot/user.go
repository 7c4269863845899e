package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"earshot"
	"earshot/monitor/people"
	"earshot/storage/index"
)

// userCommand changes users where nobody can sign in to do it. It works beside
// a running server.
type userCommand struct {
	Add    userAdd    `cmd:"" help:"Add a user."`
	Passwd userPasswd `cmd:"" help:"Set a user's password."`
	List   userList   `cmd:"" help:"List users."`
}

// indexFlags say which index.
type indexFlags struct {
	Data  string `help:"Folder for everything that is kept." default:"data" placeholder:"DIR"`
	Index string `help:"Index: sqlite, or the URL of a PostgreSQL database." default:"sqlite" placeholder:"sqlite|URL"`
}

// open opens the index of an existing data folder.
func (f indexFlags) open(ctx context.Context) (*index.Index, error) {
	if f.Index == "sqlite" {
		if _, err := os.Stat(f.Data); err != nil {
			return nil, fmt.Errorf("--data %s: %w", f.Data, plain(err))
		}
	}
	ix, err := index.Open(ctx, indexURL(f.Index, f.Data))
	if err != nil {
		return nil, fmt.Errorf("--index: %w", err)
	}
	return ix, nil
}

// passwordFlag is a password given, or one to be made.
type passwordFlag struct {
	Password string `help:"The password; without it one is made and printed." placeholder:"PASSWORD"`
}

// hash gives the password's hash, and the password itself if it was made here.
func (f passwordFlag) hash(ctx context.Context) (hash, made string, err error) {
	password := f.Password
	if password == "" {
		made = people.MakePassword()
		password = made
	}
	if err := earshot.ValidPassword(password); err != nil {
		return "", "", err
	}
	hash, err = people.NewHasher().Hash(ctx, password)
	return hash, made, err
}

// noteDown writes into the audit what was done here, where nobody has signed in.
func noteDown(ctx context.Context, ix *index.Index, action, user, what string) error {
	return ix.AddAudit(ctx, earshot.Audit{At: earshot.At(time.Now()), Who: "earshot",
		Action: action, Target: "user:" + user, Reason: what + ", by command line"})
}

func tell(out io.Writer, id, made string) error {
	_, err := fmt.Fprintf(out, "%s: done\n", id)
	if made != "" {
		_, err = fmt.Fprintf(out, "%s: the password is %s (shown only now)\n", id, made)
	}
	return err
}

type userAdd struct {
	indexFlags
	passwordFlag
	ID   string       `arg:"" help:"What is typed to sign in."`
	Name string       `help:"The name shown; the id by default." placeholder:"NAME"`
	Role earshot.Role `help:"admin, supervisor, inspector, evidence or agent." required:"" placeholder:"ROLE"`
}

// Run adds the user.
func (c userAdd) Run(ctx context.Context, out io.Writer) (err error) {
	user := earshot.User{ID: c.ID, Name: c.Name, Role: c.Role}
	if user.Name == "" {
		user.Name = user.ID
	}
	if err := user.Validate(); err != nil {
		return err
	}
	ix, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	hash, made, err := c.hash(ctx)
	if err != nil {
		return err
	}
	user.PasswordHash = hash
	if err := ix.CreateUser(ctx, user); err != nil {
		return err
	}
	if err := noteDown(ctx, ix, earshot.AuditCreate, user.ID, string(user.Role)); err != nil {
		return err
	}
	return tell(out, c.ID, made)
}

type userPasswd struct {
	indexFlags
	passwordFlag
	ID string `arg:"" help:"The user."`
}

// Run sets the password.
func (c userPasswd) Run(ctx context.Context, out io.Writer) (err error) {
	ix, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	user, err := ix.User(ctx, c.ID)
	if err != nil {
		return err
	}
	hash, made, err := c.hash(ctx)
	if err != nil {
		return err
	}
	user.PasswordHash = hash
	if err := ix.SaveUser(ctx, user); err != nil {
		return err
	}
	if err := noteDown(ctx, ix, earshot.AuditUpdate, user.ID, "password"); err != nil {
		return err
	}
	return tell(out, c.ID, made)
}

type userList struct{ indexFlags }

// Run lists the users, one a line.
func (c userList) Run(ctx context.Context, out io.Writer) (err error) {
	ix, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	users, err := ix.Users(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, u := range users {
		state := ""
		if u.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", u.ID, u.Role, u.Name, state)
	}
	return table.Flush()
}
