// Package pgtest gives tests a PostgreSQL of their own: one server for a test
// binary, on a socket in a temporary folder, with a fresh database for each
// test. Without sync to disk, so for tests alone.
//
// Goroutines: one a server, which waits for its process; ended by Stop, or by
// the end of the process.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

// server is the one of this test binary; tests of a binary share it because
// making one takes seconds.
var server struct {
	sync.Mutex
	running *running
	err     error
	made    int // databases
}

// errMissing means that PostgreSQL is not installed.
var errMissing = errors.New("PostgreSQL's initdb and postgres were not found; install Debian's postgresql package")

// Start gives t an empty database and answers its URL. The package's TestMain
// must run its tests through Around, which ends the server. Without PostgreSQL
// the test fails where CI=true and is skipped elsewhere.
func Start(t testing.TB) string {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.running == nil && server.err == nil {
		server.running, server.err = start()
	}
	if errors.Is(server.err, errMissing) && os.Getenv("CI") != "true" {
		t.Skip(server.err)
	}
	if server.err != nil {
		t.Fatal(server.err)
	}
	server.made++
	name := fmt.Sprintf("test%d", server.made)
	if err := server.running.create(name); err != nil {
		t.Fatal(err)
	}
	return server.running.url(name)
}

// Stop ends the server, if there is one, and takes its folder away.
func Stop() error {
	server.Lock()
	defer server.Unlock()
	if server.running == nil {
		return nil
	}
	err := server.running.stop()
	server.running = nil
	return err
}

// Tests are what a TestMain is given.
type Tests interface{ Run() int }

// Around are the tests m with the server ended after them; goleak takes it too:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Around(m)) }
func Around(m Tests) Tests { return around{m} }

type around struct{ tests Tests }

func (a around) Run() int {
	code := a.tests.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// running is a server that runs.
type running struct {
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // why it ended; after exited
}

func start() (*running, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := runAs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	if as != nil {
		err = os.Chown(dir, int(as.Uid), int(as.Gid))
	}
	if err == nil {
		err = initialise(bin, dir, as)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r := &running{dir: dir, exited: make(chan struct{})}
	if err := r.launch(bin, as); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := r.ready(); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// programs is the folder of the newest PostgreSQL.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	version := func(i int) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(found[i])))) // an odd name counts as the oldest
		return n
	}
	sort.Slice(found, func(i, j int) bool { return version(i) > version(j) })
	return filepath.Dir(found[0]), nil
}

// runAs is the user postgres where the tests run as root, under whom PostgreSQL
// refuses to run; else nobody in particular.
func runAs() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func initialise(bin, dir string, as *syscall.Credential) error {
	cmd := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"),
		"--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// launch starts the server. The kernel ends it when the thread that started it
// is gone, so that one thread starts it and waits for it: a test binary that is
// killed leaves no server behind.
func (r *running) launch(bin string, as *syscall.Credential) error {
	r.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(r.dir, "data"), "-k", r.dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=100")
	r.cmd.Dir = r.dir
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		return err
	}
	r.cmd.Stdout, r.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			r.err = r.cmd.Wait()
		}
		close(r.exited)
	}()
	return errors.Join(<-started, log.Close())
}

// ready waits until the server answers.
func (r *running) ready() error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := r.exec("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-r.exited:
			return fmt.Errorf("PostgreSQL ended: %w\n%s", errors.Join(err, r.err), r.log())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, r.log())
		}
	}
}

func (r *running) log() []byte {
	log, err := os.ReadFile(filepath.Join(r.dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return log
}

func (r *running) create(name string) error { return r.exec("CREATE DATABASE " + name) }

// exec runs one statement in the server's own database.
func (r *running) exec(statement string) (err error) {
	db, err := sql.Open("pgx", r.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func (r *running) url(database string) string {
	q := url.Values{"host": {r.dir}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

// stop ends the server at once: there is nothing to keep.
func (r *running) stop() error {
	if err := r.halt(syscall.SIGQUIT); err != nil {
		return err
	}
	return os.RemoveAll(r.dir)
}

// halt ends the process by the signal and waits for it.
func (r *running) halt(signal os.Signal) error {
	if err := r.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end PostgreSQL: %w", err)
	}
	<-r.exited
	return nil
}
