package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"earshot"
)

// lossRow is a call over a line, and what may be missing of it.
type lossRow struct {
	name string
	line conditions
	dead time.Duration // so long nothing goes through, in the middle
	long time.Duration // of the call under these conditions
	most float64       // share of the frames that may be missing
	gap  time.Duration // besides this one hole, which an outage may leave
}

const farAway = 40 * time.Millisecond // one way

var lossRows = []lossRow{
	{name: "nothing lost", line: conditions{oneWay: farAway}, long: 8 * time.Second},
	{name: "one in ten", line: conditions{loss: .1, oneWay: farAway}, long: 20 * time.Second, most: .001},
	{name: "one in five", line: conditions{loss: .2, oneWay: farAway}, long: 20 * time.Second, most: .001},
	{name: "an outage of 2.5 s", line: conditions{oneWay: farAway}, dead: 2500 * time.Millisecond, long: 10 * time.Second},
	{name: "an outage of 6 s", line: conditions{oneWay: farAway}, dead: 6 * time.Second, long: 14 * time.Second, gap: 4500 * time.Millisecond},
}

// TestBrowserSeatOverALossyLine has a real Chromium at the seat page speak over
// a line that loses packets, in network namespaces, and looks for what is missing
// in the files. EARSHOT_LOSS_ROW makes each row so long (scripts/loss), and
// EARSHOT_LOSS_UNSAID has the line swallow what the server asks for: how it was
// before it asked.
func TestBrowserSeatOverALossyLine(t *testing.T) {
	needs(t, ffmpeg, []string{chromium(), "--version"}, []string{"ip", "-V"})
	l := openLine(t)
	s, origin := openFarSite(t, l)
	token := s.makeSeat("window", "counter", "event")
	b := openBrowser(t, l.far, origin, twoSidedMicrophone(t))
	b.open(origin + "/seat#seat=window&token=" + token)
	b.click("input[name=kind][value=stereo]")
	b.click("[data-test=go]")
	b.until("the seat to be on the air", "document.querySelector('[data-test=state]')?.dataset.state == 'idle'")
	unsaid := os.Getenv("EARSHOT_LOSS_UNSAID") != ""
	wall := s.watchWall()
	for _, row := range lossRows {
		row.line.unsaid = unsaid
		if long, err := time.ParseDuration(os.Getenv("EARSHOT_LOSS_ROW")); err == nil && row.dead == 0 {
			row.long = long
		}
		t.Run(row.name, func(t *testing.T) { row.prove(s.in(t), l, wall, unsaid) })
	}
}

// prove makes a call under the row's conditions and counts what is missing.
func (row lossRow) prove(s *site, l *lossyLine, wall *wallWatch, unsaid bool) {
	t := s.t
	l.set(conditions{oneWay: row.line.oneWay, unsaid: row.line.unsaid})
	eventually(t, "the link to be well again", func() bool { return wall.attention() == "" })
	var call earshot.Call
	s.call(http.MethodPost, "/api/v1/seats/window/calls", map[string]string{}, &call)
	pass(time.Second)
	l.counted()
	began := time.Now()
	l.set(row.line)
	if row.line.loss > 0 {
		eventually(t, "the wall to show the poor link", func() bool { return wall.attention() == earshot.AttentionPoorLink })
		took := time.Since(began)
		t.Logf("the wall showed the poor link after %.1f s", took.Seconds())
		if took > 4*time.Second { // 3 s and what a loaded machine costs
			t.Error("that is too late")
		}
	}
	if row.dead > 0 {
		pass(3 * time.Second)
		l.set(conditions{dead: true})
		pass(row.dead)
		l.set(row.line)
	}
	pass(row.long - time.Since(began))
	took, count := time.Since(began), l.counted()
	l.set(conditions{oneWay: row.line.oneWay, unsaid: row.line.unsaid})
	pass(1500 * time.Millisecond) // what is asked for at the end comes, too
	s.call(http.MethodPost, "/api/v1/calls/"+call.ID+"/end", map[string]string{}, nil)
	call = s.storedOf(call.ID)
	got := row.look(s, call, l)
	t.Logf("%-20s missing %d of %d frames (%.3f %%), media %.1f kbit/s, requests %.2f kbit/s (%d), SILK alone %.1f %%",
		row.name, got.missing, got.frames, percent(got.missing, got.frames), kbits(count.media, took), kbits(count.requests, took), count.asking,
		percent(got.silk, got.frames))
	if unsaid {
		return
	}
	most := int(row.most*float64(got.frames)) + 2*int(row.gap/slotTime)
	if got.missing > most {
		t.Errorf("%d of %d frames are missing, at most %d may be: gaps %+v", got.missing, got.frames, most, call.Gaps)
	}
}

// lossFigures are counts of frames, of both sides.
type lossFigures struct{ frames, missing, silk int }

