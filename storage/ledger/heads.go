package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// heads is the file of signed heads, the newest last.
type heads struct {
	mu     sync.Mutex
	file   *os.File
	end    int64 // of the newest whole head
	newest Head  // zero if there is none
}

// openHeads finds the newest head. A torn end is passed over; a writer cuts it.
func openHeads(dir string, readOnly bool) (*heads, error) {
	flags := os.O_RDWR | os.O_CREATE
	if readOnly {
		flags = os.O_RDONLY
	}
	file, err := os.OpenFile(filepath.Join(dir, "heads"), flags, 0o600)
	if readOnly && errors.Is(err, os.ErrNotExist) {
		file, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, err
	}
	h := &heads{file: file}
	if err := h.find(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if !readOnly {
		if err := file.Truncate(h.end); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return h, nil
}

// find reads the file's last heads. Its answer is the last that is whole: what
// follows it is torn. A file that has text but no head does not fit.
func (h *heads) find() error {
	size, err := fileSize(h.file)
	if err != nil || size == 0 {
		return err
	}
	from := max(0, size-4*MaxHead)
	text, err := io.ReadAll(io.NewSectionReader(h.file, from, size-from))
	if err != nil {
		return fmt.Errorf("read the ledger's heads: %w", err)
	}
	at := from
	if from > 0 {
		skip := startOfHead(text)
		text, at = text[skip:], at+int64(skip)
	}
	for {
		head, rest := nextHead(text)
		if head == nil {
			break
		}
		parsed, err := ParseHead(head)
		if err != nil {
			return ErrHead.Because(fmt.Errorf("the head at byte %d of the heads file: %w", at, err))
		}
		at += int64(len(text) - len(rest))
		h.newest, h.end, text = parsed, at, rest
	}
	if h.end == 0 && size > MaxHead {
		return ErrHead.Because(errors.New("the heads file holds no head"))
	}
	return nil
}

// get is the newest head.
func (h *heads) get() Head {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newest
}

// append makes a head durable.
func (h *heads) append(head Head) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := append(append([]byte{}, head.Note...), '\n')
	_, err := h.file.WriteAt(text, h.end)
	if err == nil {
		err = unix.Fdatasync(int(h.file.Fd()))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the ledger's heads: %w", err), h.file.Truncate(h.end))
	}
	h.end += int64(len(text))
	h.newest = head
	return nil
}
