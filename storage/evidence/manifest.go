package evidence

import (
	"errors"
	"fmt"

	"earshot"
)

// Format is what a manifest begins with. A checker refuses what it does not know.
const Format = "earshot-evidence/1"

// The names of what every package has, beside audio, calls and proofs.
const (
	manifestName = "manifest.json"
	sumsName     = "SHA256SUMS"
	scriptName   = "check.sh"
	pageName     = "index.html"
	guideName    = "HOW-TO-CHECK.txt"
	guideNameZh  = "核对说明.txt"
	headName     = "ledger/head.txt"  // the signed note
	textName     = "ledger/head.body" // the bytes the signature is over
	sigName      = "ledger/head.sig"  // the bare signature
	keyName      = "ledger/key.pem"
	witnessDir   = "ledger/witness/"
)

// Manifest is all that a package says of itself.
type Manifest struct {
	Format   string        `json:"format"`
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Reason   string        `json:"reason"`
	By       string        `json:"by"`
	At       earshot.Time  `json:"at"`
	Site     string        `json:"site"`
	Software string        `json:"software"`
	Language string        `json:"language"` // zh or en: which the page shows first
	Timezone string        `json:"timezone"`
	Calls    []PackedCall  `json:"calls"`
	Files    []PackedFile  `json:"files"`
	Silenced []Silenced    `json:"silenced"`
	Ledger   PackedLedger  `json:"ledger"`
	Derived  []DerivedFile `json:"derived"` // made for people; no proof hangs on them
}

// PackedCall is one call, and how much of it.
type PackedCall struct {
	Call       earshot.Call    `json:"call"`
	SeatName   string          `json:"seatName"`
	BranchName string          `json:"branchName"`
	FromMs     int64           `json:"fromMs"`
	ToMs       int64           `json:"toMs"`
	Whole      bool            `json:"whole"`
	Audit      []earshot.Audit `json:"audit"` // who listened to it and exported it until then
	Mix        string          `json:"mix"`   // the file for ears
}

// PackedFile is a recording's file as it lies in the package.
type PackedFile struct {
	Name      string  `json:"name"`
	Call      string  `json:"call"`
	Part      int     `json:"part"`
	Original  string  `json:"original"` // its name in the archive
	Algorithm string  `json:"algorithm"`
	SHA256    string  `json:"sha256"`            // of the original file
	Bytes     int64   `json:"bytes"`             // of the original file
	Root      string  `json:"root"`              // Merkle root over the original's pages
	Pages     int     `json:"pages"`             // how many the original has
	Prefix    int64   `json:"prefix"`            // bytes at the file's head that are no page: a new header
	Have      []Range `json:"have"`              // which of the original's pages the file has, in order
	Replaced  []Range `json:"replaced"`          // which of those are fillers
	Proof     string  `json:"proof"`             // where its proof lies
	Leaves    string  `json:"leaves"`            // where the leaf hashes lie; empty where the file is whole
	Whole     bool    `json:"whole"`             // it is the original, byte for byte
	FromMs    int64   `json:"fromMs"`            // on the call's timeline
	ToMs      int64   `json:"toMs"`              //
	Missing   string  `json:"missing,omitempty"` // why it is not there, for a part that the archive has lost
}

// valid says what is wrong with the ranges of pages, or nil.
func (f PackedFile) valid() error {
	for _, ranges := range [][]Range{f.Have, f.Replaced} {
		last := 0
		for _, r := range ranges {
			if r.From < last || r.To <= r.From || r.To > f.Pages {
				return errors.New("its pages are not in order")
			}
			last = r.To
		}
	}
	// A file that was whole, an excerpt with its headers: all that is made.
	all := len(f.Have) == 1 && f.Have[0] == Range{0, f.Pages}
	if len(f.Have) == 0 || len(f.Have) > 2 || f.Whole && (!all || len(f.Replaced) > 0) {
		return errors.New("its pages are not those of a whole file, or of one stretch")
	}
	if f.FromMs < 0 || f.ToMs < f.FromMs {
		return errors.New("it ends before it begins")
	}
	return nil
}

// Range is pages From until To, To excluded.
type Range struct {
	From int `json:"from"`
	To   int `json:"to"`
}

func (r Range) String() string { return fmt.Sprintf("%d–%d", r.From, r.To-1) }

// holds says whether page i is in any of the ranges.
func holds(ranges []Range, i int) bool {
	for _, r := range ranges {
		if i >= r.From && i < r.To {
			return true
		}
	}
	return false
}

// count is how many pages the ranges have together.
func count(ranges []Range) (n int) {
	for _, r := range ranges {
		n += r.To - r.From
	}
	return n
}

// Silenced is a stretch that was silenced, as far as whole pages go.
type Silenced struct {
	earshot.PackageSilence
	Part   int      `json:"part"`
	Pages  Range    `json:"pages"`
	RealMs [2]int64 `json:"realMs"` // from and to of the pages, on the call's timeline
}

// PackedLedger is what the package has of the ledger.
type PackedLedger struct {
	Head        string          `json:"head"`
	Size        int64           `json:"size"`
	Root        string          `json:"root"`
	SignedAt    earshot.Time    `json:"signedAt"`
	Key         string          `json:"key"`
	Fingerprint string          `json:"fingerprint"`
	Algorithm   string          `json:"algorithm"`
	Witnesses   []PackedWitness `json:"witnesses"`
}

// PackedWitness is a witness's copy of a head.
type PackedWitness struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	At      earshot.Time `json:"at"`
	Size    int64        `json:"size"`
	File    string       `json:"file"`
	Receipt string       `json:"receipt,omitempty"` // what it answered
	Proof   []string     `json:"proof"`             // that the head has grown from its
}

// DerivedFile is made from the recordings for people.
type DerivedFile struct {
	Name string `json:"name"`
	Call string `json:"call"`
	What string `json:"what"` // mix, page, levels
}
