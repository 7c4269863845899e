package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"earshot"
	"earshot/storage/evidence"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// PackageLedger is what packages need of the ledger; *ledger.Ledger satisfies it.
type PackageLedger interface {
	Head() ledger.Head
	Sign(ctx context.Context) (ledger.Head, error)
	Keys() []ledger.Key
	Entry(i int64) (ledger.Entry, []byte, error)
	Prove(i, size int64) (proof [][32]byte, err error)
	ProveTree(old, size int64) (proof [][32]byte, err error)
	Receipts() ([]ledger.Receipt, error)
	Witnessed(i int64) ([]ledger.Receipt, error)
}

// PackageOptions are what packages are made with; all must be given.
type PackageOptions struct {
	Archive  *Archive
	Ledger   PackageLedger
	Dir      string // where the packages' files lie
	Site     string
	Software string
	Location *time.Location
	Now      func() time.Time
	Log      *slog.Logger
	// Made writes down, before the package is made, that a call goes into it: the
	// package itself says so.
	Made func(ctx context.Context, p earshot.Package, call earshot.PackageCall) error
}

// Packages makes evidence packages, one after the other. Run must run.
type Packages struct {
	PackageOptions
	dir *os.Root

	jobs chan job

	mu      sync.Mutex
	making  string  // the package being made
	done    float64 // of it
	waiting map[string]bool
}

// job is a package to be made. The passphrase is nowhere but here.
type job struct {
	p                     earshot.Package
	passphrase, recipient string
}

// Bounds of what waits, and how long a package's file stays.
const (
	mostJobs     = 32
	packageStays = 30 * 24 * time.Hour
	packageLooks = time.Minute // at what has to go
)

// Failures of packages that callers tell apart.
var (
	ErrManyPackages = earshot.Fail(earshot.Limited, "many_packages", "many packages are being made; try again in a few minutes")
	ErrNotReady     = earshot.Fail(earshot.Conflict, "not_ready", "the package's file is not there: it is being made, failed, or was taken away")
)

// OpenPackages opens the packages' folder, making it if need be, and takes away
// what a crash left half made.
func OpenPackages(o PackageOptions) (*Packages, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the packages' folder: %w", err)
	}
	dir, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("the packages' folder: %w", err)
	}
	p := &Packages{PackageOptions: o, dir: dir, jobs: make(chan job, mostJobs), waiting: map[string]bool{}}
	if err := p.sweep(); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return p, nil
}

// sweep takes temporary files away.
func (s *Packages) sweep() error {
	entries, err := fs.Glob(s.dir.FS(), "*.tmp")
	for _, name := range entries {
		err = errors.Join(err, s.dir.Remove(name))
	}
	return err
}

// Close gives the folder back.
func (s *Packages) Close() error { return s.dir.Close() }

// Make begins a package: it is there when its state says so. What is wrong with
// what is asked for is answered at once, ErrManyPackages where too many wait.
func (s *Packages) Make(ctx context.Context, p earshot.Package, passphrase, recipient string) (earshot.Package, error) {
	now := s.Now()
	p.ID, p.At = earshot.NewID(now), earshot.At(now)
	p.State, p.ExpiresAt = earshot.PackageMaking, earshot.At(now.Add(packageStays))
	p.Encrypted = passphrase != "" || recipient != ""
	if p.Silence == nil {
		p.Silence = []earshot.PackageSilence{}
	}
	if err := p.Validate(); err != nil {
		return p, err
	}
	if err := evidence.CheckLock(passphrase, recipient); err != nil {
		return p, err
	}
	for _, c := range p.Calls {
		call, err := s.Archive.Call(ctx, c.Call)
		switch {
		case err != nil:
			return p, err
		case call.State != earshot.CallStored:
			return p, ErrNotStored
		case c.FromMs >= call.DurationMs:
			return p, earshot.Fail(earshot.Invalid, "bad_span", "call %s is only %d ms long", c.Call, call.DurationMs)
		}
		if err := evidence.CheckSilence(call, p.Silence); err != nil {
			return p, err
		}
	}
	if len(s.jobs) == mostJobs {
		return p, ErrManyPackages
	}
	s.wait(p.ID, true) // before tidy can see it
	if err := s.Archive.index.SavePackage(ctx, p); err != nil {
		s.wait(p.ID, false)
		return p, err
	}
	select {
	case s.jobs <- job{p, passphrase, recipient}:
		return p, nil
	default:
		s.wait(p.ID, false)
		return p, errors.Join(ErrManyPackages, s.fail(ctx, p, ErrManyPackages))
	}
}

