package people

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is how many failures are let through: Burst at once, then one each Every.
type Limit struct {
	Burst int
	Every time.Duration
}

// Attempts counts failures by key (a name, an address), for a bounded number of
// keys: the one that failed longest ago is forgotten first.
type Attempts struct {
	limit Limit
	most  int

	mu   sync.Mutex
	keys map[string]*counted
}

type counted struct {
	limiter *rate.Limiter
	last    time.Time
}

// NewAttempts counts by limit, for at most most keys.
func NewAttempts(limit Limit, most int) *Attempts {
	return &Attempts{limit: limit, most: most, keys: map[string]*counted{}}
}

// Wait is how long key must wait before it may try; 0 if it may try now.
func (a *Attempts) Wait(key string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.keys[key]
	if !ok {
		return 0
	}
	missing := 1 - c.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(a.limit.Every))
}

// Failed counts a failure of key.
func (a *Attempts) Failed(key string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.keys[key]
	if !ok {
		if len(a.keys) >= a.most {
			a.makeRoom(now)
		}
		c = &counted{limiter: rate.NewLimiter(rate.Every(a.limit.Every), a.limit.Burst)}
		a.keys[key] = c
	}
	c.last = now
	c.limiter.AllowN(now, 1)
}

// Forget takes key's failures away, after a success.
func (a *Attempts) Forget(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, key)
}

// Len is how many keys are remembered.
func (a *Attempts) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.keys)
}

// makeRoom drops every key whose failures have worn off, or else the one that
// failed longest ago.
func (a *Attempts) makeRoom(now time.Time) {
	oldest, wornOff := "", 0
	for key, c := range a.keys {
		if c.limiter.TokensAt(now) >= float64(a.limit.Burst) {
			delete(a.keys, key)
			wornOff++
			continue
		}
		if oldest == "" || c.last.Before(a.keys[oldest].last) {
			oldest = key
		}
	}
	if wornOff == 0 {
		delete(a.keys, oldest)
	}
}
