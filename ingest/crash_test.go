package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/ingest/recorder"
	"earshot/storage/files"
)

// crashChild has the test's own binary be a node that records what it sends to
// itself, in the folder, until it is killed.
const crashChild = "CRASH_CHILD_FOLDER"

// Sizes of the crash tests.
const (
	crashSeats   = 3
	crashes      = 100
	crashesAside = 4 // processes at a time
	mostLost     = 300 * time.Millisecond
)

func init() {
	if dir := os.Getenv(crashChild); dir != "" {
		if err := liveUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// folderShelf keeps calls in their files alone.
type folderShelf struct {
	files Files
}

func (s folderShelf) Seats(context.Context) ([]earshot.Seat, error) {
	var seats []earshot.Seat
	for i := range crashSeats {
		seats = append(seats, earshot.Seat{ID: "s" + strconv.Itoa(i), Branch: "east", Kind: earshot.Counter, Cut: earshot.CutSession})
	}
	return seats, nil
}

func (s folderShelf) SaveCall(_ context.Context, call earshot.Call) error {
	return writeCall(s.files, call)
}

func (folderShelf) SaveTokens(context.Context, string, []earshot.SeatToken) error { return nil }
func (folderShelf) SaveStreams(context.Context, []earshot.StreamSpan) error       { return nil }
func (folderShelf) Announce(context.Context, earshot.Announcement) error          { return nil }
func (folderShelf) SaveAgent(context.Context, earshot.Agent) error                { return nil }
func (folderShelf) OpenCalls(context.Context, string) ([]earshot.Call, error)     { return nil, nil }

// liveUntilKilled has seats come, speak, break, come back, and leave, again and
// again, and says on standard output what each has handed over.
func liveUntilKilled(dir string) error {
	store, err := files.Open(dir, files.Options{})
	if err != nil {
		return err
	}
	journal, err := store.OpenJournal(files.JournalOptions{SegmentEvery: 700 * time.Millisecond})
	if err != nil {
		return err
	}
	n := &news{}
	board := &fakeBoard{news: n, seats: map[string]earshot.LiveSeat{}, nodes: map[string]earshot.LiveNode{}}
	floor, err := New(context.Background(), Options{
		Node: "n1", Version: "test", Board: board, Files: Disk(store), Shelf: folderShelf{Disk(store)},
		Journal: DiskJournal(journal), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	out := &says{}
	for i := range crashSeats {
		go (&speaker{floor: floor, seat: "s" + strconv.Itoa(i), rng: rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano()))), out: out}).run()
	}
	select {}
}

// says writes whole lines.
type says struct{ mu sync.Mutex }

func (s *says) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// speaker is one seat's device. Each packet of a side has the next number in it.
type speaker struct {
	floor  *Floor
	seat   string
	rng    *rand.Rand
	out    *says
	number uint32
}

func (s *speaker) run() {
	for {
		stream, err := s.floor.Attach(context.Background(), StreamInfo{
			ID: earshot.NewID(time.Now()), Seat: s.seat, LevelExt: 1, Tracks: []recorder.Track{agentTrack, customerTrack},
		}, func(string) {})
		if err != nil {
			s.out.line("failed %v", err)
			return
		}
		stream.Connected(true)
		s.speak(stream, 10+s.rng.IntN(60))
		if s.rng.IntN(3) == 0 {
			stream.Break() // it comes back: another part
		} else {
			stream.End()
		}
	}
}

// speak sends so many packets of both sides, one each 20 ms.
func (s *speaker) speak(stream *Stream, n int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ssrc := s.rng.Uint32()
	for i := range n {
		<-tick.C
		at := time.Now()
		for side := range 2 {
			p := rtp.Packet{Header: rtp.Header{
				Version: 2, PayloadType: 111, SequenceNumber: uint16(i), Timestamp: uint32(i) * 960, SSRC: ssrc + uint32(side),
			}, Payload: numbered(s.number)}
			if p.SetExtension(1, []byte{30}) != nil {
				panic("no extension")
			}
			raw, err := p.Marshal()
			if err != nil {
				panic(err)
			}
			stream.Track(side).Receive(raw, at)
		}
		s.number++
		s.out.line("%s %d %d", s.seat, s.number, at.UnixMilli())
	}
}

// numbered is a packet of Opus with a number in it.
func numbered(n uint32) []byte {
	return append([]byte{0xf8, 0xaa}, binary.BigEndian.AppendUint32(nil, n)...)
}

// TestKilledAtAnyInstant kills a hundred nodes in the midst of their calls: what
// is on the disk after a replay is all that each seat had handed over, but for
// the last 300 ms.
func TestKilledAtAnyInstant(t *testing.T) {
	instants := crashes
	if testing.Short() {
		instants = 8
	}
	var group sync.WaitGroup
	aside := make(chan struct{}, crashesAside)
	for i := range instants {
		aside <- struct{}{}
		group.Go(func() {
			defer func() { <-aside }()
			after := 150*time.Millisecond + time.Duration(rand.Int64N(int64(2500*time.Millisecond)))
			if err := killOne(t, filepath.Join(t.TempDir(), strconv.Itoa(i)), after); err != nil {
				t.Errorf("killed after %v: %v", after, err)
			}
		})
	}
	group.Wait()
}

// sent is what a seat said it had handed over: after how many packets, and when.
type sent struct {
	n  int
	at time.Time
}

func killOne(t *testing.T, dir string, after time.Duration) error {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashChild+"="+dir)
	var failed bytes.Buffer
	child.Stderr = &failed
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	said := map[string][]sent{}
	var timer *time.Timer
	var killed time.Time
	var mu sync.Mutex
	for lines.Scan() {
		if timer == nil { // it lives since now
			timer = time.AfterFunc(after, func() {
				mu.Lock()
				defer mu.Unlock()
				killed = time.Now()
				_ = child.Process.Kill() // it shows in how it ended
			})
		}
		var seat string
		var n int
		var ms int64
		if _, err := fmt.Sscan(lines.Text(), &seat, &n, &ms); err == nil {
			said[seat] = append(said[seat], sent{n, time.UnixMilli(ms)})
		}
	}
	_ = child.Wait() // killed, or else:
	if failed.Len() > 0 || len(said) == 0 {
		return fmt.Errorf("the node did not live: %s", failed.String())
	}
	mu.Lock()
	defer mu.Unlock()
	return whatIsLeft(dir, said, killed)
}

