package storage

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// importNice is how far a worker of an import stands back behind recording.
const importNice = 10

// lowPriority lets the goroutine have a thread of its own, which stands back
// behind others; the thread ends with it.
func lowPriority() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), importNice) // at worst it is as quick as others
}
