package files

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"earshot"
)

const lockName = "lock"

// takeLock takes the folder for this process and writes its pid into the lock
// file. The kernel gives the lock back when the process ends, however it does.
func takeLock(root *os.Root, dir string) (*os.File, error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = earshot.Fail(ErrLocked.Kind, ErrLocked.Code,
				"%s is in use by another earshot (pid %s)", dir, holder(f))
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := writePid(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func writePid(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder is the pid in a lock file; "unknown" in the instant before it is there.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	pid := strings.TrimSpace(string(text))
	if _, bad := strconv.Atoi(pid); err != nil || bad != nil {
		return "unknown"
	}
	return pid
}

// dropLock leaves the file where it is: taking it away would let two processes
// lock two files of one name. It is unlocked before it is closed: a process being
// started at this instant holds a copy of f until it has begun its program.
func dropLock(f *os.File) error {
	return errors.Join(f.Truncate(0), unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