func (s *Packages) wait(id string, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if yes {
		s.waiting[id] = true
	} else {
		delete(s.waiting, id)
	}
}

// Run makes packages and takes old ones away until ctx ends.
func (s *Packages) Run(ctx context.Context) {
	look := time.NewTicker(packageLooks)
	defer look.Stop()
	s.tidy(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			s.tidy(ctx)
		case j := <-s.jobs:
			s.work(ctx, j)
		}
	}
}

// tidy takes files away whose time is over, and marks what a restart cut off.
func (s *Packages) tidy(ctx context.Context) {
	ready, err := s.Archive.index.PackagesIn(ctx, earshot.PackageReady)
	for _, p := range ready {
		if err == nil && s.Now().After(p.ExpiresAt.Time) && !s.Archive.clockDoubtful() {
			err = s.discard(ctx, p)
		}
	}
	making, listErr := s.Archive.index.PackagesIn(ctx, earshot.PackageMaking)
	err = errors.Join(err, listErr)
	for _, p := range making {
		s.mu.Lock()
		ours := s.waiting[p.ID]
		s.mu.Unlock()
		if !ours {
			err = errors.Join(err, s.fail(ctx, p, earshot.Fail(earshot.Unavailable, "interrupted", "the server was stopped while the package was made; make it again")))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Error("packages could not be tidied", "err", err)
	}
}

func (s *Packages) work(ctx context.Context, j job) {
	err := s.make(ctx, &j)
	if err != nil {
		s.Log.Error("a package could not be made", "package", j.p.ID, "err", err)
		err = s.fail(context.WithoutCancel(ctx), j.p, err)
	}
	s.wait(j.p.ID, false)
	if err != nil {
		s.Log.Error("a package's failure could not be noted", "package", j.p.ID, "err", err)
	}
}

func (s *Packages) fail(ctx context.Context, p earshot.Package, why error) error {
	said := earshot.AsError(why)
	p.State, p.Code, p.Error = earshot.PackageFailed, said.Code, said.Text
	return s.Archive.index.SavePackage(ctx, p)
}

// make writes the package's file and says that it is ready.
func (s *Packages) make(ctx context.Context, j *job) error {
	in, err := s.gather(ctx, j.p)
	if err != nil {
		return err
	}
	temp := j.p.ID + ".tmp"
	file, err := s.dir.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin a package: %w", err)
	}
	manifest, sum, size, err := s.write(ctx, file, in, j)
	err = errors.Join(err, file.Close())
	if err != nil {
		return errors.Join(err, s.dir.Remove(temp))
	}
	j.p.File = "earshot-" + j.p.At.In(s.Location).Format("20060102-150405") + "-" + j.p.ID[len(j.p.ID)-6:] + ".zip"
	if j.p.Encrypted {
		j.p.File += ".age"
	}
	if err := s.keepManifest(j.p.ID, manifest); err != nil {
		return errors.Join(err, s.dir.Remove(temp))
	}
	if err := s.dir.Rename(temp, j.p.ID+".zip"); err != nil {
		return errors.Join(fmt.Errorf("complete a package: %w", err), s.dir.Remove(temp))
	}
	j.p.State, j.p.Progress, j.p.SHA256, j.p.Bytes = earshot.PackageReady, 1, sum, size
	j.p.Fingerprint = manifest.Ledger.Fingerprint
	if err := s.Archive.index.SavePackage(ctx, j.p); err != nil {
		// Nobody would know of the file, or take it away.
		return errors.Join(err, s.dir.Remove(j.p.ID+".zip"))
	}
	return nil
}

