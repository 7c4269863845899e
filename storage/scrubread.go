package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/storage/files"
)

// slowFiles are files read at a scrub's pace.
type slowFiles struct {
	ReadFiles
	scrub *Scrub
	ctx   context.Context //nolint:containedctx // of one look at one call: ReadFiles takes none

	name   string // that was read last, and what it is
	sealed files.Sealed
	err    error
	read   int64 // files
	bytes  int64 // of them
}

// SealedFile reads a file, each only once.
func (f *slowFiles) SealedFile(name string) (files.Sealed, error) {
	if name != f.name {
		f.name = name
		f.sealed, f.err = f.sum(name)
	}
	return f.sealed, f.err
}

func (f *slowFiles) sum(name string) (sealed files.Sealed, err error) {
	file, _, err := f.Open(name)
	if err != nil {
		return sealed, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	for {
		if err := f.scrub.wait(f.ctx); err != nil {
			return sealed, err
		}
		n, err := io.CopyN(sum, file, scrubChunk)
		sealed.Bytes += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sealed, fmt.Errorf("read %s: %w", name, err)
		}
	}
	f.read++
	f.bytes += sealed.Bytes
	sealed.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return sealed, nil
}

// wait lets others have the disk first, and then waits for the scrub's turn.
func (s *Scrub) wait(ctx context.Context) error {
	for s.Busy() {
		timer := time.NewTimer(scrubWaits)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return s.pace.WaitN(ctx, scrubChunk)
}
