package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Server is a PostgreSQL of one test alone, which may end it and start it again.
type Server struct {
	t       testing.TB
	running *running
}

// Own starts a server for t, with an empty database. Where PostgreSQL is missing
// it does as Start does.
func Own(t testing.TB) *Server {
	t.Helper()
	r, err := start()
	if errors.Is(err, errMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err == nil {
		err = r.create("test")
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, running: r}
	t.Cleanup(func() {
		s.Thaw()
		if err := s.running.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// URL is its database's.
func (s *Server) URL() string { return s.running.url("test") }

// Stop ends it, cutting off who is connected.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.running.halt(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
}

// Start runs it again, with what it had.
func (s *Server) Start() {
	s.t.Helper()
	bin, err := programs()
	if err != nil {
		s.t.Fatal(err)
	}
	as, err := runAs()
	if err != nil {
		s.t.Fatal(err)
	}
	again := &running{dir: s.running.dir, exited: make(chan struct{})}
	if err := errors.Join(again.launch(bin, as), again.ready()); err != nil {
		s.t.Fatal(err)
	}
	s.running = again
}

// Freeze keeps it from answering, with its connections open, until Thaw.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

// signal goes to every process of the server, which has one a connection.
func (s *Server) signal(sig syscall.Signal) {
	select {
	case <-s.running.exited:
		return
	default:
	}
	if err := errors.Join(ofChildren(s.running.cmd.Process.Pid, sig), s.running.cmd.Process.Signal(sig)); err != nil {
		s.t.Error(err)
	}
}

// ofChildren sends the signal to each child of a process.
func ofChildren(parent int, sig syscall.Signal) error {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		return err
	}
	for _, file := range tasks {
		list, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, text := range strings.Fields(string(list)) {
			pid, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
	return nil
}
