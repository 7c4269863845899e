package main

import (
	"net/http"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index/pgtest"
)

// PostgreSQL ends, and stands still with its connections open, while somebody
// speaks: every packet is recorded, the wall says what is the matter, and calls
// that began and ended meanwhile enter the index afterwards.
func TestPostgresFaults(t *testing.T) {
	pg := pgtest.Own(t)
	s := openSite(t, func(c *serveCommand) { c.Index = pg.URL() })
	speaks := s.target("counter", "session")
	token := s.makeSeat("s2", "counter", "event")
	wall := s.testServer.watchWall()
	known, status := s.startCall("s2", token) // the floor knows the seat from now on
	if status != http.StatusCreated {
		t.Fatalf("a call answers %d", status)
	}
	s.endCall(known.ID, token)
	s.stored(known.ID)
	d := s.connect(speaks, twoTracks)
	agent, customer := voices(t, 750)
	said := make(chan error, 1)
	go func() { said <- d.send(agent, customer) }()
	wall.says("nothing is the matter", time.Now())
	for _, row := range []struct {
		name        string
		fails, ends func()
	}{
		{"PostgreSQL is stopped", pg.Stop, pg.Start},
		{"PostgreSQL stands still", pg.Freeze, pg.Thaw},
	} {
		at := time.Now()
		row.fails()
		wall.says(row.name, at, earshot.AlarmIndexAway)
		call, status := s.startCall("s2", token)
		if status != http.StatusCreated {
			t.Fatalf("%s: a call answers %d", row.name, status)
		}
		s.endCall(call.ID, token)
		at = time.Now()
		row.ends()
		wall.says(row.name+" no more", at)
		s.stored(call.ID)
	}
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	id := s.liveCall("counter").ID
	d.bye()
	part := s.open(s.storedOf(id), 1)
	for track, sent := range [][]shot{agent, customer} {
		part.holds(t, track, laid(t, earshot.Opus, sent))
	}
}
