package ledger

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"earshot"
)

// Receiver keeps heads of ledgers elsewhere, as a witness. It takes only heads
// that go on the one it took before, signed by a key that the one before it
// signed for; what does not fit is kept too, as proof against who signed it. Its
// methods may be called from any goroutine.
//
//	DIR/<site>/heads      the heads taken, as in the ledger itself
//	DIR/<site>/keys       the successions of that ledger's keys, in JSON
//	DIR/<site>/conflicts  submissions that did not fit, a line of JSON each
type Receiver struct {
	Dir string
	// Trusted has the first key of the ledgers whose fingerprint was had another
	// way, by name (earshot/<site>). Others' are believed at first sight.
	Trusted map[string]ed25519.PublicKey
	// Countersign adds a signature to a head, if not nil: see Ledger.Countersign.
	Countersign func(note []byte) ([]byte, error)
	// Conflict is told of a submission that does not fit, if not nil.
	Conflict func(name string, err error)

	mu sync.Mutex
}

// BehindError says that a witness took another head before than the submission
// goes on from: prove from Size.
type BehindError struct{ Size int64 }

func (e *BehindError) Error() string {
	return fmt.Sprintf("the witness has taken %d entries; prove from there", e.Size)
}

// Accept takes a head, durably, and answers it, countersigned where that is
// wanted. It fails with a BehindError, with ErrHead, ErrSignature and ErrKey,
// and, keeping the submission, with ErrCheckpointKey, ErrCheckpointCut and
// ErrCheckpointRewritten.
func (r *Receiver) Accept(ctx context.Context, s Submission) (receipt []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	head, err := ParseHead(s.Head.Note) // nothing else in s.Head is signed
	if err != nil {
		return nil, err
	}
	s.Head = head
	r.mu.Lock()
	defer r.mu.Unlock()
	dir := filepath.Join(r.Dir, strings.TrimPrefix(head.Name, namePrefix))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	kept, err := openHeads(dir, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, kept.file.Close()) }()
	if err := r.judge(dir, kept.newest, s); err != nil {
		return nil, r.refuse(dir, s, err)
	}
	if string(kept.newest.Note) != string(head.Note) {
		if err := kept.append(head); err != nil {
			return nil, err
		}
	}
	if r.Countersign == nil {
		return head.Note, nil
	}
	return r.Countersign(head.Note)
}

// judge says whether a submission fits what was taken before.
func (r *Receiver) judge(dir string, before Head, s Submission) error {
	keys, err := r.judgeKeys(dir, s)
	if err != nil {
		return err
	}
	if err := s.Head.signedBy(PublicKeys(keys)...); err != nil {
		return err
	}
	switch {
	case s.Head.Size < before.Size:
		return earshot.Fail(ErrCheckpointCut.Kind, ErrCheckpointCut.Code,
			"the head has %d entries, one of %s had %d", s.Head.Size, before.At, before.Size)
	case s.Head.Size == before.Size && s.Head.Root != before.Root:
		return ErrCheckpointRewritten
	case s.Head.Size == before.Size || before.Size == 0:
	case s.OldSize != before.Size:
		return &BehindError{before.Size}
	default:
		if err := CheckConsistency(before, s.Head, s.Proof); err != nil {
			return ErrCheckpointRewritten.Because(err)
		}
	}
	return r.keepKeys(dir, s.Keys)
}

// judgeKeys checks that the keys go on those known before.
func (r *Receiver) judgeKeys(dir string, s Submission) ([]Key, error) {
	keys, err := CheckKeys(s.Keys)
	if err != nil {
		return nil, err
	}
	known, err := r.knownKeys(dir, s.Head.Name)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if k.Name != s.Head.Name {
			return nil, ErrKey.Because(errors.New("a key of another ledger"))
		}
		if !k.Linked || i < len(known) && !known[i].Equal(k.Public) {
			return nil, ErrCheckpointKey
		}
	}
	if len(keys) == 0 || len(keys) < len(known) {
		return nil, ErrCheckpointKey
	}
	return keys, nil
}

func (r *Receiver) knownKeys(dir, name string) ([]ed25519.PublicKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, "keys"))
	if errors.Is(err, os.ErrNotExist) {
		if first, ok := r.Trusted[name]; ok {
			return []ed25519.PublicKey{first}, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var successions []string
	if err := json.Unmarshal(text, &successions); err != nil {
		return nil, fmt.Errorf("read the keys of %s: %w", name, err)
	}
	keys, err := CheckKeys(successions)
	return PublicKeys(keys), err
}

func (r *Receiver) keepKeys(dir string, successions []string) error {
	text, err := json.Marshal(successions)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "keys")
	if old, err := os.ReadFile(name); err == nil && string(old) == string(text) {
		return nil
	}
	return writeWhole(name, text, 0o600)
}

// refuse keeps a submission that contradicts what was taken.
func (r *Receiver) refuse(dir string, s Submission, why error) error {
	if !errors.Is(why, ErrCheckpointKey) && !errors.Is(why, ErrCheckpointCut) && !errors.Is(why, ErrCheckpointRewritten) {
		return why
	}
	if r.Conflict != nil {
		r.Conflict(s.Head.Name, why)
	}
	line, err := json.Marshal(wireOf(s))
	if err != nil {
		return errors.Join(why, err)
	}
	name := filepath.Join(dir, "conflicts")
	if info, err := os.Stat(name); err == nil && info.Size() > maxConflicts {
		return why // one would do; a thousand would fill the disk
	}
	if err := appendDurably(name, append(line, '\n')); err != nil {
		return errors.Join(why, err)
	}
	return why
}

// maxConflicts bounds the file of conflicts, in bytes.
const maxConflicts = 1 << 20

// Newest is the newest head taken of the ledger name; its Size is 0 if none was.
func (r *Receiver) Newest(name string) (Head, error) {
	site, ok := strings.CutPrefix(name, namePrefix)
	if !ok || !ValidName(site) {
		return Head{}, badHead("that is not the name of a ledger")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, err := openHeads(filepath.Join(r.Dir, site), true)
	if err != nil {
		return Head{}, err
	}
	return kept.newest, kept.file.Close()
}
