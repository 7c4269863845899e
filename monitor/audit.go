package monitor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
)

// Auditor writes down who did what. Rows are handed to the index by one
// goroutine, in order; while the index is away they wait, up to a bound. A row
// that cannot wait is written to the log whole, so that none is lost silently.
type Auditor struct {
	put  func(ctx context.Context, row earshot.Audit) error
	log  *slog.Logger
	now  func() time.Time
	most int

	mu      sync.Mutex
	waiting []pending
	last    earshot.Time // of the last row
	ended   bool         // nobody puts what waits any more
	more    chan struct{}

	seen *lately // what is written down once a minute at most

	lost   prometheus.Counter
	queued prometheus.GaugeFunc
}

// pending is a row, and what is still to be found out about it.
type pending struct {
	row      earshot.Audit
	complete func(ctx context.Context, row *earshot.Audit)
}

const (
	auditQueue   = 20000
	auditRetry   = time.Second
	auditTimeout = 5 * time.Second
	auditOnce    = time.Minute
)

func newAuditor(put func(context.Context, earshot.Audit) error, log *slog.Logger, now func() time.Time, reg prometheus.Registerer) *Auditor {
	a := &Auditor{
		put: put, log: log, now: now, most: auditQueue,
		more: make(chan struct{}, 1),
		seen: newLately(auditOnce, 10000),
		lost: prometheus.NewCounter(prometheus.CounterOpts{Name: "earshot_audit_logged_only_total",
			Help: "Audit rows that the index did not take and that are in the log alone."}),
	}
	a.queued = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "earshot_audit_waiting",
		Help: "Audit rows that wait for the index."}, func() float64 { return float64(a.len()) })
	reg.MustRegister(a.lost, a.queued)
	return a
}

// Add writes row down; its id and, if none is given, its time are set here. It
// does not wait for the index.
func (a *Auditor) Add(row earshot.Audit) { a.addWhen(row, nil) }

// AddOnce is Add, but for the first row of its key in a minute alone.
func (a *Auditor) AddOnce(key string, row earshot.Audit) {
	if a.seen.first(key, a.now()) {
		a.Add(row)
	}
}

// addWhen lets complete look up the rest of row first, on the auditor's goroutine.
func (a *Auditor) addWhen(row earshot.Audit, complete func(context.Context, *earshot.Audit)) {
	a.mu.Lock()
	if row.At.IsZero() {
		// A millisecond apart, so that the order of rows is that of their times.
		a.last = earshot.At(later(a.now(), a.last.Add(time.Millisecond)))
		row.At = a.last
	}
	row.ID = earshot.NewID(row.At.Time)
	full, ended := len(a.waiting) >= a.most, a.ended
	if !full && !ended {
		a.waiting = append(a.waiting, pending{row, complete})
	}
	a.mu.Unlock()
	switch {
	case ended: // a listening that ends with the floor, after us
		if a.putOne(context.Background(), pending{row, complete}) != nil {
			a.logInstead(row)
		}
	case full:
		a.logInstead(row)
	default:
		select {
		case a.more <- struct{}{}:
		default:
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (a *Auditor) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting)
}

// run puts rows until ctx ends, then tries once more and logs what is left.
func (a *Auditor) run(ctx context.Context) {
	retry := time.NewTimer(auditRetry)
	defer retry.Stop()
	for {
		if err := a.flush(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("audit rows wait for the index", "rows", a.len(), "err", err)
			retry.Reset(auditRetry)
		}
		select {
		case <-a.more:
		case <-retry.C:
		case <-ctx.Done():
			a.finish(context.WithoutCancel(ctx))
			return
		}
	}
}

func (a *Auditor) finish(ctx context.Context) {
	err := a.flush(ctx)
	a.mu.Lock()
	left := a.waiting
	a.waiting, a.ended = nil, true
	a.mu.Unlock()
	if err != nil {
		a.log.Error("the audit could not be finished", "rows", len(left), "err", err)
	}
	for _, p := range left {
		a.logInstead(p.row)
	}
}

// flush puts all that waits, in order, up to the first failure.
func (a *Auditor) flush(ctx context.Context) error {
	for {
		a.mu.Lock()
		if len(a.waiting) == 0 {
			a.mu.Unlock()
			return nil
		}
		next := a.waiting[0]
		a.mu.Unlock()
		if err := a.putOne(ctx, next); err != nil {
			return err
		}
		a.mu.Lock()
		a.waiting[0] = pending{}
		a.waiting = a.waiting[1:]
		a.mu.Unlock()
	}
}

func (a *Auditor) putOne(ctx context.Context, p pending) error {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	if p.complete != nil {
		p.complete(ctx, &p.row)
	}
	err := a.put(ctx, p.row)
	var said *earshot.Error
	if errors.As(err, &said) && said.Kind != earshot.Unavailable {
		// The index will never take this one: it must not hold up the others.
		a.logInstead(p.row)
		return nil
	}
	return err
}

func (a *Auditor) logInstead(row earshot.Audit) {
	a.lost.Inc()
	a.log.Error("audit row not in the index", "audit", row)
}

// lately remembers keys for a while, a bounded number of them.
type lately struct {
	mu    sync.Mutex
	span  time.Duration
	most  int
	since time.Time
	keys  map[string]bool
}

func newLately(span time.Duration, most int) *lately {
	return &lately{span: span, most: most, keys: map[string]bool{}}
}

// first says whether key comes for the first time in this span. Spans follow
// one another; a full span begins a new one.
func (l *lately) first(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if span := now.Truncate(l.span); !span.Equal(l.since) || len(l.keys) >= l.most {
		l.since = span
		clear(l.keys)
	}
	if l.keys[key] {
		return false
	}
	l.keys[key] = true
	return true
}
