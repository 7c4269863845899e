package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"

	"earshot"
	"earshot/storage/session/redistest"
)

// alarmWatch is a wall's connection: what it is told of alarms, and when.
type alarmWatch struct {
	t    *testing.T
	conn *websocket.Conn
}

func (ts *testServer) watchWall() *alarmWatch {
	ts.t.Helper()
	conn, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(ts.url, "http")+"/api/v1/live",
		http.Header{"Authorization": {"Bearer " + ts.token}})
	if err != nil {
		ts.t.Fatal(err)
	}
	_ = answer.Body.Close() // it has none
	ts.t.Cleanup(func() { _ = conn.Close() })
	return &alarmWatch{ts.t, conn}
}

// says reads on until the wall is told that exactly the alarms of the codes last,
// and prints how long that took since the fault.
func (w *alarmWatch) says(what string, since time.Time, codes ...earshot.AlarmCode) {
	w.t.Helper()
	w.until(what, since, func(said []earshot.AlarmCode) bool { return slices.Equal(said, codes) })
}

// until reads on until the wall is told of alarms that are as they should be.
func (w *alarmWatch) until(what string, since time.Time, ok func([]earshot.AlarmCode) bool) {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	said := []earshot.AlarmCode{}
	for {
		var m struct {
			Type   string          `json:"type"`
			Alarms []earshot.Alarm `json:"alarms"`
		}
		kind, data, err := w.conn.ReadMessage()
		if err != nil {
			w.t.Fatalf("%s: the wall was last told %v: %v", what, said, err)
		}
		if kind != websocket.TextMessage || json.Unmarshal(data, &m) != nil || m.Type != "alarms" {
			continue
		}
		said = said[:0]
		for _, a := range m.Alarms {
			if a.Code != earshot.AlarmClockUnsynced { // this machine's own affair
				said = append(said, a.Code)
			}
		}
		if ok(said) {
			fmt.Printf("told on the wall after %4d ms: %s → %v\n", time.Since(since).Milliseconds(), what, said)
			return
		}
	}
}

// startCall opens a call with a seat's token.
func (ts *testServer) startCall(seat, token string) (earshot.Call, int) {
	ts.t.Helper()
	user := ts.token
	ts.token = token
	status, answer := ts.ask(http.MethodPost, "/api/v1/seats/"+seat+"/calls", map[string]string{})
	ts.token = user
	var call earshot.Call
	if err := json.Unmarshal(answer, &call); err != nil {
		ts.t.Fatal(err)
	}
	return call, status
}

func (ts *testServer) endCall(call, token string) {
	ts.t.Helper()
	user := ts.token
	ts.token = token
	ts.call(http.MethodPost, "/api/v1/calls/"+call+"/end", nil, nil)
	ts.token = user
}

func (ts *testServer) stored(call string) {
	ts.t.Helper()
	eventually(ts.t, "the call to enter the index", func() bool {
		c, err := ts.index.Call(ts.t.Context(), call)
		return err == nil && c.State == earshot.CallStored
	})
}

// Redis is away at the start, comes, goes in a call, and comes back with an empty
// memory: calls begin and end all the while, and the wall says what is the matter.
func TestRedisFaults(t *testing.T) {
	redis, ok := redistest.Start(t)
	if !ok {
		return
	}
	redis.Stop()
	ts := startServer(t, func(c *serveCommand) { c.Redis = redis.URL() })
	token := ts.makeSeat("s1", "counter", "event")
	wall := ts.watchWall()
	wall.says("Redis is away at the start", time.Now(), earshot.AlarmRedisAway)
	first, status := ts.startCall("s1", token)
	if status != http.StatusCreated {
		t.Fatalf("a call without Redis: %d", status)
	}
	at := time.Now()
	redis.Start()
	wall.says("Redis comes", at)
	at = time.Now()
	redis.Stop()
	wall.says("Redis goes in a call", at, earshot.AlarmRedisAway)
	ts.endCall(first.ID, token)
	ts.stored(first.ID)
	second, _ := ts.startCall("s1", token)
	at = time.Now()
	redis.Start()
	wall.says("Redis is back with empty memory", at)
	eventually(t, "the live state to be rebuilt", func() bool {
		shot, err := ts.live.Snapshot(t.Context())
		return err == nil && len(shot.Nodes) == 1 && len(shot.Seats) == 1 && shot.Seats[0].Call != nil && shot.Seats[0].Call.ID == second.ID
	})
}

