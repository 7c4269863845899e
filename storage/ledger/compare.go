package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"earshot"
)

// CompareCheckpoint compares the ledger with what a witness kept: one signed
// head, or several as a file witness keeps them. It reads the entries
// themselves. It fails with ErrCheckpointKey, ErrCheckpointCut,
// ErrCheckpointRewritten, or with ErrHead where the text is no head. A
// checkpoint without any of these holds for every entry below its size.
func (l *Ledger) CompareCheckpoint(text []byte) error {
	checkpoints, err := parseCheckpoints(text)
	if err != nil {
		return err
	}
	keys := l.Keys()
	for _, c := range checkpoints {
		if len(keys) == 0 || c.Name != keys[0].Name {
			return earshot.Fail(ErrCheckpointKey.Kind, ErrCheckpointKey.Code, "the checkpoint is of the ledger %s, this is %s", c.Name, l.Name())
		}
		if err := c.signedBy(PublicKeys(keys)...); err != nil {
			return earshot.Fail(ErrCheckpointKey.Kind, ErrCheckpointKey.Code,
				"the checkpoint of %s is signed by no key this ledger ever had: the checkpoint is false, or the ledger was made anew", c.At).Because(err)
		}
	}
	slices.SortStableFunc(checkpoints, func(a, b Head) int { return int(a.Size - b.Size) })
	f, err := os.Open(filepath.Join(l.dir, "entries"))
	if err != nil {
		return fmt.Errorf("compare with a checkpoint: %w", err)
	}
	return errors.Join(compare(newLines(f, 0), checkpoints), f.Close())
}

// parseCheckpoints reads one head or several with an empty line between them.
// The line ends of another system, and empty lines around, do no harm.
func parseCheckpoints(text []byte) ([]Head, error) {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = append(bytes.TrimSpace(text), "\n\n"...)
	var heads []Head
	for len(text) > 0 {
		head, rest := nextHead(text)
		h, err := ParseHead(head)
		if err != nil {
			return nil, err
		}
		heads, text = append(heads, h), rest
	}
	return heads, nil
}

func compare(entries *lines, checkpoints []Head) error {
	var tree frontier
	for _, c := range checkpoints {
		for tree.size < c.Size {
			line, err := entries.next()
			if errors.Is(err, io.EOF) {
				return earshot.Fail(ErrCheckpointCut.Kind, ErrCheckpointCut.Code,
					"the ledger has %d entries; at %s it had %d", tree.size, c.At, c.Size)
			}
			if err != nil {
				return fmt.Errorf("compare with a checkpoint: %w", err)
			}
			if _, err := tree.add(LeafHash(line)); err != nil {
				return err
			}
		}
		root, err := tree.root()
		if err != nil {
			return err
		}
		if root != c.Root {
			return earshot.Fail(ErrCheckpointRewritten.Kind, ErrCheckpointRewritten.Code,
				"the first %d entries are not those that the ledger had at %s: it was changed since", c.Size, c.At)
		}
	}
	return nil
}
