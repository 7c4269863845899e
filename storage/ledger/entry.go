package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"earshot"
)

// Kind says what an entry records.
type Kind string

// The kinds of entry.
const (
	KindPart     Kind = "part"     // a part was stored
	KindHold     Kind = "hold"     // a hold was put on a call or a window
	KindRelease  Kind = "release"  // a hold was released
	KindDeletion Kind = "deletion" // a call was deleted
	KindKey      Kind = "key"      // heads are signed by this key from here on
)

// Entry is one record of the ledger. Its text is compact JSON in the order of
// these fields, empty ones left out, in one line; the tree's leaf is the hash
// of that line without its newline.
type Entry struct {
	At   earshot.Time `json:"at,omitzero"` // set by Append where it is zero
	Kind Kind         `json:"kind"`

	Call       string       `json:"call,omitempty"`
	N          int          `json:"n,omitempty"`      // the part's number
	File       string       `json:"file,omitempty"`   // below the audio folder
	SHA256     string       `json:"sha256,omitempty"` // of the file, hex
	Pages      string       `json:"pages,omitempty"`  // Merkle root over the file's pieces, hex; see Pages
	Bytes      int64        `json:"bytes,omitempty"`
	PageCount  int64        `json:"pageCount,omitempty"`
	Seat       string       `json:"seat,omitempty"`
	StartedAt  earshot.Time `json:"startedAt,omitzero"` // when the call started
	StartMs    int64        `json:"startMs,omitempty"`  // on the call's timeline
	DurationMs int64        `json:"durationMs,omitempty"`

	Hold     *earshot.Hold     `json:"hold,omitempty"`
	Deletion *earshot.Deletion `json:"deletion,omitempty"`

	Key       string    `json:"key,omitempty"`       // of a key entry: the signed succession; see ParseSuccession
	Algorithm Algorithm `json:"algorithm,omitempty"` // of Pages
}

// MaxEntry is the longest an entry's line may be, in bytes without the newline.
const MaxEntry = 64 << 10

// line is the entry's text without a newline.
func (e Entry) line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, ErrEntry.Because(err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if _, err := ParseEntry(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseEntry reads a line without its newline. It takes fields that it does not
// know, so that an older version reads a newer one's ledger, but no white space
// between them; it fails with ErrEntry.
func ParseEntry(line []byte) (Entry, error) {
	var e Entry
	if len(line) > MaxEntry {
		return e, ErrEntry.Because(errors.New("longer than an entry may be"))
	}
	if len(line) == 0 || line[0] != '{' || !utf8.Valid(line) {
		return e, ErrEntry.Because(errors.New("no JSON object"))
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, ErrEntry.Because(err)
	}
	if e.Kind == "" {
		return Entry{}, ErrEntry.Because(errors.New("an entry without a kind"))
	}
	if !compact(line) {
		return Entry{}, ErrEntry.Because(errors.New("white space between fields"))
	}
	return e, nil
}

// compact says whether JSON has no white space but in its strings.
func compact(text []byte) bool {
	inside, escaped := false, false
	for _, b := range text {
		switch {
		case escaped:
			escaped = false
		case inside && b == '\\':
			escaped = true
		case b == '"':
			inside = !inside
		case !inside && b <= ' ':
			return false
		}
	}
	return true
}
