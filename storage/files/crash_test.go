package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// play runs this test program again as a second process.
func play(t *testing.T, what, dir string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "FILES_TEST_PLAY="+what, "FILES_TEST_DIR="+dir)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func TestLockIsHeldAgainstOthers(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	out, err := play(t, "open", dir).CombinedOutput()
	want := fmt.Sprintf("%s is in use by another earshot (pid %d)\n", dir, os.Getpid())
	if err == nil || string(out) != want {
		t.Errorf("another process got %q, %v; want %q", out, err, want)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second store in this process: %v", err)
	}
	must(t, s.WriteWhole("a", nil)) // the failed ones took nothing from us
	must(t, s.Close())
	if out, err := play(t, "open", dir).CombinedOutput(); err != nil {
		t.Errorf("after Close another process got %s, %v", out, err)
	}
}

func TestLockFileWithoutPid(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir, Options{})
	must(t, os.WriteFile(filepath.Join(dir, "lock"), []byte("not a number"), 0o600))
	if _, err := Open(dir, Options{}); err == nil || !strings.HasSuffix(err.Error(), "(pid unknown)") {
		t.Errorf("got %v", err)
	}
}

// dieAtStep begins "day/a.opus" or replaces "day/a.json" and is killed at a step.
func dieAtStep(dir string) error {
	s, err := Open(dir, Options{FlushEvery: time.Hour})
	if err != nil {
		return err
	}
	s.step = func(step, _ string) {
		if step == os.Getenv("FILES_TEST_STEP") {
			err := unix.Kill(os.Getpid(), unix.SIGKILL)
			panic(fmt.Sprint("still alive: ", err))
		}
	}
	if os.Getenv("FILES_TEST_FILE") == "whole" {
		return s.WriteWhole("day/a.json", []byte("new"))
	}
	p, err := s.Create("day/a.opus")
	if err != nil {
		return err
	}
	err = errors.Join(p.Append([]byte("first ")), p.Flush(), p.Append([]byte("second")))
	return errors.Join(err, seal(p).err, s.Close())
}

func TestKilledBetweenSteps(t *testing.T) {
	for _, c := range []struct {
		file, step string
		want       map[string]string // what is there afterwards, of day/a.*
		unfinished []string
	}{
		{"part", "created", map[string]string{"day/a.opus.part": ""}, []string{"day/a.opus.part"}},
		{"part", "written", map[string]string{"day/a.opus.part": "first second"}, []string{"day/a.opus.part"}},
		{"part", "synced", map[string]string{"day/a.opus.part": "first second"}, []string{"day/a.opus.part"}},
		{"part", "renamed", map[string]string{"day/a.opus": "first second"}, []string{}},
		{"part", "folder synced", map[string]string{"day/a.opus": "first second"}, []string{}},
		{"whole", "created", map[string]string{"day/a.json": "old"}, []string{}},
		{"whole", "synced", map[string]string{"day/a.json": "old"}, []string{}},
		{"whole", "renamed", map[string]string{"day/a.json": "new"}, []string{}},
	} {
		t.Run(c.file+" "+c.step, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir, Options{})
			if c.file == "whole" {
				must(t, s.WriteWhole("day/a.json", []byte("old")))
			}
			must(t, s.Close())
			out, err := play(t, "die", dir, "FILES_TEST_FILE="+c.file, "FILES_TEST_STEP="+c.step).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the other process was not killed: %v %s", err, out)
			}

			s = openStore(t, dir, Options{}) // nobody holds the lock any more
			unfinished, err := s.Unfinished()
			must(t, err)
			if diff := cmp.Diff(c.unfinished, unfinished); diff != "" {
				t.Error(diff)
			}
			got := make(map[string]string)
			must(t, fs.WalkDir(s.audio.FS(), ".", func(name string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					var data []byte
					data, err = s.ReadWhole(name)
					got[name] = string(data)
				}
				return err
			}))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// workUntilKilled writes parts and whole files as fast as it can and prints the
// name of each that is done.
func workUntilKilled(dir string) error {
	s, err := Open(dir, Options{FlushEvery: time.Millisecond})
	if err != nil {
		return err
	}
	errs := make(chan error)
	for w := range 4 {
		go func() {
			for n := 0; ; n++ {
				p, err := s.Create(fmt.Sprintf("%d/%d.opus", w, n))
				if err != nil {
					errs <- err
					return
				}
				for i := range 50 {
					err = errors.Join(err, p.Append(line(i)))
				}
				err = errors.Join(err, p.Append([]byte("end\n")), seal(p).err)
				err = errors.Join(err, s.WriteWhole(fmt.Sprintf("%d/call.json", w), append(bytes.Repeat(line(n), n+1), "end\n"...)))
				if err != nil {
					errs <- err
					return
				}
				fmt.Println(p.Name())
			}
		}()
	}
	return <-errs
}