// leaveUnfinished leaves a call's unfinished file behind, as a crash does, of which
// nothing else tells. It answers the call's id.
func leaveUnfinished(t *testing.T, data string) (call string) {
	t.Helper()
	speech, err := os.ReadFile(filepath.Join("..", "..", "ingest", "seat", "demo", "water-bill-agent.opus"))
	if err != nil {
		t.Fatal(err)
	}
	call = earshot.NewID(time.Now())
	file := filepath.Join(data, "audio", filepath.FromSlash(earshot.PartFile(call, 1, earshot.Opus))+".part")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, speech[:len(speech)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	// Without its list of folders a node looks through all of them.
	if err := os.Remove(filepath.Join(data, "unfinished")); err != nil {
		t.Fatal(err)
	}
	return call
}

// The index is damaged at the start: the server is there all the same, records,
// and says so; calls enter the index once there is one, and so does what a crash
// left in files alone.
func TestIndexDamagedAtStart(t *testing.T) {
	data := t.TempDir()
	before := startServer(t, func(c *serveCommand) { c.Data = data })
	token := before.makeSeat("s1", "counter", "event")
	eventually(t, "the copy of the seats", func() bool {
		list, err := os.ReadFile(filepath.Join(data, "seats.json"))
		return err == nil && strings.Contains(string(list), earshot.HashToken(token))
	})
	before.stop()
	name := filepath.Join(data, "index.db")
	if err := os.WriteFile(name, []byte(strings.Repeat("no index. ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	left := leaveUnfinished(t, data)

	ts := openServer(t, func(c *serveCommand) { c.Data = data })
	if list := ts.alarms.List(); len(list) == 0 || list[0].Code != earshot.AlarmIndexAway {
		t.Errorf("alarms %+v", list)
	}
	status, answer := ts.ask(http.MethodPost, "/api/v1/login", map[string]string{"name": "admin", "password": testPassword})
	if status != http.StatusServiceUnavailable || !strings.Contains(string(answer), "index_away") {
		t.Errorf("sign-in answers %d %s", status, answer)
	}
	call, status := ts.startCall("s1", token)
	if status != http.StatusCreated {
		t.Fatalf("a call without an index: %d", status)
	}
	ts.endCall(call.ID, token)
	if err := os.Rename(name, name+".damaged"); err != nil {
		t.Fatal(err)
	}
	ts.stored(call.ID)
	ts.stored(left)
	if c, err := ts.index.Call(t.Context(), left); err != nil || !c.Flagged(earshot.FlagInterrupted) || len(c.Parts) != 1 || c.DurationMs < 1000 {
		t.Errorf("what a crash left came back as %+v, %v", c, err)
	}
	if names, err := ts.files.Unfinished(); err != nil || len(names) > 0 {
		t.Errorf("unfinished files are left: %v, %v", names, err)
	}
	eventually(t, "the first administrator to be made", func() bool {
		status, _ := ts.ask(http.MethodPost, "/api/v1/login", map[string]string{"name": "admin", "password": testPassword})
		return status == http.StatusOK
	})
}

// The index is locked by another process, and removed, while calls go on.
func TestIndexFaultsWhileRunning(t *testing.T) {
	ts := startServer(t, nil)
	token := ts.makeSeat("s1", "counter", "event")
	wall := ts.watchWall()
	name := filepath.Join(ts.settings.Data, "index.db")

	other, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "PRAGMA busy_timeout=5000; BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	wall.says("the index is locked by another process", at, earshot.AlarmIndexAway)
	call, status := ts.startCall("s1", token)
	if status != http.StatusCreated {
		t.Fatalf("a call while the index is locked: %d", status)
	}
	ts.endCall(call.ID, token)
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	wall.says("the lock is gone", at)
	ts.stored(call.ID)

	at = time.Now()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(name + end); err != nil {
			t.Fatal(err)
		}
	}
	wall.says("the index is removed", at, earshot.AlarmIndexAway)
	wall.says("it was put back", at)
	ts.stored(call.ID)
}

// The disk fills: an early alarm, then new calls are refused in words and the
// open one goes on; with room again everything is taken.
func TestDiskFills(t *testing.T) {
	data := t.TempDir()
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=64m"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("cannot mount a small file system: %v", err)
		}
		fmt.Printf("%s: not run: cannot mount a small file system: %v\n", t.Name(), err)
		return
	}
	t.Cleanup(func() {
		if err := unix.Unmount(data, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ts := startServer(t, func(c *serveCommand) { c.Data, c.Reserve = data, "16MiB" })
	open, full := ts.makeSeat("s1", "counter", "event"), ts.makeSeat("s2", "counter", "event")
	wall := ts.watchWall()
	wall.says("nothing is the matter", time.Now())
	call, _ := ts.startCall("s1", open)
	ballast := filepath.Join(data, "ballast")
	fill := func(leave uint64) time.Time {
		t.Helper()
		free, _, err := spaceAt(data)()
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		if _, err := f.Write(make([]byte, free-leave)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return at
	}
	wall.says("the disk is below its reserve", fill(12<<20), earshot.AlarmDiskLow)
	wall.says("the disk is full", fill(2<<20), earshot.AlarmDiskFull, earshot.AlarmDiskLow)
	if _, status := ts.startCall("s2", full); status != http.StatusInsufficientStorage {
		t.Errorf("a new call on a full disk: %d", status)
	}
	ts.call(http.MethodGet, "/api/v1/calls/"+call.ID, nil, &call)
	if call.State != earshot.CallLive {
		t.Errorf("the open call is %s", call.State)
	}
	at := time.Now()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	wall.says("there is room again", at)
	if _, status := ts.startCall("s2", full); status != http.StatusCreated {
		t.Errorf("a new call with room: %d", status)
	}
	ts.endCall(call.ID, open)
	ts.stored(call.ID)
}

// A second process on the same data folder ends at once and says why.
func TestTwoProcessesOnOneFolder(t *testing.T) {
	data := t.TempDir()
	child, _ := startChild(t, data)
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second := exec.CommandContext(ctx, os.Args[0])
	second.Env = append(os.Environ(), childArgs+"=serve --http 127.0.0.1:0 --udp 127.0.0.1:0 --data "+data)
	var said bytes.Buffer
	second.Stderr = &said
	if err := second.Run(); err == nil || ctx.Err() != nil {
		t.Fatalf("the second process ends with %v", err)
	}
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "in use by another earshot") {
		t.Errorf("it says %q", text)
	}
}
