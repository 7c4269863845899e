package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/storage/files"
	"earshot/storage/imports"
	"earshot/storage/index"
)

// ImportFolder is where the files of an import lie; *imports.Folders is one. Walk
// goes before Open.
type ImportFolder interface {
	Walk(ctx context.Context, each func(imports.File) error) error
	Open(path string) (*os.File, fs.FileInfo, error)
	io.Closer
}

// ImportStore takes files in; *files.Store is one.
type ImportStore interface {
	Take(ctx context.Context, from io.Reader) (*files.Incoming, error)
}

// ImportOptions are what Imports work with. Archive, Store and Folder must be given.
type ImportOptions struct {
	Archive *Archive
	Store   ImportStore
	Folder  func(earshot.Import) (ImportFolder, error) // where the files of a batch lie

	Here    func(batch string) bool                  // its files are on this machine: elsewhere it is not gone on with; all are
	Room    func() (free, keep uint64, err error)    // of the disk, and what is not for imports; unbounded
	Busy    func() bool                              // recording needs the disk now: imports wait; never
	Fated   func(batch string, _ earshot.ImportFile) // told of each file's fate, from several goroutines in turn; nobody
	Workers int                                      // files looked at side by side; one a processor
	Log     *slog.Logger
}

// Imports bring in files of older recorders, one batch at a time. Methods may be
// called from any goroutine.
//
// A batch's files lie in a folder until it runs. Each is copied and hashed, told
// what it is, and becomes a call, or is refused with its reason; that is written
// down for each, so that a run that was cut off, by people or by a crash, goes on
// where it was: nothing is lost and nothing comes twice.
//
// Goroutines: one for a batch that Start set off, and for each that runs its
// workers, which have low priority, one that collects what they hand on, and one
// that drops what is left of that when the run is cut off; all end with the batch,
// with Stop or with Close.
type Imports struct {
	ImportOptions
	hashes files.Locks // of files that are being taken in, by SHA-256

	coming atomic.Int64 // bytes of files that are being copied

	mu      sync.Mutex
	closed  bool
	running *importRun // nil while none does

	step func(what string) error // called after each step that a crash can follow; tests fail there
}

