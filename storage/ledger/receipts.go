package ledger

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ReceiptsFor are, of each witness, the first receipt for a head of at least size
// entries, and the newest one if that is another: since when somebody else knew
// of them, and how far that reaches now. Witnesses that are not asked any more
// are among them. A torn last line is left out.
func (l *Ledger) ReceiptsFor(size int64) ([]Receipt, error) {
	names, err := filepath.Glob(filepath.Join(l.dir, "witness", "*.receipts"))
	if err != nil {
		return nil, err
	}
	var all []Receipt
	for _, name := range names {
		some, err := receiptsFor(name, size)
		if err != nil {
			witness := strings.TrimSuffix(filepath.Base(name), ".receipts")
			return nil, fmt.Errorf("read what witness %s answered: %w", witness, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

func receiptsFor(name string, size int64) ([]Receipt, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var chosen []Receipt
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			break // without a newline it is torn
		}
		var receipt Receipt
		if err := json.Unmarshal(line, &receipt); err != nil {
			return nil, err
		}
		switch {
		case len(chosen) == 0 || chosen[len(chosen)-1].Size < size && len(chosen) == 1:
			chosen = append(chosen[:0], receipt) // the first that reaches so far is still to come
		default:
			chosen = append(chosen[:1], receipt)
		}
	}
	if len(chosen) == 2 && chosen[0].Size == chosen[1].Size && chosen[0].Head == chosen[1].Head {
		chosen = chosen[:1]
	}
	return chosen, nil
}
