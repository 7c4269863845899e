package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// tickEvery is how often the loop looks after its seats; one level each.
const tickEvery = earshot.LevelStepMs * time.Millisecond

// ErrClosing answers whoever comes when the floor is being closed.
var ErrClosing = earshot.Fail(earshot.Unavailable, "closing", "this node is shutting down")

// errBusy answers a command whose context ended before the loop came to it.
var errBusy = earshot.Fail(earshot.Unavailable, "busy", "the recorder did not answer in time")

// Files is where parts and call files go.
type Files interface {
	recorder.Files
	// WriteWhole writes a file so that it is there whole or not at all.
	WriteWhole(name string, data []byte) error
}

// Options say how a floor works. Shelf, Board, Files and Node must be given.
type Options struct {
	Node    string           // this node's name
	Version string           // told with the node's heartbeat
	Now     func() time.Time // the clock, which never goes back; time.Now if nil
	Shelf   Shelf
	Board   Board
	Files   Files
	Log     *slog.Logger

	Voice           earshot.VoiceCut // earshot.DefaultVoiceCut if zero
	ReconnectWithin time.Duration    // earshot.ReconnectWithin if zero
	LongestCall     time.Duration    // earshot.LongestCall if zero

	// Ahead is by how much the wall clock is ahead of Now, which may change at any
	// time; by nothing if nil.
	Ahead func() time.Duration

	// Admit says whether new calls may begin: nil, or why not. It is asked ten
	// times a second and must not wait. Calls that are open go on.
	Admit func() error

	// Recover makes whole what a call that was live when the node died has on
	// disk: parts, their lengths, EndedAt. It is called for several calls at
	// once. Without it such a call is stored as the index knows it.
	Recover func(earshot.Call) (earshot.Call, error)

	// Alarms are what is the matter with this node, told with its heartbeat and
	// at once when they change; a new one if nil.
	Alarms *earshot.Alarms

	// Journal makes what recordings are told durable at once; without it a crash
	// loses what their files did not have yet. It is open as long as the floor is.
	Journal Journal
	// Replayed is what Replay brought back of the last life.
	Replayed *Replayed

	// KeepSeats and KeptSeats keep a copy of the seat table outside the index,
	// so that devices get in when the node starts while the index is away.
	KeepSeats func(data []byte) error
	KeptSeats func() ([]byte, error)

	manual       bool // no ticker: a test calls Tick
	newRecording func(call *earshot.Call, opts recorder.Options) recording
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Voice == (earshot.VoiceCut{}) {
		o.Voice = earshot.DefaultVoiceCut
	}
	if o.ReconnectWithin == 0 {
		o.ReconnectWithin = earshot.ReconnectWithin
	}
	if o.LongestCall == 0 {
		o.LongestCall = earshot.LongestCall
	}
	if o.Alarms == nil {
		o.Alarms = new(earshot.Alarms)
	}
}

// recording is what the floor needs of a recorder.Recording; its tests put
// another in its place.
type recording interface {
	Open(at time.Time, tracks []recorder.Track) error
	Packet(p recorder.Packet) error
	Close(at time.Time, side earshot.Side)
	Overflow(at time.Time, side earshot.Side, lost int)
	SenderReport(side earshot.Side, ssrc uint32, ntp time.Time, timestamp uint32)
	Pause(at time.Time)
	Resume(at time.Time)
	Advance(at time.Time) error
	End(at time.Time) error
	Call() earshot.Call
	Facts(func(*earshot.Call))
	Snapshot(at time.Time, n int) (audio *io.SectionReader, mediaType string, err error)
	Levels() earshot.Levels
	Earlier(earshot.Levels)
	Stats() recorder.Stats
	Missing() bool
}

