// Package session keeps live state in Redis: what every seat, node and open
// call is doing now, the stream of events that changed it, and levels passing
// by. It is a projection for dashboards; no recording waits for it.
//
// A Redis that is away makes methods fail with ErrAway within two seconds. The
// store heals by itself; whoever follows begins again, whoever puts state puts
// it all again.
//
// Goroutines: one reader for each FollowLevels, ended before that returns;
// those of go-redis and of the embedded server, ended by Close.
package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"earshot"
)

// silent keeps go-redis from writing to standard error, which it does for the
// whole process at once: what fails is returned to whoever asked, who logs it.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silent{}) }

// Embedded is the URL of a Redis inside this process.
const Embedded = "embedded"

// answerWithin is the longest that a method waits for Redis.
const answerWithin = 2 * time.Second

// Options of a store; the zero value of each field has a default.
type Options struct {
	URL    string           // Embedded, the default, or redis://, rediss://, unix://
	Now    func() time.Time // stamps events; the clock of leases is Redis's own
	Log    *slog.Logger
	Lease  time.Duration // a node that is not put for so long is lost; 6 s
	Events int           // about so many events are kept for those who come back; 10,000

	// Patient opens the store though Redis cannot be reached: a recorder does not
	// wait for a projection. Methods fail with ErrAway until it is there.
	Patient bool
}

func (o Options) withDefaults() Options {
	if o.URL == "" {
		o.URL = Embedded
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Lease <= 0 {
		o.Lease = 6 * time.Second
	}
	if o.Events <= 0 {
		o.Events = 10_000
	}
	return o
}

// Failures of this package that callers tell apart.
var (
	ErrBadURL      = earshot.Fail(earshot.Invalid, "bad_redis_url", "the address of Redis is wrong")
	ErrUnreachable = earshot.Fail(earshot.Unavailable, "redis_unreachable", "Redis cannot be reached")
	ErrAway        = earshot.Fail(earshot.Unavailable, "redis_away", "Redis does not answer")
	ErrGone        = earshot.Fail(earshot.Conflict, "events_gone", "the events since then are no longer there; take a snapshot")
	ErrForgotten   = earshot.Fail(earshot.Conflict, "live_state_lost", "Redis has forgotten seats; put everything again")
	ErrCallOwned   = earshot.Fail(earshot.Conflict, "call_owned", "another node records the call")
	ErrClosed      = errors.New("the live state is closed")
)

// Store is the live state. Its methods may be called from any goroutine.
type Store struct {
	opts     Options
	client   *redis.Client
	embedded *miniredis.Miniredis // nil where Redis is a real one
	levels   string               // the channel's name

	ended context.Context
	end   context.CancelFunc
	close sync.Once

	mu   sync.Mutex
	mine map[string]bool // seats put through this store, as far as Redis still has them
}

// Open connects to Redis, or starts the embedded one. It fails with
// ErrUnreachable within three seconds, or where Options are Patient not at all
// but for ErrBadURL.
func Open(ctx context.Context, opts Options) (*Store, error) {
	s := &Store{opts: opts.withDefaults(), mine: make(map[string]bool)}
	s.ended, s.end = context.WithCancel(context.Background())
	options, err := s.options()
	if err != nil {
		s.end()
		return nil, err
	}
	s.client = redis.NewClient(options)
	s.levels = channelLevels + strconv.Itoa(options.DB)
	if _, err := s.head(ctx); err != nil && s.opts.Patient {
		s.opts.Log.Warn("Redis cannot be reached; the live state is stale until it is back", "url", withoutPassword(s.opts.URL), "err", cause(err))
	} else if err != nil {
		e := earshot.Fail(ErrUnreachable.Kind, ErrUnreachable.Code, "Redis at %s cannot be reached", withoutPassword(s.opts.URL))
		return nil, errors.Join(e.Because(cause(err)), s.Close())
	}
	return s, nil
}

// options are go-redis's, for the URL.
func (s *Store) options() (*redis.Options, error) {
	o := &redis.Options{}
	if s.opts.URL == Embedded {
		s.embedded = miniredis.NewMiniRedis()
		// A pipe in memory: no port that others on the machine could find.
		o.Dialer = func(context.Context, string, string) (net.Conn, error) { return s.embedded.Dial() }
	} else {
		var err error
		if o, err = redis.ParseURL(s.opts.URL); err != nil {
			e := earshot.Fail(ErrBadURL.Kind, ErrBadURL.Code, "%q is no address of a Redis, like redis://host:6379/0", withoutPassword(s.opts.URL))
			return nil, e.Because(err)
		}
	}
	// Whoever calls has better things to do than to wait: one try, and a context
	// that ends it.
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DialTimeout = answerWithin / 2
	o.ReadTimeout = answerWithin
	o.WriteTimeout = answerWithin
	o.PoolTimeout = answerWithin
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// withoutPassword is the URL as it may be shown.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}

// Close ends whatever follows and gives up the connections. Those who follow
// return with ErrClosed.
func (s *Store) Close() error {
	var err error
	s.close.Do(func() {
		s.end()
		err = s.client.Close()
		if s.embedded != nil {
			s.embedded.Close()
		}
	})
	return err
}

// Healthy is nil while Redis answers.
func (s *Store) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return s.failure(ctx, "ask Redis", s.client.Ping(ctx).Err())
}

// run runs a script with what all scripts take, and args.
func (s *Store) run(ctx context.Context, what string, script *redis.Script, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	all := append([]any{newEpoch(), s.opts.Events, s.opts.Lease.Milliseconds()}, args...)
	answer, err := script.Run(ctx, s.client, allKeys, all...).Result()
	return answer, s.failure(ctx, what, err)
}

// failure puts err into this package's words.
func (s *Store) failure(ctx context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.ended.Err() != nil:
		return fmt.Errorf("%s: %w", what, ErrClosed)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", what, context.Canceled)
	}
	return ErrAway.Because(fmt.Errorf("%s: %w", what, err))
}

// cause is the detail of err, without this package's words.
func cause(err error) error {
	var e *earshot.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}

// newEpoch is a name for an epoch, should this be the moment it begins.
func newEpoch() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
