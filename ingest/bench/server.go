package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"earshot"
)

// How long the child may take.
const (
	startWithin = 30 * time.Second
	stopWithin  = 15 * time.Second
	storeWithin = 60 * time.Second
)

// server is `earshot serve` as a child.
type server struct {
	cmd    *exec.Cmd
	url    string
	http   *http.Client
	token  string
	ended  chan struct{}
	stderr bytes.Buffer
}

// startServer runs the server on free ports of the loopback, and signs in.
func startServer(ctx context.Context, opts Options, dir string) (*server, error) {
	return startServerAs(ctx, opts, dir, rand.Text())
}

// startServerAs is startServer where the administrator's password is known, or
// is to be this one.
func startServerAs(ctx context.Context, opts Options, dir, password string) (*server, error) {
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + address, http: &http.Client{Timeout: 30 * time.Second}, ended: make(chan struct{})}
	args := append([]string{"serve", "--data", filepath.Join(dir, "data"), "--http", address, "--udp", "127.0.0.1:0"}, opts.Args...)
	s.cmd = exec.Command(opts.Server, args...)
	s.cmd.Env = append(os.Environ(), "EARSHOT_ADMIN_PASSWORD="+password)
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // how it ended is in ProcessState
	}()
	if err := s.signIn(ctx, password); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// freePort is an address nobody listens on; somebody else might take it before
// the server does, and then it says so.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func (s *server) signIn(ctx context.Context, password string) error {
	deadline := time.Now().Add(startWithin)
	for {
		var session struct{ Token string }
		err := s.call(ctx, http.MethodPost, "/api/v1/login", map[string]string{"name": "admin", "password": password}, &session)
		if err == nil {
			s.token = session.Token
			return nil
		}
		if s.over() {
			return fmt.Errorf("%w: %s", errServerEnded, bytes.TrimSpace(s.stderr.Bytes()))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("signing in: %w", err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *server) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// call asks the API; answer may be nil.
func (s *server) call(ctx context.Context, method, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, said)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(said, answer)
}

// makeSeats makes the bench's seats and returns their tokens.
func (s *server) makeSeats(ctx context.Context, n int) ([]string, error) {
	if err := s.call(ctx, http.MethodPost, "/api/v1/branches", earshot.Branch{ID: "bench", Name: "Bench"}, nil); err != nil {
		return nil, err
	}
	tokens := make([]string, 0, n)
	for i := range n {
		var made struct{ Token string }
		seat := earshot.Seat{ID: seatName(i), Name: seatName(i), Branch: "bench", Kind: earshot.Counter, Cut: earshot.CutSession}
		if err := s.call(ctx, http.MethodPost, "/api/v1/seats", seat, &made); err != nil {
			return nil, err
		}
		tokens = append(tokens, made.Token)
	}
	return tokens, nil
}

// countCalls waits until n calls are stored and adds them up.
func (s *server) countCalls(ctx context.Context, n int, count func(earshot.Call)) error {
	deadline := time.Now().Add(storeWithin)
	for {
		stored, err := s.storedCalls(ctx)
		if err != nil {
			return err
		}
		if len(stored) >= n || time.Now().After(deadline) {
			for _, call := range stored {
				count(call)
			}
			return nil
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *server) storedCalls(ctx context.Context) ([]earshot.Call, error) {
	var all []earshot.Call
	for cursor := ""; ; {
		var page struct {
			Calls []earshot.Call
			Next  string
		}
		if err := s.call(ctx, http.MethodGet, "/api/v1/calls?state=stored&limit=200&cursor="+url.QueryEscape(cursor), nil, &page); err != nil {
			return nil, err
		}
		for _, found := range page.Calls {
			var call earshot.Call // a page need not have the gaps
			if err := s.call(ctx, http.MethodGet, "/api/v1/calls/"+found.ID, nil, &call); err != nil {
				return nil, err
			}
			all = append(all, call)
		}
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// stop asks the server to end, and kills it if it does not.
func (s *server) stop() error {
	s.http.CloseIdleConnections()
	if s.over() {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("ending the server: %w", err)
	}
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-s.ended:
		return nil
	case <-timer.C:
	}
	if err := s.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing the server: %w", err)
	}
	<-s.ended
	return errors.New("the server did not end by itself")
}
