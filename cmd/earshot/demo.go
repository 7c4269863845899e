package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"earshot"
	"earshot/ingest/seat"
	"earshot/monitor/people"
	"earshot/storage/index"
)

// demoBranches are where the demo's seats are.
var demoBranches = map[earshot.SeatKind]earshot.Branch{
	earshot.Counter: {ID: "demo-hall", Name: "中心营业厅", Parent: "demo"},
	earshot.Hotline: {ID: "demo-hotline", Name: "客服热线", Parent: "demo"},
}

// demoUsers are the people of the demo, beside the administrator.
var demoUsers = []earshot.User{
	{ID: "banzhang", Name: "周班长", Role: earshot.RoleSupervisor},
	{ID: "zhijian", Name: "吴质检", Role: earshot.RoleInspector},
	{ID: "quzheng", Name: "郑取证", Role: earshot.RoleEvidence},
	{ID: "zuoxi", Name: "王坐席", Role: earshot.RoleAgent},
}

// demo lets made-up seats speak, each its conversation over and over.
type demo struct {
	app      *app
	password string // of all demo users; empty if nobody here knows it
	engine   *seat.Engine
	running  sync.WaitGroup
}

// startDemo makes what is missing of the demo and starts its seats.
func (a *app) startDemo(ctx context.Context) (err error) {
	d := &demo{app: a}
	if err := d.makePlaces(ctx); err != nil {
		return err
	}
	if err := d.makeUsers(ctx); err != nil {
		return err
	}
	if err := a.live.Tell(ctx, earshot.Event{Kind: earshot.EventRoster, At: earshot.At(a.now())}); err != nil {
		return err
	}
	if d.engine, err = seat.NewEngine(seat.EngineOptions{Loopback: true}); err != nil {
		return err
	}
	playing, stop := context.WithCancel(context.WithoutCancel(ctx))
	for i, conversation := range seat.Demos() {
		if err := d.play(playing, i, conversation); err != nil {
			stop()
			d.running.Wait()
			return errors.Join(err, d.engine.Close())
		}
	}
	a.demo = d
	a.atEnd(func(context.Context) error {
		stop()
		d.running.Wait()
		http.DefaultClient.CloseIdleConnections()
		return d.engine.Close()
	})
	return nil
}

func (d *demo) makePlaces(ctx context.Context) error {
	missing := func(err error) error {
		if errors.Is(err, index.ErrExists) {
			return nil
		}
		return err
	}
	branches := []earshot.Branch{{ID: "demo", Name: "演示公司"}, demoBranches[earshot.Counter], demoBranches[earshot.Hotline]}
	for _, branch := range branches {
		if err := missing(d.app.index.CreateBranch(ctx, branch)); err != nil {
			return err
		}
	}
	for _, conversation := range seat.Demos() {
		place := earshot.Seat{ID: conversation.Seat, Name: conversation.SeatName, Branch: demoBranches[conversation.Kind].ID,
			Kind: conversation.Kind, Cut: earshot.CutSession}
		if err := missing(d.app.index.CreateSeat(ctx, place)); err != nil {
			return err
		}
	}
	return nil
}

// makeUsers makes the demo's users at the first start. The password that was
// made then is kept in the data folder: a demo has nothing to hide, and whoever
// starts it again must be told.
func (d *demo) makeUsers(ctx context.Context) error {
	kept := filepath.Join(d.app.settings.Data, "demo-password")
	d.password = d.app.password
	if d.password == "" {
		d.password = d.app.settings.AdminPassword
	}
	if known, err := os.ReadFile(kept); err == nil {
		d.password = strings.TrimSpace(string(known))
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if d.password == "" { // the folder was not begun as a demo
		return nil
	}
	hash, err := people.NewHasher().Hash(ctx, d.password)
	if err != nil {
		return err
	}
	for _, user := range demoUsers {
		user.PasswordHash = hash
		if err := d.app.index.CreateUser(ctx, user); err != nil && !errors.Is(err, index.ErrExists) {
			return err
		}
	}
	return os.WriteFile(kept, []byte(d.password+"\n"), 0o600)
}

// play lets the i-th conversation run at its seat until ctx ends.
func (d *demo) play(ctx context.Context, i int, conversation seat.Demo) error {
	script, err := conversation.Script()
	if err != nil {
		return fmt.Errorf("conversation %s: %w", conversation.ID, err)
	}
	client := seat.Client{
		Engine: d.engine, Script: script, Loop: true, Reconnect: true,
		Rest:   time.Duration(4+3*i) * time.Second,
		Offset: script.Duration() * time.Duration(i%4) / 5,
		Events: func(e seat.Event) {
			if e.Err != nil {
				d.app.log.Warn("demo seat", "seat", e.Seat, "event", e.Kind, "err", e.Err)
			}
		},
	}
	d.running.Go(func() {
		if err := d.speak(ctx, conversation.Seat, client); err != nil {
			d.app.log.Error("demo seat ended", "seat", conversation.Seat, "err", err)
		}
	})
	d.running.Go(func() { d.handIn(ctx, conversation) })
	return nil
}

// speak runs a seat until ctx ends. Its ticket runs out after hours; then it
// takes another.
func (d *demo) speak(ctx context.Context, id string, client seat.Client) error {
	for {
		token, expires, err := d.app.floor.Ticket(id, "demo")
		if err != nil {
			return err
		}
		client.Target = seat.Target{URL: localURL("http", d.app.http), Seat: id, Token: token}
		err = client.Run(ctx)
		var refused *seat.Refused
		if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || d.app.now().Before(expires) {
			return err
		}
	}
}

// handIn says the facts of each call as it begins, as an agent would.
func (d *demo) handIn(ctx context.Context, conversation seat.Demo) {
	began := make(chan string, 1)
	d.running.Go(func() {
		var last string
		// It ends with ctx, or with the floor; both end the demo.
		_ = d.app.floor.WatchSeat(ctx, conversation.Seat, func(live earshot.LiveSeat, _ earshot.SeatLevels) {
			if live.Call == nil || live.Call.ID == last {
				return
			}
			select {
			case began <- live.Call.ID:
				last = live.Call.ID
			default: // told again at the next change
			}
		})
	})
	if err := d.app.floor.SetAgent(ctx, conversation.Seat, conversation.Agent); err != nil {
		d.app.log.Warn("demo agent", "seat", conversation.Seat, "err", err)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case call := <-began:
			if _, err := d.app.floor.UpdateCall(ctx, call, conversation.Facts()); err != nil && ctx.Err() == nil {
				d.app.log.Warn("demo facts", "call", call, "err", err)
			}
		}
	}
}

// greet says who may sign in.
func (d *demo) greet(line func(name, value string)) {
	if d.password == "" {
		line("登录 / sign in", "admin  (忘记密码 / forgotten: earshot user passwd admin --data "+shorten(d.app.settings.Data)+")")
		return
	}
	line("演示登录 / demo sign-in", "密码都是 / all with the password: "+d.password)
	line("", "admin     管理员 / administrator")
	for _, user := range demoUsers {
		line("", fmt.Sprintf("%-9s %s", user.ID, map[earshot.Role]string{
			earshot.RoleSupervisor: "班长 / supervisor",
			earshot.RoleInspector:  "质检员 / inspector",
			earshot.RoleEvidence:   "投诉取证 / evidence officer",
			earshot.RoleAgent:      "坐席 / agent (/seat)",
		}[user.Role]))
	}
}
