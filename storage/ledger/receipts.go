package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// maxReceiptLine bounds a line of a receipts file: the answer in base64, the
// head, and the rest.
const maxReceiptLine = 2*maxReceipt + 4*MaxHead

// Receipts are the newest that each witness answered, those that are no longer
// asked included, by name.
func (l *Ledger) Receipts() ([]Receipt, error) {
	return l.eachWitness(func(name string) (Receipt, error) {
		newest, _, err := lastReceipt(name)
		return newest, err
	})
}

// Witnessed are the oldest that each witness answered for a head which covers
// entry i: since then somebody else knew of it. Witnesses that were never told
// are left out.
func (l *Ledger) Witnessed(i int64) ([]Receipt, error) {
	return l.eachWitness(func(name string) (Receipt, error) { return firstReceipt(name, i) })
}

// eachWitness collects what pick finds in the receipts files; a zero Receipt is
// none.
func (l *Ledger) eachWitness(pick func(name string) (Receipt, error)) ([]Receipt, error) {
	names, err := filepath.Glob(filepath.Join(l.dir, "witness", "*.receipts"))
	if err != nil {
		return nil, err
	}
	var found []Receipt
	for _, name := range names {
		r, err := pick(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
		}
		if r.Head != "" {
			found = append(found, r)
		}
	}
	return found, nil
}

// lastReceipt is the newest receipt in a file and where it ends. A torn line
// behind it is passed over.
func lastReceipt(name string) (newest Receipt, end int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return newest, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := fileSize(f)
	if err != nil {
		return newest, 0, err
	}
	from := max(0, size-2*maxReceiptLine)
	text := make([]byte, size-from)
	if _, err := f.ReadAt(text, from); err != nil && !errors.Is(err, io.EOF) {
		return newest, 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	if len(text) == 0 {
		return newest, 0, nil
	}
	end = from + int64(len(text))
	line := text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:]
	return newest, end, json.Unmarshal(line, &newest)
}

// firstReceipt is the oldest receipt in a file for a head of more than i
// entries. Sizes grow along the file, so it is found by halving.
func firstReceipt(name string, i int64) (first Receipt, err error) {
	f, err := os.Open(name)
	if err != nil {
		return first, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := fileSize(f)
	if err != nil {
		return first, err
	}
	var failed error
	sort.Search(int(size), func(at int) bool {
		r, ok, err := receiptAt(f, int64(at), size)
		if err != nil {
			failed = err
		}
		if !ok {
			return true // behind the last
		}
		if r.Size > i {
			first = r // the last one kept is the one that halving ends at
			return true
		}
		return false
	})
	return first, failed
}

// receiptAt is the first receipt whose line begins at or after an offset.
func receiptAt(f *os.File, at, size int64) (r Receipt, ok bool, err error) {
	lines := bufio.NewReader(io.NewSectionReader(f, max(at-1, 0), size))
	if at > 0 {
		if _, err := lines.ReadBytes('\n'); err != nil {
			return r, false, nil //nolint:nilerr // no line begins behind the last
		}
	}
	line, err := lines.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, false, err
	}
	return r, true, nil
}

// checkReceipts compares the ledger with the newest heads that its witnesses
// answered: who cuts or rewrites it may forget these.
func (l *Ledger) checkReceipts(r *Report) {
	receipts, err := l.Receipts()
	if err != nil {
		r.find(FoundReceipt, -1, "what the witnesses answered cannot be read: %v", err)
		return
	}
	for _, receipt := range receipts {
		if err := l.CompareCheckpoint([]byte(receipt.Head)); err != nil {
			r.find(FoundReceipt, receipt.Size, "against the head that witness %s took: %v", receipt.Witness, err)
		}
	}
}
