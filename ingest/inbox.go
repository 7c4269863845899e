package ingest

import "sync"

// inbox hands things to a goroutine without ever making the sender wait. It
// serves where the number of things is bounded by what there is (parts being
// sealed, streams being kicked), not by how fast anybody is.
type inbox[T any] struct {
	wake chan struct{} // has a token while something waits

	mu    sync.Mutex
	items []T
}

func newInbox[T any]() *inbox[T] { return &inbox[T]{wake: make(chan struct{}, 1)} }

func (b *inbox[T]) put(item T) {
	b.mu.Lock()
	b.items = append(b.items, item)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // already awake
	}
}

// take empties the inbox.
func (b *inbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}