func line(n int) []byte { return []byte("line " + strconv.Itoa(n) + "\n") }

// Whatever the instant: all that was said to be stored is there, and whatever
// has a final name is complete.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		dir := filepath.Join(dir, strconv.Itoa(round))
		cmd := play(t, "work", dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		done := []string{}
		lines := bufio.NewScanner(out)
		killAfter := 20 + rand.IntN(40)
		for lines.Scan() {
			done = append(done, lines.Text())
			if len(done) == killAfter {
				must(t, cmd.Process.Kill())
			}
		}
		if err := cmd.Wait(); err == nil || len(done) < killAfter {
			t.Fatalf("the other process ended by itself: %v %q", err, done)
		}

		s := openStore(t, dir, Options{})
		unfinished, err := s.Unfinished()
		must(t, err)
		for _, name := range done {
			if _, err := s.ReadWhole(name); err != nil {
				t.Errorf("lost %s: %v", name, err)
			}
		}
		must(t, fs.WalkDir(s.audio.FS(), ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			if strings.HasSuffix(name, ".part") {
				unfinished = remove(unfinished, name)
				return nil
			}
			data, err := s.ReadWhole(name)
			if !bytes.HasSuffix(data, []byte("end\n")) {
				t.Errorf("%s has a final name and is not complete", name)
			}
			return err
		}))
		if len(unfinished) > 0 {
			t.Errorf("unfinished, but not there: %v", unfinished)
		}
		must(t, s.Close())
	}
}

func remove(names []string, name string) []string {
	kept := []string{}
	for _, n := range names {
		if n != name {
			kept = append(kept, n)
		}
	}
	return kept
}

func TestUnfinishedWithoutItsList(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	p := create(t, s, "2025/01/02/a.opus")
	must(t, p.Append([]byte("a")))
	must(t, p.Flush())
	now, err := s.Unfinished()
	must(t, err)
	if len(now) != 0 {
		t.Errorf("a part being written counts as unfinished: %v", now)
	}
	must(t, s.Close())
	must(t, os.Remove(filepath.Join(dir, "unfinished")))
	for range 2 { // found again each time, until somebody deals with it
		s = openStore(t, dir, Options{})
		got, err := s.Unfinished()
		must(t, err)
		if diff := cmp.Diff([]string{"2025/01/02/a.opus.part"}, got); diff != "" {
			t.Error(diff)
		}
		must(t, s.Close())
	}
	s = openStore(t, dir, Options{})
	must(t, s.Remove("2025/01/02/a.opus.part"))
	if got, err := s.Unfinished(); err != nil || len(got) != 0 {
		t.Errorf("after Remove: %v, %v", got, err)
	}
	list, err := os.ReadFile(filepath.Join(dir, "unfinished"))
	if err != nil || strings.Contains(string(list), "2025") {
		t.Errorf("a finished folder is still on the list: %q, %v", list, err)
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/earshot"} {
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrUnwritable) || !strings.Contains(err.Error(), dir) {
			t.Errorf("Open(%s): %v", dir, err)
		}
	}
}

// Root may write everywhere, so the test looks at the folder as nobody does.
func TestReadOnlyFolder(t *testing.T) {
	for _, c := range []struct {
		name     string
		dir, sub os.FileMode
		want     error
	}{
		{"all open", 0o777, 0o777, nil},
		{"data folder", 0o555, 0o777, ErrUnwritable},
		{"audio folder", 0o777, 0o555, ErrUnwritable},
	} {
		t.Run(c.name, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "data")
			must(t, os.MkdirAll(filepath.Join(dir, "audio"), 0o700))
			for path, mode := range map[string]os.FileMode{
				filepath.Dir(above): 0o755, above: 0o755, filepath.Join(dir, "audio"): c.sub, dir: c.dir,
			} {
				must(t, os.Chmod(path, mode))
			}
			err := asNobody(func() error {
				s, err := Open(dir, Options{})
				if err != nil {
					return err
				}
				return s.Close()
			})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// asNobody runs fn on a thread that has no rights over root's files; the thread
// ends with it.
func asNobody(fn func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		if os.Getuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				result <- err
				return
			}
		}
		result <- fn()
	}()
	return <-result
}
