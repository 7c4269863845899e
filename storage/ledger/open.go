package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"earshot"
)

// Open opens the ledger of the data folder dir, or makes it with its first key.
// What a crash left at its end is cut. Where something inside does not fit it
// fails with ErrDamaged, ErrCut, ErrHead, ErrKey or ErrNoKey; a read-only ledger
// is opened nevertheless, see Fits.
func Open(dir string, opts Options) (*Ledger, error) {
	l := &Ledger{dir: filepath.Join(dir, "ledger"), opts: opts.withDefaults()}
	if !ValidName(l.opts.Name) {
		return nil, earshot.Fail(earshot.Invalid, "bad_ledger_name", "a ledger's name is 1 to 64 of a-z 0-9 . _ -, not %q", l.opts.Name)
	}
	open := l.openToWrite
	if opts.ReadOnly {
		open = l.openToRead
	}
	if err := open(); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	if !opts.ReadOnly {
		l.start()
	}
	return l, nil
}

func (l *Ledger) openToWrite() error {
	if err := os.MkdirAll(l.keysDir(), 0o700); err != nil {
		return err
	}
	var err error
	if l.log, err = openStore(l.dir, false); err != nil {
		return err
	}
	if err := l.log.lock(); err != nil {
		return err
	}
	if l.heads, err = openHeads(l.dir, false); err != nil {
		return err
	}
	if err := errors.Join(syncDir(l.dir), syncDir(filepath.Dir(l.dir))); err != nil {
		return err
	}
	at, err := l.load()
	if err != nil {
		return err
	}
	if err := l.mend(&at); err != nil {
		return fmt.Errorf("mend the ledger: %w", err)
	}
	if err := l.openWitnesses(); err != nil {
		return err
	}
	return l.openKey()
}

// openToRead takes what does not fit as a problem to tell, not as a failure.
func (l *Ledger) openToRead() (err error) {
	if l.log, err = openStore(l.dir, true); err != nil {
		return err
	}
	var bad *earshot.Error
	if l.heads, err = openHeads(l.dir, true); errors.As(err, &bad) {
		l.problem, l.heads = err, &heads{}
	} else if err != nil {
		return err
	}
	if _, err := l.load(); errors.As(err, &bad) {
		l.problem = errors.Join(l.problem, err)
		return l.findKeysAnyway()
	} else if err != nil {
		return err
	}
	return nil
}

// load takes up entries and keys from the newest head on. Where that fails it
// reads everything: what is kept beside the entries may lead astray, and is made
// again from them.
func (l *Ledger) load() (loading, error) {
	head := l.heads.get()
	at, err := l.loadFrom(head, head.Size)
	if err != nil && at.from > 0 {
		at, err = l.loadFrom(head, 0)
	}
	return at, err
}

func (l *Ledger) loadFrom(head Head, from int64) (loading, error) {
	l.log.extraOffsets, l.log.extraHashes = tail{}, tail{}
	at := loading{store: l.log, head: head}
	if err := at.load(from); err != nil {
		return at, err
	}
	if err := l.loadKeys(at.from, at.keys); err != nil {
		return at, err
	}
	if head.Size == 0 {
		return at, nil
	}
	key, ok := l.keys.at(head.Size)
	if !ok {
		return at, ErrKey.Because(errors.New("no key entry lies below the newest head"))
	}
	if err := head.signedBy(key.Public); err != nil {
		return at, ErrHead.Because(fmt.Errorf("the head signed at %s: %w", head.At, err))
	}
	return at, nil
}

// mend makes the files what was loaded.
func (l *Ledger) mend(at *loading) error {
	torn, err := at.mend(l.dir, l.opts.Now())
	if err != nil {
		return err
	}
	if torn > 0 {
		l.opts.Log.Warn("cut an unfinished end off the ledger", "bytes", torn, "entries", l.Size())
	}
	if len(l.keys) == 0 {
		return nil
	}
	return l.writeKeyEntries()
}
