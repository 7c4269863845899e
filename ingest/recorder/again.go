package recorder

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"sync"

	"earshot"
)

// again are the files of a replay: what is there already is the call's own, and
// is gone on with. A complete file is not written again.
type again struct {
	Files
	taken map[string]bool // names that were not the call's when it asked for them

	mu    sync.Mutex
	other map[string]bool // complete files in which is something else than was replayed
}

// errTaken answers as the disk did.
var errTaken = earshot.Fail(earshot.Conflict, "file_exists", "there was a file of that name")

func (a *again) Create(name string) (File, error) {
	if a.taken[name] {
		return nil, errTaken
	}
	return a.Resume(name, FileState{})
}

func (a *again) Resume(name string, state FileState) (File, error) {
	file, err := a.Files.Resume(name, state)
	if !finished(err) {
		return file, err
	}
	c := &complete{again: a, name: name, sum: sha256.New(), size: state.Bytes, unsure: state.Resum}
	if state.Bytes > 0 {
		u, ok := c.sum.(encoding.BinaryUnmarshaler)
		c.unsure = c.unsure || !ok || u.UnmarshalBinary(state.Sum) != nil
	}
	return c, nil
}

// finished says whether a file could not be taken up because it is complete.
func finished(err error) bool { return err != nil && earshot.AsError(err).Code == errTaken.Code }

func (a *again) differs(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.other[name]
}

// complete is a file that had been completed. What is appended to it is only
// compared.
type complete struct {
	again  *again
	name   string
	sum    hash.Hash
	size   int64
	unsure bool // the sum is not that of the file
}

func (c *complete) Append(p []byte) error {
	c.size += int64(len(p))
	_, err := c.sum.Write(p)
	return err
}

func (c *complete) Patch(int64, []byte) error {
	c.unsure = true
	return nil
}

func (c *complete) Bytes() ([]byte, error) { return c.again.ReadWhole(c.name) }

func (c *complete) ReadAt(p []byte, off int64) (int, error) {
	all, err := c.Bytes()
	if err != nil {
		return 0, err
	}
	return bytes.NewReader(all).ReadAt(p, off)
}

func (c *complete) State() FileState { return FileState{Bytes: c.size, Resum: true} }

func (c *complete) Discard() error { return nil }

func (c *complete) Seal(done func(Sealed, error)) {
	size, sum, unsure := c.size, hex.EncodeToString(c.sum.Sum(nil)), c.unsure
	go func() {
		sealed, err := c.again.SealedFile(c.name)
		if err == nil && (sealed.Bytes != size || !unsure && sealed.SHA256 != sum) {
			c.again.mu.Lock()
			if c.again.other == nil {
				c.again.other = map[string]bool{}
			}
			c.again.other[c.name] = true
			c.again.mu.Unlock()
		}
		done(sealed, err)
	}()
}
