package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// powerCut knows how much of each file a disk would still have if the power
// failed now: what the last sync that returned has covered.
type powerCut struct {
	dir  string
	mu   sync.Mutex
	safe map[string]int64 // bytes, by final name
}

func newPowerCut(dir string) *powerCut {
	return &powerCut{dir: dir, safe: map[string]int64{}}
}

// sync does a sync and notes what it has covered.
func (p *powerCut) sync(what, name string, do func() error) error {
	sizes, err := sizesIn(p.dir)
	if err != nil {
		return err
	}
	if err := do(); err != nil || what == "folder" {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for file, size := range sizes {
		if what == "disk" || file == filepath.Join("audio", name) || file == filepath.Join("journal", name) {
			p.safe[file] = max(p.safe[file], size)
		}
	}
	return nil
}

// before notes what is safe before each step at which the process may die. The
// note is a step behind where others sync meanwhile: a disk may do that too.
func (p *powerCut) before(die func(step, name string)) func(step, name string) {
	return func(step, name string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		note, err := json.Marshal(p.safe)
		if err == nil && step == os.Getenv("FILES_TEST_STEP") {
			err = os.WriteFile(p.dir+".safe", note, 0o600)
		}
		if err != nil {
			panic(err)
		}
		die(step, name)
	}
}

// sizesIn are the sizes of all files by the names they will have.
func sizesIn(dir string) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sizes[strings.TrimSuffix(name, ".part")] = info.Size()
		return err
	})
	return sizes, err
}

// forget takes from a folder what had not been synced: cut off, or zero where a
// file system had noted the size already.
func forget(t *testing.T, dir string, zeroed bool) {
	t.Helper()
	note, err := os.ReadFile(dir + ".safe")
	must(t, err)
	safe := map[string]int64{}
	must(t, json.Unmarshal(note, &safe))
	for _, sub := range []string{"audio", "journal"} {
		must(t, filepath.WalkDir(filepath.Join(dir, sub), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, strings.TrimSuffix(path, ".part"))
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil || info.Size() <= safe[name] {
				return err
			}
			if sub == "audio" && !strings.HasSuffix(path, ".part") {
				t.Errorf("%s has its final name, and %d of %d bytes", name, safe[name], info.Size())
			}
			err = os.Truncate(path, safe[name])
			if zeroed {
				err = errors.Join(err, os.Truncate(path, info.Size()))
			}
			return err
		}))
	}
}

// The power fails at each step: all that was said to be safe is there.
func TestJournalWhenThePowerFails(t *testing.T) {
	for _, step := range []string{
		"segment created", "records written", "states synced", "created", "files safe", "segment dropped",
		"written", "synced", "renamed", "folder synced",
	} {
		for _, nth := range []int{1, 2, 4, 7} {
			t.Run(fmt.Sprintf("%s %d", step, nth), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "data")
				cmd := play(t, "tape", dir, "FILES_TEST_POWER=1", "FILES_TEST_STEP="+step, fmt.Sprintf("FILES_TEST_NTH=%d", nth))
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the other process was not killed: %v %s", err, out)
				}
				forget(t, dir, nth%2 == 0)
				checkTape(t, dir, strings.Split(string(out), "\n"))
			})
		}
	}
}
