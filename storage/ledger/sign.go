package ledger

import (
	"context"
	"fmt"
	"time"

	"earshot"
)

// Head is the newest signed head; its Size is 0 before the first.
func (l *Ledger) Head() Head { return l.heads.get() }

// Sign signs a head now if the ledger grew since the newest, and answers the
// newest.
func (l *Ledger) Sign(ctx context.Context) (Head, error) {
	if l.opts.ReadOnly {
		return Head{}, ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return Head{}, err
	}
	l.commit.Lock()
	closed := l.closed
	l.commit.Unlock()
	if closed {
		return Head{}, ErrClosed
	}
	return l.sign(false)
}

// sign signs a head; anyway signs one of a ledger that has not grown too.
func (l *Ledger) sign(anyway bool) (Head, error) {
	l.signing.Lock()
	defer l.signing.Unlock()
	newest := l.heads.get()
	l.commit.Lock()
	tree, key := l.log.tree, l.key
	l.commit.Unlock()
	if tree.size == newest.Size && !anyway {
		return newest, nil
	}
	head, err := l.makeHead(&tree)
	if err != nil {
		return newest, err
	}
	if err := head.sign(key); err != nil {
		return newest, err
	}
	err = l.log.sync()
	if err == nil {
		err = l.heads.append(head)
	}
	l.tell(err)
	if err != nil {
		return newest, fmt.Errorf("sign the ledger's head: %w", err)
	}
	l.signedAt = time.Now()
	for _, w := range l.watchers {
		w.wake()
	}
	return head, nil
}

func (l *Ledger) makeHead(tree *frontier) (Head, error) {
	root, err := tree.root()
	return Head{Name: l.Name(), Size: tree.size, Root: root,
		At: earshot.At(l.opts.Now()), Algorithm: SHA256}, err
}

// start begins to sign and to tell the witnesses.
func (l *Ledger) start() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.running.Go(func() { l.signRegularly(ctx) })
	for _, w := range l.watchers {
		l.running.Go(func() { w.run(ctx) })
	}
}

// signRegularly signs the first head at once: what a crash left unsigned, and
// that the ledger is there now, should be witnessed soon. A failure has been
// told by sign and is tried again at the next turn.
func (l *Ledger) signRegularly(ctx context.Context) {
	tick := time.NewTicker(l.opts.HeadEvery)
	defer tick.Stop()
	for {
		due := l.lastSigned().IsZero() || time.Since(l.lastSigned()) >= l.opts.Heartbeat
		if _, err := l.sign(due); err != nil {
			l.opts.Log.Error("no head of the ledger was signed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lastSigned is by this process's steady clock, which no change of the time
// of day moves.
func (l *Ledger) lastSigned() time.Time {
	l.signing.Lock()
	defer l.signing.Unlock()
	return l.signedAt
}
