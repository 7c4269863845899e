package earshot

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
)

var chosenID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ValidID says whether id may name a branch, seat, user or agent: what people
// choose matches [a-z0-9][a-z0-9._-]{0,63}.
func ValidID(id string) bool { return chosenID.MatchString(id) }

// NewID makes a UUIDv7 (RFC 9562, section 5.7) for the instant now: ids sort in
// the order of their milliseconds.
func NewID(now time.Time) string {
	var b [16]byte
	rand.Read(b[:]) // never fails, crypto/rand aborts the program instead
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

var uuidv7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// ValidCallID says whether id is a UUIDv7 in its canonical form.
func ValidCallID(id string) bool { return uuidv7.MatchString(id) }

// IDTime is the millisecond a UUIDv7 was made in, and false where id is none.
func IDTime(id string) (time.Time, bool) {
	if !ValidCallID(id) {
		return time.Time{}, false
	}
	raw, err := hex.DecodeString(id[:8] + id[9:13])
	if err != nil {
		return time.Time{}, false
	}
	var ms [8]byte
	copy(ms[2:], raw)
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))).UTC(), true
}

// ImportID is the id of the call that a file becomes which began then and has that
// SHA-256: a UUIDv7 like others, but the same whenever it is made.
func ImportID(start time.Time, sum [32]byte) string {
	id := []byte(NewID(start))
	text := hex.EncodeToString(sum[:])
	copy(id[15:18], text)      // of rand_a
	copy(id[20:23], text[3:])  // of rand_b, behind the variant
	copy(id[24:36], text[6:])  //
	id[19] = "89ab"[sum[31]&3] // the variant
	return string(id)
}
