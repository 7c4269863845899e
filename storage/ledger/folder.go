package ledger

import (
	"context"
	"time"
)

// Folder is a witness in a directory, on another disk or another machine's
// mount: it keeps heads as a Receiver does, and refuses what a Receiver would.
type Folder struct {
	ID       string        // the witness's name
	Dir      string        // made if it is missing
	Interval time.Duration // see Witness.Every
}

// Name is the witness's name.
func (f *Folder) Name() string { return f.ID }

// Kind is file.
func (f *Folder) Kind() string { return "file" }

// Every is how often heads are kept at most.
func (f *Folder) Every() time.Duration { return f.Interval }

// Submit keeps a head. The receipt is the head.
func (f *Folder) Submit(ctx context.Context, s Submission) ([]byte, error) {
	r := Receiver{Dir: f.Dir}
	return r.Accept(ctx, s)
}
