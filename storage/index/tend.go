package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"earshot"
)

// TendOptions say how an index is opened that may be away; the zero value of
// each field has a default.
type TendOptions struct {
	Now    func() time.Time // time.Now
	Log    *slog.Logger
	Alarms *earshot.Alarms
	Every  time.Duration // it is looked after so often; 1 s

	// Opened is called each time that the index came to be usable, the first time
	// maybe before Tend returns. Until it returns nothing is looked after.
	Opened func(ctx context.Context)
}

func (o TendOptions) withDefaults() TendOptions {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Alarms == nil {
		o.Alarms = new(earshot.Alarms)
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	return o
}

// How patient a tender is.
const (
	openWithin  = 10 * time.Second       // to open the index; bringing its tables up to date takes what it takes
	checkWithin = 2 * time.Second        // for an answer
	lockWithin  = 900 * time.Millisecond // another process may hold the write lock so long
)

// Failures that looking after an index meets.
var (
	errMoved    = errors.New("the file was removed or replaced while it was in use")
	errNoIndex  = errors.New("the file is damaged: it does not begin as an index does")
	errLocked   = errors.New("another process holds the lock for writing")
	errNotAsked = errors.New("it was not opened yet")
)

// tender opens an index and looks after it until its end.
type tender struct {
	ix   *Index
	opts TendOptions
	end  context.CancelFunc
	done sync.WaitGroup

	file      os.FileInfo // SQLite's, as it was opened
	opened    bool
	treeMoved atomic.Bool // branches did: calls lack terms
	troubled  bool        // said in the log
}

// Tend opens the index at url as Open does, but where it is away that is no
// error: everybody who asks it gets ErrAway until it is there, AlarmIndexAway
// says why, and it is tried again each second. An index that goes away, is locked by another
// process, damaged, removed or replaced is said and, where that can be,
// healed. It fails only with code `bad_index_url`.
func Tend(ctx context.Context, url string, opts TendOptions) (*Index, error) {
	ix, err := connect(url)
	if err != nil {
		return nil, err
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	t := &tender{ix: ix, opts: opts.withDefaults(), end: end}
	ix.tender, ix.trouble.now = t, t.opts.Now
	ix.gate.close(errNotAsked)
	startEnds := context.AfterFunc(ctx, end) // bringing tables up to date may take long
	t.look(running)
	startEnds()
	t.done.Go(func() { t.run(running) })
	t.done.Go(func() { t.completeTerms(running) })
	return ix, nil
}

func (t *tender) close() {
	t.end()
	t.done.Wait()
}

func (t *tender) run(ctx context.Context) {
	ticker := time.NewTicker(t.opts.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look opens the index, or sees whether it can still be used, and says so.
func (t *tender) look(ctx context.Context) {
	var err error
	if !t.opened {
		err = t.open(ctx)
	} else {
		err = t.check(ctx)
	}
	if ctx.Err() == nil {
		t.say(err)
	}
}

func (t *tender) open(ctx context.Context) error {
	if err := t.ix.start(ctx, openWithin, t.opts.Log); err != nil {
		t.ix.gate.close(err)
		return err
	}
	t.file = t.ix.stat()
	t.ix.trouble.forget()
	t.ix.gate.open()
	t.opened = true
	if t.opts.Opened != nil {
		t.opts.Opened(ctx)
	}
	return nil
}

// check sees whether the open index can be used. One that must be opened anew
// is shut.
func (t *tender) check(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	if err := t.checkFile(); err != nil {
		return t.shut(ctx, err)
	}
	if err := t.ix.Healthy(asking); err != nil {
		if t.ix.postgres && !errors.Is(err, ErrAway) && asking.Err() == nil { // the database lost its tables
			return t.shut(ctx, err)
		}
		return err
	}
	if err := t.ix.mayWrite(asking); err != nil {
		return err
	}
	if complete, err := t.ix.termsComplete(asking); errors.Is(err, errNewer) {
		return t.shut(ctx, err)
	} else if err != nil {
		return err
	} else if !complete {
		t.treeMoved.Store(true)
	}
	refused, _ := t.ix.trouble.list(t.opts.Now())
	return refused
}

// checkFile sees whether SQLite's file is still the one that was opened, and
// still begins as one. Pages that lie in memory would hide both for long.
func (t *tender) checkFile() error {
	if t.ix.postgres {
		return nil
	}
	now := t.ix.stat()
	if now == nil || t.file == nil || !os.SameFile(now, t.file) {
		return errMoved
	}
	head, err := readHead(t.ix.path)
	if err != nil {
		return err
	}
	if head != sqliteHead {
		return errNoIndex
	}
	return nil
}

const sqliteHead = "SQLite format 3\x00"

func readHead(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	head := make([]byte, len(sqliteHead))
	n, err := f.ReadAt(head, 0)
	err = errors.Join(err, f.Close())
	if n == len(head) {
		err = nil
	}
	return string(head[:n]), err
}

// shut keeps everybody out of an index that is to be opened anew, having put
// back a file that was removed.
func (t *tender) shut(ctx context.Context, why error) error {
	t.ix.gate.close(why)
	t.opened = false
	if errors.Is(why, errMoved) && t.ix.stat() == nil {
		if err := t.ix.putBack(ctx); err != nil {
			t.opts.Log.Error("the index was removed, and what was in it cannot be put back", "err", err)
		} else {
			t.opts.Log.Warn("the index was removed while it was in use; it was put back with all that was in it", "file", t.ix.path)
		}
	}
	t.ix.dropConnections()
	return why
}

// say raises and clears the alarms, and logs once each way.
func (t *tender) say(err error) {
	alarms, now := t.opts.Alarms.From("index"), t.opts.Now()
	if err != nil {
		alarms.Raise(earshot.AlarmIndexAway, earshot.Warning, now, oneLine(err))
		if !t.troubled {
			t.opts.Log.Error("the index is away; recording goes on, calls enter it afterwards", "err", err)
		}
	} else {
		alarms.Clear(earshot.AlarmIndexAway)
		if t.troubled {
			t.opts.Log.Info("the index is there again")
		}
	}
	t.troubled = err != nil
	if _, damage := t.ix.trouble.list(now); damage != nil {
		alarms.Raise(earshot.AlarmDamage, earshot.Warning, now, "index: "+oneLine(damage))
	} else {
		alarms.Clear(earshot.AlarmDamage)
	}
}

// oneLine is err for people to read.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// mayWrite is nil unless another process keeps us from writing. Our own long
// changes do not count.
func (ix *Index) mayWrite(ctx context.Context) error {
	if ix.postgres || ix.writing.Load() > 0 {
		return nil
	}
	conn, err := ix.lockProbe.Conn(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	if err == nil {
		_, err = conn.ExecContext(ctx, "ROLLBACK")
	}
	err = errors.Join(err, conn.Close())
	if busy(err) {
		if ix.writing.Load() > 0 {
			return nil
		}
		return errLocked
	}
	return err
}

// stat is SQLite's file, nil if there is none.
func (ix *Index) stat() os.FileInfo {
	if ix.postgres {
		return nil
	}
	info, err := os.Stat(ix.path)
	if err != nil {
		return nil
	}
	return info
}

// putBack writes what the connections still have of a removed file to where it
// was. SQLite itself refuses changes of a file that was removed, so nothing is
// lost between.
func (ix *Index) putBack(ctx context.Context) error {
	rescued := ix.path + ".rescued"
	if err := errors.Join(removeIfThere(rescued), removeIfThere(ix.path+"-wal"), removeIfThere(ix.path+"-shm")); err != nil {
		return err
	}
	if _, err := ix.write.DB.ExecContext(ctx, "VACUUM INTO ?", rescued); err != nil {
		return fmt.Errorf("copy what is in it: %w", err)
	}
	ix.dropConnections()
	if err := errors.Join(os.Chmod(rescued, 0o600), syncFile(rescued)); err != nil {
		return err
	}
	return os.Rename(rescued, ix.path)
}

func removeIfThere(name string) error {
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// dropConnections closes the connections that nobody uses now, and those in use
// as soon as they are given back within a while.
func (ix *Index) dropConnections() {
	pools := []*sql.DB{ix.write.DB}
	if ix.read != ix.write {
		pools = append(pools, ix.read.DB, ix.lockProbe)
	}
	for _, db := range pools {
		db.SetMaxIdleConns(0)
	}
	deadline := time.Now().Add(checkWithin)
	for _, db := range pools {
		for db.Stats().OpenConnections > 0 && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
	}
	ix.keepIdle()
}