func (s *Packages) write(ctx context.Context, file *os.File, in evidence.Input, j *job) (*evidence.Manifest, string, int64, error) {
	sum := sha256.New()
	counted := &counter{w: io.MultiWriter(file, sum)}
	locked, err := evidence.Lock(counted, j.passphrase, j.recipient)
	if err != nil {
		return nil, "", 0, err
	}
	manifest, err := evidence.Write(ctx, locked, in, func(done float64) { s.progress(j.p.ID, done) })
	if err = errors.Join(err, locked.Close()); err != nil {
		return nil, "", 0, err
	}
	return manifest, hex.EncodeToString(sum.Sum(nil)), counted.n, file.Sync()
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (s *Packages) progress(id string, done float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making, s.done = id, done
}

// keepManifest keeps what a cover sheet needs. It outlives the package's file and
// the calls: what was said of and by people is not in it.
func (s *Packages) keepManifest(id string, m *evidence.Manifest) error {
	kept := *m
	kept.Calls = slices.Clone(m.Calls)
	for i := range kept.Calls {
		c := &kept.Calls[i]
		c.Call.Number, c.Call.Account, c.Call.Ticket = "", "", ""
		c.Call.Marks, c.Call.Tags, c.Audit = []earshot.Mark{}, []string{}, []earshot.Audit{}
	}
	text, err := json.Marshal(kept)
	if err == nil {
		err = s.dir.WriteFile(id+".json", text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep a package's manifest: %w", err)
	}
	return nil
}

// Package is the package id as it is now; index.ErrNoPackage.
func (s *Packages) Package(ctx context.Context, id string) (earshot.Package, error) {
	p, err := s.Archive.index.Package(ctx, id)
	return s.now(p), err
}

// now fills in how far a package has come.
func (s *Packages) now(p earshot.Package) earshot.Package {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.State == earshot.PackageMaking && s.making == p.ID {
		p.Progress = s.done
	}
	return p
}

// List are the packages, newest first.
func (s *Packages) List(ctx context.Context, cursor string, limit int) (index.PackagePage, error) {
	page, err := s.Archive.index.Packages(ctx, cursor, limit)
	for i := range page.Packages {
		page.Packages[i] = s.now(page.Packages[i])
	}
	return page, err
}

// File opens the package's file; ErrNotReady. The caller closes it.
func (s *Packages) File(ctx context.Context, id string) (*os.File, earshot.Package, error) {
	p, err := s.Archive.index.Package(ctx, id)
	if err != nil {
		return nil, p, err
	}
	if p.State != earshot.PackageReady {
		return nil, p, ErrNotReady
	}
	file, err := s.dir.Open(p.ID + ".zip")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, p, ErrNotReady.Because(err)
	}
	return file, p, err
}

// Cover writes the package's cover sheet, in the font given; ErrNotReady.
func (s *Packages) Cover(ctx context.Context, w io.Writer, id string, font []byte) error {
	p, err := s.Archive.index.Package(ctx, id)
	if err != nil {
		return err
	}
	text, err := s.dir.ReadFile(id + ".json")
	if p.SHA256 == "" || errors.Is(err, fs.ErrNotExist) {
		return ErrNotReady
	}
	if err != nil {
		return fmt.Errorf("read a package's manifest: %w", err)
	}
	var m evidence.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("read a package's manifest: %w", err)
	}
	return evidence.Cover(w, &m, p.SHA256, font, s.Location)
}

// Discard takes a package's file away; its record, manifest and cover stay.
// ErrNotReady where there is none.
func (s *Packages) Discard(ctx context.Context, id string) error {
	p, err := s.Archive.index.Package(ctx, id)
	if err != nil {
		return err
	}
	if p.State == earshot.PackageMaking {
		return ErrNotReady
	}
	return s.discard(ctx, p)
}

func (s *Packages) discard(ctx context.Context, p earshot.Package) error {
	if err := s.dir.Remove(p.ID + ".zip"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take a package away: %w", err)
	}
	if p.State != earshot.PackageFailed {
		p.State = earshot.PackageGone
	}
	return s.Archive.index.SavePackage(ctx, p)
}