// whatIsLeft replays the folder twice, as if the first replay had been killed too
// before it could say that it was done, and compares.
func whatIsLeft(dir string, said map[string][]sent, killed time.Time) error {
	for range 2 {
		if err := replayFolder(dir); err != nil {
			return err
		}
	}
	got := map[string][]uint32{}
	calls, err := callsIn(dir)
	if err != nil {
		return err
	}
	for _, call := range calls {
		numbers, err := numbersOf(dir, call)
		if err != nil {
			return fmt.Errorf("call %s: %w", call.ID, err)
		}
		got[call.Seat] = append(got[call.Seat], numbers...)
	}
	for seat, all := range said {
		due := 0
		for _, s := range all {
			if killed.Sub(s.at) > mostLost {
				due = s.n
			}
		}
		for i, n := range got[seat] {
			if n != uint32(i) {
				return fmt.Errorf("%s: packet %d is where %d should be, of %d", seat, n, i, len(got[seat]))
			}
		}
		if len(got[seat]) < due {
			return fmt.Errorf("%s: %d packets are left, %d came, %d of them more than %v before the kill",
				seat, len(got[seat]), all[len(all)-1].n, due, mostLost)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "audio", "*", "*", "*", "*.part"))
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("unfinished files are left: %v", left)
	}
	return err
}

func replayFolder(dir string) error {
	store, err := files.Open(dir, files.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // the journal, which is closed with it, is looked at next
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		return err
	}
	alarms := new(earshot.Alarms)
	_, err = Replay(context.Background(), ReplayOptions{
		Node: "n1", Journal: DiskJournal(journal), Files: Disk(store), Shelf: folderShelf{Disk(store)},
		Alarms: alarms, Log: slog.New(slog.DiscardHandler),
	})
	if list := alarms.List(); err == nil && len(list) > 0 {
		err = fmt.Errorf("alarms: %+v", list)
	}
	return err
}

// callsIn are the folder's calls, oldest first.
func callsIn(dir string) ([]earshot.Call, error) {
	var calls []earshot.Call
	err := filepath.WalkDir(filepath.Join(dir, "audio"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".json") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var call earshot.Call
		if err := json.Unmarshal(text, &call); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if call.State != earshot.CallStored {
			return fmt.Errorf("call %s is %s", call.ID, call.State)
		}
		if call.Flagged(earshot.FlagDamaged) {
			return fmt.Errorf("call %s is damaged, %+v", call.ID, call.Gaps)
		}
		calls = append(calls, call)
		return nil
	})
	slices.SortFunc(calls, func(a, b earshot.Call) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	return calls, err
}

// numbersOf are the numbers in the call's parts; both sides must have the same,
// but for the last.
func numbersOf(dir string, call earshot.Call) ([]uint32, error) {
	var numbers [2][]uint32
	for _, part := range call.Parts {
		file, err := os.ReadFile(filepath.Join(dir, "audio", part.File))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(file)
		if hex.EncodeToString(sum[:]) != part.SHA256 || int64(len(file)) != part.Bytes {
			return nil, fmt.Errorf("%s is not what its call says", part.File)
		}
		r, err := ogg.NewOpusReader(bytes.NewReader(file))
		if err != nil {
			return nil, err
		}
		for {
			packet, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			a, c, err := opus.SplitSelfDelimited(packet.Data)
			if err != nil {
				return nil, err
			}
			for side, p := range [][]byte{a, c} {
				if len(p) == 6 {
					numbers[side] = append(numbers[side], binary.BigEndian.Uint32(p[2:]))
				}
			}
		}
		if len(r.Damage()) > 0 {
			return nil, fmt.Errorf("%s is damaged: %v", part.File, r.Damage())
		}
	}
	if n := min(len(numbers[0]), len(numbers[1])); !slices.Equal(numbers[0][:n], numbers[1][:n]) {
		return nil, fmt.Errorf("the sides have %v and %v", numbers[0], numbers[1])
	}
	return numbers[0], nil
}
