package earshot

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// SeatKind says what a seat is.
type SeatKind string

// The kinds of seat; a call has its seat's kind.
const (
	Counter SeatKind = "counter"
	Hotline SeatKind = "hotline"
)

// Cut is a seat's way of cutting its audio into calls.
type Cut string

// The ways of cutting calls.
const (
	CutSession Cut = "session" // a stream is a call
	CutEvent   Cut = "event"   // the API or the seat page starts and ends calls
	CutVoice   Cut = "voice"   // speech starts a call, long silence ends it
)

// VoiceCut are the settings of CutVoice.
type VoiceCut struct {
	LevelDBov int           `json:"levelDbov"` // louder than this is speech; −45 by default
	Start     time.Duration `json:"-"`         // so much speech starts a call; 300 ms
	Silence   time.Duration `json:"-"`         // so much silence ends it; 60 s
	PreRoll   time.Duration `json:"-"`         // so much before the speech belongs to the call; 3 s
}

// DefaultVoiceCut is how voice cuts calls where nobody says otherwise.
var DefaultVoiceCut = VoiceCut{LevelDBov: -45, Start: 300 * time.Millisecond, Silence: 60 * time.Second, PreRoll: 3 * time.Second}

// How calls end or go on at a seat.
const (
	ReconnectWithin = 60 * time.Second // a broken stream leaves its call open for so long
	LongestCall     = 4 * time.Hour    // then a new call begins
)

// Seat is a counter window or a hotline position.
type Seat struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Branch string   `json:"branch"`
	Kind   SeatKind `json:"kind"`
	Cut    Cut      `json:"cut"`

	Tokens []SeatToken `json:"-"` // newest first: at most the new one and the one it replaces
}

// Validate says what is wrong with s, or nil. Whether the branch exists is the
// index's to say.
func (s Seat) Validate() error {
	switch {
	case !ValidID(s.ID):
		return Fail(Invalid, "bad_id", "a seat id is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit")
	case !validName(s.Name):
		return Fail(Invalid, "bad_name", "a name is 1 to 100 characters")
	case !ValidID(s.Branch):
		return Fail(Invalid, "bad_branch", "a seat belongs to a branch")
	case s.Kind != Counter && s.Kind != Hotline:
		return Fail(Invalid, "bad_kind", "a seat's kind is counter or hotline")
	case s.Cut != CutSession && s.Cut != CutEvent && s.Cut != CutVoice:
		return Fail(Invalid, "bad_cut", "calls are cut by session, event or voice")
	}
	return nil
}

// TokenOverlap is how long a replaced token works while the new one is unused.
const TokenOverlap = 24 * time.Hour

// SeatToken is what is kept of a seat's token: never the token itself.
type SeatToken struct {
	Hash   string // SHA-256 of the token, hex
	MadeAt time.Time
	UsedAt time.Time // zero until it is first used
}

// seatTokenPrefix lets anybody tell a seat's token from a person's session.
const seatTokenPrefix = "est_"

// IsSeatToken says whether token has the form of a seat's token.
func IsSeatToken(token string) bool { return strings.HasPrefix(token, seatTokenPrefix) }

// NewSeatToken makes a token of 192 random bits; it is shown once, its hash kept.
func NewSeatToken() string {
	var b [24]byte
	rand.Read(b[:])
	return seatTokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// HashToken is the hash under which a token is kept.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// RenewToken puts a new token's hash before the present one, which goes on
// working until the new one is first used, at most TokenOverlap.
func (s *Seat) RenewToken(hash string, now time.Time) {
	tokens := []SeatToken{{Hash: hash, MadeAt: now}}
	if len(s.Tokens) > 0 {
		tokens = append(tokens, s.Tokens[0])
	}
	s.Tokens = tokens
}

// TokenIndex finds which of the seat's tokens has the hash and works at now; −1
// if none does.
func (s Seat) TokenIndex(hash string, now time.Time) int {
	for i, t := range s.Tokens {
		if subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash)) != 1 {
			continue
		}
		if i > 0 && (!s.Tokens[0].UsedAt.IsZero() || now.Sub(s.Tokens[0].MadeAt) > TokenOverlap) {
			return -1
		}
		return i
	}
	return -1
}
