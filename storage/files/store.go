package files

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"earshot"
)

// Options of a store; the zero value of each field has a default.
type Options struct {
	Log        *slog.Logger
	FlushEvery time.Duration // a part's bytes wait for the disk so long at most; 1 s, with a journal 10 s
	MaxBuffer  int           // bytes a part may hold in memory before Append refuses; 8 MiB
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBuffer <= 0 {
		o.MaxBuffer = 8 << 20
	}
	return o
}

// Failures of this package that callers tell apart.
var (
	ErrLocked     = earshot.Fail(earshot.Conflict, "folder_locked", "the data folder is in use by another earshot")
	ErrUnwritable = earshot.Fail(earshot.Unavailable, "folder_unwritable", "the data folder cannot be written")
	ErrName       = earshot.Fail(earshot.Invalid, "bad_file_name", "a file name is a relative slashed path below the audio folder")
	ErrExists     = earshot.Fail(earshot.Conflict, "file_exists", "there is a file of that name")
	ErrOverflow   = earshot.Fail(earshot.Unavailable, "disk_slow", "the disk does not keep up with the recording")
	ErrClosed     = errors.New("the file or its store is closed")
)

// Store is an open data folder. Its methods may be called from any goroutine.
type Store struct {
	opts  Options
	dir   *os.Root
	audio *os.Root
	lock  *os.File
	disk  *os.File // the audio folder, for syncs of its whole file system
	on    uint64   // which file system that is

	kick  chan *Part // parts with much to write
	stop  chan struct{}
	ended chan struct{}  // the flusher has
	busy  sync.WaitGroup // parts being sealed

	resums  chan struct{} // a slot each for a file read again
	commits *committer
	open    *folders
	names   Locks // one writer of a whole file at a time

	mu      sync.Mutex
	closed  bool
	parts   map[string]*Part // not yet sealed or discarded, by final name
	trouble error            // why the last flush did not write everything
	journal *Journal         // nil where none is open

	flushes atomic.Int64

	// step is called after each step towards a final name; tests die there.
	step func(step, name string)
	// sync stands before each sync, which is do; only tests set it.
	sync func(what, name string, do func() error) error
}

// Open takes the folder dir, making what is missing. It fails with ErrLocked
// where another process has it and with ErrUnwritable where it cannot be used.
func Open(dir string, opts Options) (*Store, error) {
	s := &Store{
		opts:  opts.withDefaults(),
		kick:  make(chan *Part, 256),
		stop:  make(chan struct{}),
		ended: make(chan struct{}),
		parts: make(map[string]*Part),
		step:  func(string, string) {},

		resums: make(chan struct{}, resumsAtOnce),
	}
	s.commits = newCommitter(s)
	go s.commits.run()
	if err := s.take(dir); err != nil {
		s.commits.close()
		return nil, errors.Join(err, s.release())
	}
	go s.flushing()
	return s, nil
}

// take opens and locks the folder.
func (s *Store) take(dir string) error {
	unwritable := func(err error) error {
		e := earshot.Fail(ErrUnwritable.Kind, ErrUnwritable.Code, "the data folder %s cannot be written", dir)
		return e.Because(err)
	}
	var err error
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return unwritable(err)
	}
	if s.dir, err = os.OpenRoot(dir); err != nil {
		return unwritable(err)
	}
	if s.lock, err = takeLock(s.dir, dir); err != nil {
		if errors.Is(err, ErrLocked) {
			return err
		}
		return unwritable(err)
	}
	if err = s.dir.Mkdir("audio", 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return unwritable(err)
	}
	if s.audio, err = s.dir.OpenRoot("audio"); err != nil {
		return unwritable(err)
	}
	if s.disk, err = s.audio.Open("."); err != nil {
		return unwritable(err)
	}
	if s.on, err = fileSystem(s.disk); err != nil {
		return unwritable(err)
	}
	if s.open, err = loadFolders(s.dir, s.audio, s.syncDir); err != nil {
		return unwritable(err)
	}
	if err = s.clearIncoming(); err != nil {
		return unwritable(err)
	}
	// The folder may belong to somebody else although the lock could be taken.
	if err = s.WriteWhole(".writable", nil); err != nil {
		return unwritable(err)
	}
	if err = s.Remove(".writable"); err != nil {
		return unwritable(err)
	}
	return nil
}

// release gives back what take took, as far as it came.
func (s *Store) release() error {
	var errs []error
	if s.lock != nil {
		errs = append(errs, dropLock(s.lock))
	}
	if s.disk != nil {
		errs = append(errs, s.disk.Close())
	}
	for _, root := range []*os.Root{s.audio, s.dir} {
		if root != nil {
			errs = append(errs, root.Close())
		}
	}
	return errors.Join(errs...)
}

// Close writes and syncs what is buffered, waits for parts being sealed and
// their done functions, and gives the folder back. Parts that nobody sealed
// keep their .part name. No goroutine is left when it returns.
func (s *Store) Close() error {
	s.mu.Lock()
	journal := s.journal
	s.mu.Unlock()
	var errs []error
	if journal != nil {
		errs = append(errs, journal.Close())
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	var left []*Part
	for _, p := range s.parts {
		left = append(left, p)
	}
	s.mu.Unlock()

	close(s.stop)
	<-s.ended
	s.busy.Wait()
	s.commits.close()
	for _, p := range left {
		if err := p.leave(); err != nil {
			errs = append(errs, fmt.Errorf("leave %s%s: %w", p.name, partSuffix, err))
		}
	}
	return errors.Join(append(errs, s.release())...)
}

// Healthy is why the disk did not take everything at the last flush, nil if it
// did.
func (s *Store) Healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// Free is how much more the disk can take, in bytes.
func (s *Store) Free() (uint64, error) {
	stat, err := s.statfs()
	return stat.Bavail * uint64(stat.Bsize), err
}

// Total is how much the disk can hold altogether, in bytes.
func (s *Store) Total() (uint64, error) {
	stat, err := s.statfs()
	return stat.Blocks * uint64(stat.Bsize), err
}

func (s *Store) statfs() (unix.Statfs_t, error) {
	var stat unix.Statfs_t
	dir, err := s.audio.Open(".")
	if err == nil {
		err = unix.Fstatfs(int(dir.Fd()), &stat)
		err = errors.Join(err, dir.Close())
	}
	if err != nil {
		return unix.Statfs_t{}, fmt.Errorf("space on the disk: %w", err)
	}
	return stat, nil
}
