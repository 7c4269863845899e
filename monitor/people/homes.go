package people

import "sync"

// Homes remember where somebody has signed in, by key (a name and a network), for
// a bounded number of keys: the one used longest ago is forgotten first. Its
// methods may be called from any goroutine.
type Homes struct {
	most int

	mu   sync.Mutex
	keys map[string]uint64 // by when each was last added
	nth  uint64
}

// NewHomes remembers at most most keys.
func NewHomes(most int) *Homes { return &Homes{most: most, keys: map[string]uint64{}} }

// Has says whether key is remembered.
func (h *Homes) Has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.keys[key]
	return ok
}

// Add remembers key.
func (h *Homes) Add(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nth++
	h.keys[key] = h.nth
	if len(h.keys) <= h.most {
		return
	}
	oldest := key
	for k, at := range h.keys {
		if at < h.keys[oldest] {
			oldest = k
		}
	}
	delete(h.keys, oldest)
}