// Floor owns the seats of this node and their open calls.
type Floor struct {
	opts Options
	log  *slog.Logger
	boot time.Time // when the node came up, by the wall clock

	roster    *roster
	tookUp    atomic.Bool // what the last life left open is read
	adopted   sync.Map    // ids of calls that this life had before that
	keeper    *keeper
	publisher *publisher
	alarms    earshot.AlarmSource // the journal's

	actions chan func(now time.Time) // commands on their way into the loop
	posted  *inbox[func(now time.Time)]
	kicks   *inbox[kick]

	quit      chan struct{} // closed when Close begins
	finish    chan struct{} // closed when the loop is to end all calls
	finished  chan struct{} // closed when the loop has no more to do
	stop      context.CancelFunc
	stopped   chan struct{} // closed when the loop has ended
	helpers   sync.WaitGroup
	closing   sync.Once
	closeErr  error
	wire      atomic.Pointer[Wire] // by which listeners are served; set by Wire.WHIP
	fanMu     sync.Mutex
	fanouts   map[string]*fanout
	onCloseMu sync.Mutex
	onClose   []func(context.Context) error

	// What follows belongs to the loop.
	seats      map[string]*seat
	calls      map[string]*openCall // open, or ended and not yet known to be kept
	touched    []*seat              // whose state is to be told
	levels     []earshot.SeatLevels
	ticks      int
	wasAhead   time.Duration // of the wall clock, at the last tick
	stepped    time.Time     // when the wall clock last was; zero once that is not said any more
	refusal    error         // why new calls are refused; nil while they are not
	nextNumber uint32        // of a call in the journal
	seals      []waitingSeal
	ended      recorder.Stats // of calls that have ended
	finishing  bool           // no seat takes anything any more
	done       bool           // and every call is complete
	stored     []string       // calls that are complete, but not known to be kept
}

// kick is a stream that is to be cut off, and why.
type kick struct {
	stream *Stream
	reason string
}

// New loads the seats, stores what the node left unfinished when it ended, and
// starts the floor. ctx is for the start alone. A shelf that is away is no
// error: seats come when it is back.
func New(ctx context.Context, opts Options) (*Floor, error) {
	opts.fill()
	if opts.Node == "" || opts.Shelf == nil || opts.Board == nil || opts.Files == nil {
		return nil, errors.New("a floor needs a node's name, a shelf, a board and files")
	}
	f := &Floor{
		opts: opts, log: opts.Log, boot: opts.Now(),
		actions: make(chan func(time.Time), 64), posted: newInbox[func(time.Time)](), kicks: newInbox[kick](),
		quit: make(chan struct{}), finish: make(chan struct{}), finished: make(chan struct{}), stopped: make(chan struct{}),
		fanouts: map[string]*fanout{}, seats: map[string]*seat{}, calls: map[string]*openCall{},
	}
	f.alarms = opts.Alarms.From("journal")
	f.wasAhead = f.ahead()
	f.boot = f.wall(f.boot)
	f.keeper = newKeeper(opts.Shelf, opts.Files, opts.Log)
	f.publisher = newPublisher(opts)
	f.roster = newRoster(opts, f.keeper, f.rosterChanged)
	f.roster.load(ctx)
	f.takeReplayed()
	f.takeUp(ctx)
	f.openJournal()
	running, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.helpers.Add(5)
	go func() { defer f.helpers.Done(); f.keeper.run() }()
	go func() { defer f.helpers.Done(); f.publisher.run() }()
	go func() { defer f.helpers.Done(); f.roster.run(running) }()
	go func() { defer f.helpers.Done(); f.roster.follow(running, opts.Board) }()
	go func() { defer f.helpers.Done(); f.kick(running) }()
	go f.loop(running)
	return f, nil
}

