// Package people keeps what signing in needs: password hashes and the counting
// of failed attempts. It has no goroutines.
package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"earshot"
)

// Cost of a hash: OWASP's least for argon2id with little memory.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	threads   = 1
	saltBytes = 16
	keyBytes  = 32
)

// What a stored hash may at most ask for, so that a bad row costs no more than
// a slow sign-in.
const (
	maxMemoryKiB = 256 * 1024
	maxPasses    = 16
	maxThreads   = 16
)

// Hasher hashes and checks passwords, few at a time: each takes 19 MiB and a core
// for some tens of milliseconds.
type Hasher struct {
	running chan struct{}
	waiting chan struct{}
	dummy   string // what the password of an unknown user is compared with
}

// How many hash at once, and how many more wait for it.
const (
	hashing = 2
	waiting = 64
)

// NewHasher makes a hasher.
func NewHasher() *Hasher {
	return &Hasher{
		running: make(chan struct{}, hashing),
		waiting: make(chan struct{}, hashing+waiting),
		dummy:   phc(make([]byte, saltBytes), make([]byte, keyBytes)),
	}
}

// ErrBusy is answered when too many sign-ins wait.
var ErrBusy = earshot.Fail(earshot.Unavailable, "busy", "too many people are signing in; try again in a moment")

// Hash makes the PHC string of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	release, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	return phc(salt, argon2.IDKey([]byte(password), salt, passes, memoryKiB, threads, keyBytes)), nil
}

// Check says whether password is the one that hash was made of. An empty hash,
// that of an unknown or locked user, takes the same time and is never right.
// again, if not nil, is asked once more when the turn has come.
func (h *Hasher) Check(ctx context.Context, hash, password string, again func() error) (bool, error) {
	release, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	if again != nil {
		if err := again(); err != nil {
			return false, err
		}
	}
	if hash == "" {
		if _, err := verify(h.dummy, password); err != nil {
			return false, err
		}
		return false, nil
	}
	return verify(hash, password)
}

func (h *Hasher) turn(ctx context.Context) (release func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		return func() { <-h.running; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, ctx.Err()
	}
}

// MakePassword makes a password of 80 random bits that can be read aloud.
func MakePassword() string {
	var b [10]byte
	rand.Read(b[:]) // never fails
	text := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

func phc(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

var errHash = errors.New("not an argon2id PHC string")

func verify(hash, password string) (bool, error) {
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return false, errHash
	}
	var version, memory, time, lanes int
	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, errHash
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes); err != nil ||
		memory < 8 || memory > maxMemoryKiB || time < 1 || time > maxPasses || lanes < 1 || lanes > maxThreads {
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil {
		return false, errHash
	}
	key, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil || len(key) < 16 || len(key) > 64 {
		return false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, uint32(time), uint32(memory), uint8(lanes), uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}
