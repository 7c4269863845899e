package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"earshot"
	"earshot/ingest/seat"
)

// seatCommand plays files as a seat, or as many.
type seatCommand struct {
	URL      string       `name:"url" help:"The server." default:"http://localhost:8080" placeholder:"URL"`
	Seat     string       `help:"The seat; with --count the beginning of the seats' ids." required:"" placeholder:"ID"`
	Token    string       `help:"The seat's token; with --count the session token of an administrator, who makes the seats." required:"" placeholder:"TOKEN"`
	Agent    string       `help:"What the agent says: .opus, .wav or .mp3; alone, a stereo file has both sides." placeholder:"FILE"`
	Customer string       `help:"What the customer says." placeholder:"FILE"`
	Side     earshot.Side `help:"Publish one side only: agent or customer." enum:",agent,customer" default:"" placeholder:"SIDE"`
	Law      string       `help:"G.711 law for .wav and .mp3: pcmu or pcma." enum:",pcmu,pcma" default:"" placeholder:"LAW"`
	Count    int          `help:"So many seats: ID-1, ID-2, …" default:"1" placeholder:"N"`
	Loop     bool         `help:"Begin again at the end."`
	Insecure bool         `help:"Take any certificate of an https server."`
}

// Run plays until the files end, or with --loop until ctx ends.
func (c seatCommand) Run(ctx context.Context, out io.Writer) (err error) {
	if c.Agent == "" && c.Customer == "" {
		return errors.New("--agent or --customer must name a file")
	}
	if c.Count < 1 || c.Count > 1000 {
		return errors.New("--count is 1 to 1000")
	}
	script, err := seat.LoadPaths(earshot.Codec(c.Law), c.Agent, c.Customer)
	if err != nil {
		return err
	}
	if c.Side == "" {
		c.Side = c.onlySide(script)
	}
	client := apiClient{base: c.URL, token: c.Token, http: httpClient(c.Insecure)}
	targets := []seat.Target{{URL: c.URL, Seat: c.Seat, Token: c.Token, Side: c.Side}}
	if c.Count > 1 {
		if targets, err = c.makeSeats(ctx, client); err != nil {
			return err
		}
	}
	engine, err := seat.NewEngine(seat.EngineOptions{Loopback: true, HTTP: client.http})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	return c.play(ctx, engine, script, targets, out)
}

// onlySide is the side of a script that has but one: a stereo file has both.
func (c seatCommand) onlySide(script seat.Script) earshot.Side {
	if tracks := script.Tracks(); len(tracks) != 1 || tracks[0].Channels != 1 {
		return ""
	}
	if c.Agent == "" {
		return earshot.SideCustomer
	}
	return earshot.SideAgent
}

// play runs all seats until the last has ended; the first failure is answered.
func (c seatCommand) play(ctx context.Context, engine *seat.Engine, script seat.Script, targets []seat.Target, out io.Writer) error {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		first   error
	)
	say := func(e seat.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Err != nil {
			fmt.Fprintf(out, "%s: %s: %v\n", e.Seat, e.Kind, e.Err)
		} else {
			fmt.Fprintf(out, "%s: %s\n", e.Seat, e.Kind)
		}
	}
	for i, target := range targets {
		running.Go(func() {
			client := seat.Client{
				Engine: engine, Target: target, Script: script, Loop: c.Loop, Reconnect: c.Loop, Events: say,
			}
			if c.Loop { // many seats that go on for ever need not speak in chorus
				client.Offset = time.Duration(i) * script.Duration() / time.Duration(len(targets))
			}
			if err := client.Run(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil {
					first = fmt.Errorf("seat %s: %w", target.Seat, err)
				}
			}
		})
	}
	running.Wait()
	return first
}

// makeSeats makes the seats ID-1 … ID-count, or new tokens for those that exist.
func (c seatCommand) makeSeats(ctx context.Context, api apiClient) ([]seat.Target, error) {
	if earshot.IsSeatToken(c.Token) {
		return nil, errors.New("--count makes seats, so --token must be the session token of an administrator")
	}
	branch := earshot.Branch{ID: c.Seat, Name: c.Seat}
	if err := api.post(ctx, "/api/v1/branches", branch, nil); err != nil && !errors.Is(err, errExists) {
		return nil, err
	}
	targets := make([]seat.Target, c.Count)
	for i := range targets {
		id := fmt.Sprintf("%s-%d", c.Seat, i+1)
		var made struct {
			Token string `json:"token"`
		}
		err := api.post(ctx, "/api/v1/seats", earshot.Seat{ID: id, Name: id, Branch: c.Seat, Kind: earshot.Counter, Cut: earshot.CutSession}, &made)
		if errors.Is(err, errExists) {
			err = api.post(ctx, "/api/v1/seats/"+id+"/token", nil, &made)
		}
		if err != nil {
			return nil, err
		}
		targets[i] = seat.Target{URL: c.URL, Seat: id, Token: made.Token, Side: c.Side}
	}
	return targets, nil
}