// loop owns every seat and open call, from New until all calls have ended and
// their parts are sealed.
func (f *Floor) loop(ctx context.Context) {
	defer close(f.stopped)
	var ticks <-chan time.Time
	if !f.opts.manual {
		ticker := time.NewTicker(tickEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	finish := f.finish
	for _, act := range f.posted.take() { // what the last life left comes before any stream
		act(f.opts.Now())
	}
	for {
		select {
		case <-ticks:
			f.tick(f.opts.Now())
		case act := <-f.actions:
			act(f.opts.Now())
		case <-f.posted.wake:
			now := f.opts.Now()
			for _, act := range f.posted.take() {
				act(now)
			}
		case <-finish:
			finish = nil
			f.finishAll(f.opts.Now())
		case <-ctx.Done():
			return
		}
		f.tellTouched(f.opts.Now())
		if f.finishing && !f.done && f.sealed() {
			f.done = true
			close(f.finished)
		}
	}
}

// ask has the loop do something and waits for its answer, until ctx ends or the
// floor has closed.
func ask[T any](ctx context.Context, f *Floor, do func(now time.Time) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	got := make(chan answer, 1)
	act := func(now time.Time) {
		v, err := do(now)
		got <- answer{v, err}
	}
	select {
	case f.actions <- act:
	case <-ctx.Done():
		return none, errBusy.Because(ctx.Err())
	case <-f.stopped:
		return none, ErrClosing
	}
	select {
	case a := <-got:
		return a.value, a.err
	case <-ctx.Done():
		return none, errBusy.Because(ctx.Err())
	case <-f.stopped:
		return none, ErrClosing
	}
}

// post has the loop do something later; it never waits.
func (f *Floor) post(do func(now time.Time)) { f.posted.put(do) }

// Tick does what the loop does each tenth of a second, for the instant now.
func (f *Floor) Tick(now time.Time) {
	// An error means that the floor has closed: nothing ticks any more.
	_, _ = ask(context.Background(), f, func(time.Time) (struct{}, error) {
		f.tick(now)
		return struct{}{}, nil
	})
}

// seat is the loop's record of a seat, made when it is first needed.
func (f *Floor) seat(id string) (*seat, error) {
	if f.finishing {
		return nil, ErrClosing
	}
	if s := f.seats[id]; s != nil {
		return s, nil
	}
	info, ok := f.roster.get(id)
	if !ok {
		return nil, earshot.ErrNoSeat
	}
	s := newSeat(f, info)
	f.seats[id] = s
	return s, nil
}

// fanout is where the packets of a seat go to listeners, made when first asked for.
func (f *Floor) fanout(seat string) *fanout {
	f.fanMu.Lock()
	defer f.fanMu.Unlock()
	fan := f.fanouts[seat]
	if fan == nil {
		fan = newFanout()
		f.fanouts[seat] = fan
	}
	return fan
}

// listenersChanged tells who listens to a seat now; it does not wait.
func (f *Floor) listenersChanged(seat string, users []string) {
	f.post(func(time.Time) {
		if s := f.seats[seat]; s != nil {
			s.listeners = users
			s.touch()
		}
	})
}

// kick cuts streams off, one after the other, until the floor has closed.
func (f *Floor) kick(ctx context.Context) {
	for {
		select {
		case <-f.kicks.wake:
		case <-ctx.Done():
			return
		}
		for _, k := range f.kicks.take() {
			if k.stream.kick != nil {
				k.stream.kick(k.reason)
			}
		}
	}
}

// beforeClose has Close call fn first, before calls are ended.
func (f *Floor) beforeClose(fn func(context.Context) error) {
	f.onCloseMu.Lock()
	defer f.onCloseMu.Unlock()
	f.onClose = append(f.onClose, fn)
}

// Close ends the floor: the wire, then every call, marked as interrupted and
// with all its parts sealed, then whatever is still to be kept and told. When
// ctx ends first, what is left undone is in the error; no goroutine is left
// either way.
func (f *Floor) Close(ctx context.Context) error {
	f.closing.Do(func() { f.closeErr = f.close(ctx) })
	return f.closeErr
}

func (f *Floor) close(ctx context.Context) error {
	var errs []error
	close(f.quit)
	f.onCloseMu.Lock()
	wires := f.onClose
	f.onCloseMu.Unlock()
	for i := len(wires) - 1; i >= 0; i-- {
		errs = append(errs, wires[i](ctx))
	}
	close(f.finish)
	select {
	case <-f.finished:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("parts not sealed in time: %w", ctx.Err()))
	}
	f.stop()
	<-f.stopped
	f.publisher.close(ctx, f.opts.Node)
	errs = append(errs, f.keeper.close(ctx))
	f.helpers.Wait()
	f.closeJournal()
	return errors.Join(errs...)
}
