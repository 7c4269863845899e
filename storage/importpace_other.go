//go:build !linux

package storage

// lowPriority does nothing: elsewhere a thread has no priority of its own.
func lowPriority() {}
