package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
)

func TestHashes(t *testing.T) {
	h := NewHasher()
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", hash)
	}
	if again, _ := h.Hash(t.Context(), "correct horse"); again == hash {
		t.Error("two hashes have one salt")
	}
	// From the tests of the reference implementation.
	foreign := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, c := range []struct {
		hash, password string
		right          bool
	}{
		{hash, "correct horse", true}, {hash, "correct horsf", false}, {hash, "", false},
		{foreign, "password", true}, {foreign, "passwore", false},
		{"", "", false}, {"", "anything", false},
	} {
		right, err := h.Check(t.Context(), c.hash, c.password, nil)
		if err != nil || right != c.right {
			t.Errorf("%q with %q: %v, %v", c.password, c.hash, right, err)
		}
	}
}

func TestBadHashes(t *testing.T) {
	for _, hash := range []string{
		"plain", "$2a$10$abc", "$argon2id$v=18$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=19456,t=2,p=1$!$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if right, err := NewHasher().Check(t.Context(), hash, "x", nil); right || err == nil {
			t.Errorf("%s is taken", hash)
		}
	}
}

// Few hash at once; more than may wait are turned away at once.
func TestHashingIsBounded(t *testing.T) {
	h := NewHasher()
	hash, err := h.Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	held, let := make(chan struct{}, hashing), make(chan struct{})
	var all sync.WaitGroup
	for range hashing {
		all.Go(func() {
			_, _ = h.Check(ctx, hash, "x", func() error { held <- struct{}{}; <-let; return nil })
		})
	}
	for range hashing {
		<-held
	}
	failures := make(chan error, waiting+1)
	for range waiting + 1 {
		all.Go(func() {
			_, err := h.Check(ctx, hash, "x", nil)
			failures <- err
		})
	}
	if err := <-failures; !errors.Is(err, ErrBusy) {
		t.Errorf("one too many got %v", err)
	}
	cancel()
	for range waiting {
		if err := <-failures; !errors.Is(err, context.Canceled) {
			t.Errorf("one who waited and left got %v", err)
		}
	}
	close(let)
	all.Wait()
	// What is asked in its turn decides.
	if _, err := h.Check(t.Context(), hash, "x", func() error { return earshot.ErrForbidden }); !errors.Is(err, earshot.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

func TestAttempts(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	a := NewAttempts(Limit{Burst: 3, Every: 10 * time.Second}, 4)
	for range 3 {
		if a.Wait("li", now) != 0 {
			t.Fatal("held up too early")
		}
		a.Failed("li", now)
	}
	if got := a.Wait("li", now.Add(4*time.Second)); got != 6*time.Second {
		t.Errorf("wait %s, want 6 s", got)
	}
	if a.Wait("li", now.Add(10*time.Second)) != 0 || a.Wait("wu", now) != 0 {
		t.Error("held up too long, or somebody else")
	}
	a.Forget("li")
	if a.Wait("li", now) != 0 {
		t.Error("not forgotten")
	}
}

// However many names are tried, few are remembered, and those last tried.
func TestAttemptsAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	a := NewAttempts(Limit{Burst: 1, Every: time.Hour}, 4)
	for i := range 100 {
		a.Failed(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second))
	}
	if a.Len() != 4 {
		t.Errorf("%d are remembered", a.Len())
	}
	if later := now.Add(100 * time.Second); a.Wait("99", later) == 0 || a.Wait("3", later) != 0 {
		t.Error("not the last ones are remembered")
	}
	a.Failed("new", now.Add(3*time.Hour))
	if a.Len() != 1 {
		t.Errorf("%d are remembered although theirs have worn off", a.Len())
	}
}

func TestMakePassword(t *testing.T) {
	one, other := MakePassword(), MakePassword()
	if one == other || len(one) != 19 || earshot.ValidPassword(one) != nil {
		t.Errorf("made %q and %q", one, other)
	}
}
