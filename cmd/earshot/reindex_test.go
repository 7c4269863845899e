package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
)

// command runs the program and answers its exit status and what it says.
func command(t *testing.T, args ...string) (status int, said string) {
	t.Helper()
	var out, complaint bytes.Buffer
	status = run(t.Context(), args, &out, &complaint)
	return status, out.String() + complaint.String()
}

// TestReindexAfterTheIndexIsLost kills a server with one call on the shelf and one
// under way, takes the index away or damages it, and hears both calls afterwards.
func TestReindexAfterTheIndexIsLost(t *testing.T) {
	for _, row := range []struct {
		name   string
		damage func(t *testing.T, file string)
		says   string
	}{
		{"removed", func(t *testing.T, file string) {
			for _, end := range []string{"", "-wal", "-shm"} {
				if err := os.Remove(file + end); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
		}, "brought back"},
		{"garbage", func(t *testing.T, file string) {
			if err := os.WriteFile(file, []byte(strings.Repeat("garbage ", 4096)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ".damaged-"},
	} {
		t.Run(row.name, func(t *testing.T) {
			data := t.TempDir()
			child, dead := childSite(t, data)
			target := dead.target("counter", "session")
			agent, customer := voices(t, 100)
			first := dead.connect(target, twoTracks)
			first.play(agent, customer)
			done := dead.liveCall("counter").ID
			first.bye()
			before := dead.storedOf(done)
			status, said := command(t, "reindex", "--data", data)
			if status != 1 || !strings.Contains(said, "in use by another earshot") {
				t.Errorf("beside a running server: %d, %s", status, said)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			if status, said := command(t, "backup", "--data", data, backup); status != 0 {
				t.Fatalf("backup beside a running server: %s", said)
			}
			second := dead.connect(target, twoTracks)
			second.play(agent, customer)
			cut := dead.liveCall("counter").ID
			killNow(t, child)
			second.vanish()

			row.damage(t, filepath.Join(data, "index.db"))
			if status, said := command(t, "reindex", "--data", data); status != 0 || !strings.Contains(said, row.says) {
				t.Fatalf("reindex: %d, %s", status, said)
			}
			if status, said := command(t, "restore", "--data", data, backup); status != 0 {
				t.Fatalf("restore: %s", said)
			}

			s := openSite(t, func(c *serveCommand) { c.Data, c.AdminPassword = data, "another one, not used" })
			after := s.callOf(done)
			if after.State != earshot.CallStored || len(after.Parts) != len(before.Parts) || after.Parts[0].SHA256 != before.Parts[0].SHA256 {
				t.Errorf("the call on the shelf: %+v", after)
			}
			left := s.callOf(cut)
			if left.State != earshot.CallStored || !left.Flagged(earshot.FlagInterrupted) || len(left.Parts) != 1 {
				t.Fatalf("the call under way: %s, %v, parts %+v", left.State, left.Flags, left.Parts)
			}
			for track, sent := range [][]shot{agent, customer} {
				if from, to := s.open(left, 1).runOf(t, track, laid(t, earshot.Opus, sent)); from != 0 || to < 100-mostLostSlots-second.few() {
					t.Errorf("track %d: packets %d to %d came back", track, from, to)
				}
			}
			target.URL = s.url
			third := s.connect(target, twoTracks)
			third.play(agent, customer)
			s.liveCall("counter") // its token still opens the door
			third.bye()
		})
	}
}

// TestBackupAndRestoreByCommand: people get in again after everything was lost.
func TestBackupAndRestoreByCommand(t *testing.T) {
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	ts := startServer(t, func(c *serveCommand) { c.Data = data })
	ts.makeSeat("s1", "counter", "session")
	ts.stop()
	for _, row := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"backup", "--data", data, file}, 0, "1 users"},
		{[]string{"backup", "--data", t.TempDir(), file}, 1, "index.db"},
		{[]string{"backup", "--data", data, filepath.Join(t.TempDir(), "no", "folder")}, 1, "no such file"},
		{[]string{"restore", "--data", data, file}, 0, "put back"},
		{[]string{"restore", "--data", data, os.Args[0]}, 1, "no whole back-up"},
		{[]string{"reindex", "--data", filepath.Join(t.TempDir(), "nowhere")}, 1, "--data"},
	} {
		if status, said := command(t, row.args...); status != row.status || !strings.Contains(said, row.says) {
			t.Errorf("%v: %d, %q", row.args, status, said)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the back-up: %v, %v", info.Mode(), err)
	}
	other := t.TempDir()
	if status, said := command(t, "restore", "--data", other, file); status != 0 {
		t.Fatal(said)
	}
	ts = startServer(t, func(c *serveCommand) { c.Data, c.AdminPassword = other, "" }) // signs in with the old password
	var seats struct{ Seats []earshot.Seat }
	ts.call(http.MethodGet, "/api/v1/seats", nil, &seats)
	if len(seats.Seats) != 1 || seats.Seats[0].ID != "s1" {
		t.Errorf("seats: %+v", seats)
	}
}