// NewImports makes the desk; Close ends what runs.
func NewImports(o ImportOptions) *Imports {
	if o.Workers <= 0 {
		o.Workers = runtime.NumCPU()
	}
	if o.Busy == nil {
		o.Busy = func() bool { return false }
	}
	if o.Here == nil {
		o.Here = func(string) bool { return true }
	}
	if o.Fated == nil {
		o.Fated = func(string, earshot.ImportFile) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Imports{ImportOptions: o, step: func(string) error { return nil }}
}

// Failures of imports that callers tell apart.
var (
	ErrImportRunning = earshot.Fail(earshot.Conflict, "import_running", "the import is running; stop it first")
	ErrImportBusy    = earshot.Fail(earshot.Conflict, "import_busy", "another import is running: one runs at a time")
	ErrImportIdle    = earshot.Fail(earshot.Conflict, "import_idle", "the import is not running")
	ErrImportRoom    = earshot.Fail(earshot.NoRoom, "no_room", "there is no room for this: the rest of the disk is reserved for recording")
)

func (s *Imports) index() *index.Index { return s.Archive.index }
func (s *Imports) now() time.Time      { return s.Archive.now() }

// Create makes a batch without files, a draft. by is a user's id, or cli.
func (s *Imports) Create(ctx context.Context, name, by string) (earshot.Import, error) {
	now := s.now()
	m := earshot.Import{ID: earshot.NewID(now), Name: name, By: by, At: earshot.At(now), State: earshot.ImportDraft}
	if err := m.ValidateName(); err != nil {
		return m, err
	}
	return m, s.index().CreateImport(ctx, m)
}

// Import is the batch id; index.ErrNoImport.
func (s *Imports) Import(ctx context.Context, id string) (earshot.Import, error) {
	return s.index().Import(ctx, id)
}

// Imports are the batches, newest first; see index.Imports.
func (s *Imports) Imports(ctx context.Context, cursor string, limit int) (index.ImportPage, error) {
	return s.index().Imports(ctx, cursor, limit)
}

// Files are files of a batch; see index.ImportFiles.
func (s *Imports) Files(ctx context.Context, q index.ImportFileQuery) (index.ImportFilePage, error) {
	if _, err := s.index().Import(ctx, q.Batch); err != nil {
		return index.ImportFilePage{}, err
	}
	return s.index().ImportFiles(ctx, q)
}

// Reasons are why files of a batch were refused, and what is remarked of others.
func (s *Imports) Reasons(ctx context.Context, id string) (earshot.ImportReasons, error) {
	if _, err := s.index().Import(ctx, id); err != nil {
		return earshot.ImportReasons{}, err
	}
	return s.index().ImportReasons(ctx, id)
}

// Change changes name and settings of a batch that does not run, nil leaving them,
// and answers what it is then;
// index.ErrNoImport, ErrImportRunning, and what is wrong with the settings.
func (s *Imports) Change(ctx context.Context, id string, name *string, settings *earshot.ImportSettings) (earshot.Import, error) {
	if settings != nil {
		if err := s.check(ctx, *settings); err != nil {
			return earshot.Import{}, err
		}
	}
	return s.index().ChangeImport(ctx, id, func(m *earshot.Import) error {
		if m.State == earshot.ImportRunning {
			return ErrImportRunning
		}
		if name != nil {
			m.Name = *name
		}
		if settings != nil {
			m.Settings = *settings
		}
		return m.ValidateName()
	})
}

// check says what is wrong with settings.
func (s *Imports) check(ctx context.Context, settings earshot.ImportSettings) error {
	if err := settings.Validate(); err != nil {
		return err
	}
	if settings.Seat != "" {
		if _, err := s.index().Seat(ctx, settings.Seat); err != nil {
			return err
		}
	}
	if settings.Branch == "" {
		return nil
	}
	branches, err := s.index().Branches(ctx)
	if err != nil {
		return err
	}
	for _, b := range branches {
		if b.ID == settings.Branch {
			return nil
		}
	}
	return index.ErrBadBranch
}

// Delete takes a batch's record away, if it does not run. The calls that it brought
// stay, and still say that it did. index.ErrNoImport, ErrImportRunning.
func (s *Imports) Delete(ctx context.Context, id string) error {
	s.mu.Lock() // it does not begin to run meanwhile
	defer s.mu.Unlock()
	if s.running != nil && s.running.id == id {
		return ErrImportRunning
	}
	if _, err := s.settleHalves(ctx, id); err != nil {
		return err
	}
	return s.index().DeleteImport(ctx, id, func(m earshot.Import) error {
		if m.State == earshot.ImportRunning {
			return ErrImportRunning
		}
		return nil
	})
}

// Start sets a batch off, from its beginning or where it was; files that were
// refused are tried again. It answers at once. index.ErrNoImport, ErrImportBusy,
// ErrImportRunning, ErrPatternFitsNone.
func (s *Imports) Start(ctx context.Context, id string) (earshot.Import, error) {
	run, m, err := s.begin(ctx, id)
	if err != nil {
		return m, err
	}
	go func() { _ = run.do(s) }() // what went wrong is in the batch's record, and the log
	return m, nil
}

// Run is Start, and waits for the batch's end: it fails where Stop or ctx ends it.
func (s *Imports) Run(ctx context.Context, id string) (earshot.Import, error) {
	run, m, err := s.begin(ctx, id)
	if err != nil {
		return m, err
	}
	stop := context.AfterFunc(ctx, run.cancel)
	defer stop()
	err = run.do(s)
	m, reading := s.index().Import(context.WithoutCancel(ctx), id)
	return m, errors.Join(err, reading)
}

// begin makes a batch the one that runs.
func (s *Imports) begin(ctx context.Context, id string) (*importRun, earshot.Import, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, earshot.Import{}, files.ErrClosed
	case s.running != nil && s.running.id == id:
		return nil, earshot.Import{}, ErrImportRunning
	case s.running != nil:
		return nil, earshot.Import{}, ErrImportBusy
	}
	m, err := s.index().Import(ctx, id)
	if err != nil {
		return nil, m, err
	}
	if err := s.check(ctx, m.Settings); err != nil {
		return nil, m, err
	}
	if err := s.checkPattern(ctx, m); err != nil {
		return nil, m, err
	}
	m, err = s.index().ChangeImport(ctx, id, func(m *earshot.Import) error {
		if m.State != earshot.ImportRunning { // which goes on since the process ended
			m.StartedAt = earshot.At(s.now())
		}
		m.State, m.EndedAt, m.Error = earshot.ImportRunning, earshot.Time{}, ""
		return nil
	})
	if err != nil {
		return nil, m, err
	}
	s.running = newImportRun(m)
	return s.running, m, nil
}

// Stop stops a batch that runs, and returns when it has; ErrImportIdle.
func (s *Imports) Stop(ctx context.Context, id string) (earshot.Import, error) {
	s.mu.Lock()
	run := s.running
	if run == nil || run.id != id {
		defer s.mu.Unlock()
		return s.index().ChangeImport(ctx, id, func(m *earshot.Import) error {
			if m.State != earshot.ImportRunning {
				return ErrImportIdle
			}
			m.State, m.EndedAt = earshot.ImportStopped, earshot.At(s.now()) // its run ended while the index was away
			return nil
		})
	}
	s.mu.Unlock()
	run.cancel()
	select {
	case <-run.ended:
		return s.index().Import(ctx, id)
	case <-ctx.Done():
		return earshot.Import{}, ctx.Err()
	}
}

// Resume lets go on what ran when the process ended. What has its files on another
// machine is that one's, which may well be at it.
func (s *Imports) Resume(ctx context.Context) error {
	left, err := s.index().ImportsIn(ctx, earshot.ImportRunning)
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(m earshot.Import) bool { return !s.Here(m.ID) })
	var errs []error
	for i, m := range left {
		var starting error
		if i == 0 {
			_, starting = s.Start(ctx, m.ID)
		}
		if i > 0 || starting != nil { // one runs at a time; and this one cannot
			_, err := s.index().ChangeImport(ctx, m.ID, func(m *earshot.Import) error {
				m.State = earshot.ImportStopped
				if starting != nil {
					m.Error = earshot.AsError(starting).Code
				}
				return nil
			})
			errs = append(errs, err)
		}
		errs = append(errs, starting)
	}
	return errors.Join(errs...)
}

// Close ends what runs, which stays "running" to go on at the next start, and
// waits for it.
func (s *Imports) Close() error {
	s.mu.Lock()
	s.closed = true
	run := s.running
	s.mu.Unlock()
	if run != nil {
		run.leave()
		<-run.ended
	}
	return nil
}