// look counts the frames of the call's tracks that are not in its files and those
// in Opus's narrowest coding, and holds all against what was seen to be sent.
func (row lossRow) look(s *site, call earshot.Call, l *lossyLine) (got lossFigures) {
	t := s.t
	if len(call.Parts) != 1 {
		t.Fatalf("the call has parts %+v", call.Parts)
	}
	part := s.open(call, 1)
	if want := row.long.Milliseconds(); part.DurationMs < want {
		t.Errorf("the part is of %d ms", part.DurationMs)
	}
	const hybrid = 12 // the first configuration that is not SILK alone (RFC 6716, table 2)
	sent := l.sent()
	for i, track := range part.tracks {
		track = betweenCuts(track)
		got.frames += len(track)
		for _, frame := range track {
			switch {
			case frame == nil:
				got.missing++
			case frame[0]>>3 < hybrid:
				got.silk++
			}
		}
		if wrong := bestFit(track, sent); wrong > 0 {
			t.Errorf("track %d: %d frames are not where they were sent", i, wrong)
		}
	}
	return got
}

// betweenCuts is a track without an empty slot at either end: a call begins and
// ends between the packets of its sides, so one may have a slot less than the
// other.
func betweenCuts(track [][]byte) [][]byte {
	if len(track) > 0 && track[0] == nil {
		track = track[1:]
	}
	if n := len(track); n > 0 && track[n-1] == nil {
		track = track[:n-1]
	}
	return track
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }

// bestFit is how many of a track's frames have another size than what a source
// sent at their place, where the two fit together best. What SRTP adds is the
// same for all.
func bestFit(track [][]byte, sent [][]int) int {
	const gcm, sha1 = 16, 10
	best := len(track)
	for _, sizes := range sent {
		for _, tag := range []int{gcm, sha1} {
			for from := 0; from+len(track) <= len(sizes); from++ {
				wrong := 0
				for i, frame := range track {
					if frame != nil && sizes[from+i] != len(frame)+tag {
						if wrong++; wrong >= best {
							break
						}
					}
				}
				best = min(best, wrong)
			}
		}
	}
	return best
}

func kbits(bytes int, in time.Duration) float64 { return float64(bytes) * 8 / 1000 / in.Seconds() }

// pass lets the line be as it is for so long: that is the test, no event ends it.
func pass(d time.Duration) { time.Sleep(d) }

// openFarSite starts the server on the near host; origin is where the far one
// finds it.
func openFarSite(t *testing.T, l *lossyLine) (s *site, origin string) {
	t.Helper()
	addr := l.near.addr.String()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(),
		childArgs+"=serve --http "+addr+":0 --udp "+addr+":0 --data "+t.TempDir(), "EARSHOT_ADMIN_PASSWORD="+testPassword)
	child.Stderr = t.Output()
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.near.in(child.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Wait() }) // its end is the test's context's
	lines := bufio.NewScanner(out)
	for origin == "" && lines.Scan() {
		for _, word := range strings.Fields(lines.Text()) {
			if strings.HasPrefix(word, "http://"+addr) {
				origin = strings.TrimRight(word, "/")
			}
		}
	}
	if origin == "" {
		t.Fatalf("the server did not say where it is: %v", lines.Err())
	}
	s = &site{testServer: &testServer{t: t, url: l.near.reach(t, strings.TrimPrefix(origin, "http://"))}}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	var signedIn struct{ Token string }
	s.call(http.MethodPost, "/api/v1/login", map[string]string{"name": "admin", "password": testPassword}, &signedIn)
	s.token = signedIn.Token
	return s, origin
}

// wallWatch is the wall's socket, read for one seat.
type wallWatch struct {
	mu   sync.Mutex
	seat earshot.LiveSeat
}

func (s *site) watchWall() *wallWatch {
	s.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"earshot", "bearer." + s.token}}
	conn, resp, err := dialer.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/api/v1/live", nil)
	if err != nil {
		s.t.Fatalf("the wall: %v", err)
	}
	_ = resp.Body.Close() // empty
	w := &wallWatch{}
	var reading sync.WaitGroup
	reading.Go(func() { w.read(conn) })
	s.t.Cleanup(func() {
		_ = conn.Close() // which ends the reading
		reading.Wait()
	})
	return w
}

func (w *wallWatch) read(conn *websocket.Conn) {
	for {
		var m struct {
			Seats []earshot.LiveSeat
			Event struct{ Seat *earshot.LiveSeat }
		}
		kind, text, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage || json.Unmarshal(text, &m) != nil {
			continue
		}
		w.mu.Lock()
		for _, seat := range m.Seats {
			w.seat = seat
		}
		if m.Event.Seat != nil {
			w.seat = *m.Event.Seat
		}
		w.mu.Unlock()
	}
}

func (w *wallWatch) attention() earshot.Attention {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seat.Attention
}
