// Package redistest runs a real redis-server for tests.
package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Server is a redis-server on a port of its own, with nothing on disk.
type Server struct {
	t    testing.TB
	port int
	dir  string
	cmd  *exec.Cmd
	rest chan struct{} // closed when the rest of its output was read
}

// Start runs a server until the test ends. Where redis-server is not installed
// the test fails if CI=true; otherwise that is printed and ok is false.
func Start(t testing.TB) (s *Server, ok bool) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("redis-server is not installed: %v", err)
		}
		fmt.Printf("%s: not run on a real Redis: %v\n", t.Name(), err)
		return nil, false
	}
	s = &Server{t: t, dir: t.TempDir()}
	t.Cleanup(s.Stop)
	// Between finding a free port and using it somebody else may take it.
	for range 5 {
		s.port = freePort(t)
		if s.run() == nil {
			return s, true
		}
	}
	t.Fatal("redis-server does not start")
	return nil, false
}

// URL is where it is.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Addr is its host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Start runs it again on the same port, with an empty memory.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// Stop kills it, as a power cut would. Stopped already, it does nothing.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Errorf("kill redis-server: %v", err)
	}
	<-s.rest
	_ = s.cmd.Wait() // it was killed, which is what Wait will say
	s.cmd = nil
}

// Freeze keeps it from answering, with its connections open, until Thaw.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%v to redis-server: %v", sig, err)
	}
}

// run starts the process and waits until it says that it is ready.
func (s *Server) run() error {
	cmd := exec.Command("redis-server", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", s.dir, "--daemonize", "no", "--logfile", "")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			s.cmd, s.rest = cmd, make(chan struct{})
			go func() {
				defer close(s.rest)
				_, _ = io.Copy(io.Discard, out) // ends with the process
			}()
			return nil
		}
	}
	return fmt.Errorf("redis-server on port %d ended: %w", s.port, cmd.Wait())
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}
