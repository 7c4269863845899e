package files

import "sync"

// Locks is a mutex for each name in use. The zero value is ready.
type Locks struct {
	mu   sync.Mutex
	held map[string]*namedLock
}

type namedLock struct {
	sync.Mutex
	users int
}

// Lock waits for name and gives the function that unlocks it.
func (k *Locks) Lock(name string) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = make(map[string]*namedLock)
	}
	l := k.held[name]
	if l == nil {
		l = &namedLock{}
		k.held[name] = l
	}
	l.users++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, name)
		}
	}
}
