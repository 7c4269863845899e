package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"earshot"
)

const (
	lookEvery = time.Second // a follower sees that its place is still there so often
	batch     = 200         // events read at once
)

// eventID is an event's id as it leaves this package.
func eventID(epoch, entry string) string { return epoch + ":" + entry }

// head is the id of the last event so far.
func (s *Store) head(ctx context.Context) (string, error) {
	answer, err := s.run(ctx, "look at the events", scriptHeadID)
	if err != nil {
		return "", err
	}
	var epoch, last string
	if err := take(answer, &epoch, &last); err != nil {
		return "", fmt.Errorf("look at the events: %w", err)
	}
	return eventID(epoch, last), nil
}

// Follow calls fn for each event after since, in order and none left out; ""
// is now. It returns when ctx or the store ends, with what fn returns, with
// ErrGone where events after since are no longer there or Redis has begun
// anew, and with ErrAway within about three seconds of losing Redis. Whoever
// follows calls it again with the id of the last event it saw.
func (s *Store) Follow(ctx context.Context, since string, fn func(earshot.Event) error) error {
	if since == "" {
		var err error
		if since, err = s.head(ctx); err != nil {
			return err
		}
	}
	f, err := s.follower(ctx, since)
	if err != nil {
		return err
	}
	defer f.close()
	for {
		entries, err := f.next()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			event, ok, err := f.event(entry)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := fn(event); err != nil {
				return err
			}
		}
	}
}

// follower reads the stream from one place on, over a connection of its own
// that can be broken off: go-redis does not stop a read when its context ends.
type follower struct {
	store  *Store
	ctx    context.Context
	client *redis.Client
	unlink []func() bool
	epoch  string
	last   string
}

func (s *Store) follower(ctx context.Context, since string) (*follower, error) {
	epoch, entry, ok := strings.Cut(since, ":")
	if !ok {
		return nil, ErrGone.Because(fmt.Errorf("%q is no event's id", since))
	}
	options := *s.client.Options()
	options.PoolSize = 1
	f := &follower{store: s, ctx: ctx, client: redis.NewClient(&options), epoch: epoch, last: entry}
	breakOff := func() { _ = f.client.Close() } // its reader gets the error
	f.unlink = []func() bool{context.AfterFunc(ctx, breakOff), context.AfterFunc(s.ended, breakOff)}
	if err := f.stillThere(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *follower) close() {
	for _, unlink := range f.unlink {
		unlink()
	}
	_ = f.client.Close() // nothing is left to be written
}

// next waits a while for events; there may be none.
func (f *follower) next() ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(f.ctx, lookEvery+answerWithin)
	defer cancel()
	streams, err := f.client.XRead(ctx, &redis.XReadArgs{
		Streams: []string{keyEvents}, ID: f.last, Count: batch, Block: lookEvery,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, f.store.failure(ctx, "follow events", err)
	}
	// Asked after reading: while the last entry seen is there, nothing between
	// it and those read was cut off.
	if err := f.stillThere(); err != nil {
		return nil, err
	}
	if len(streams) == 0 {
		return nil, nil
	}
	return streams[0].Messages, nil
}

// stillThere is ErrGone once the entry last seen is not in the stream.
func (f *follower) stillThere() error {
	ctx, cancel := context.WithTimeout(f.ctx, answerWithin)
	defer cancel()
	found, err := f.client.XRangeN(ctx, keyEvents, f.last, f.last, 1).Result()
	var refused redis.Error
	if errors.As(err, &refused) && strings.Contains(refused.Error(), "Invalid stream ID") {
		return ErrGone.Because(err)
	}
	if err != nil {
		return f.store.failure(ctx, "follow events", err)
	}
	if len(found) == 0 || found[0].Values[fieldEpoch] != f.epoch {
		return ErrGone.Because(fmt.Errorf("after %s", eventID(f.epoch, f.last)))
	}
	return nil
}

// event reads an entry and moves on to it; ok is false where it tells nothing.
func (f *follower) event(entry redis.XMessage) (event earshot.Event, ok bool, err error) {
	if entry.Values[fieldEpoch] != f.epoch {
		return event, false, ErrGone.Because(fmt.Errorf("epoch %s is over", f.epoch))
	}
	f.last = entry.ID
	text, _ := entry.Values[fieldEvent].(string)
	if text == "" {
		return event, false, nil // the first of an epoch
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		f.store.opts.Log.Warn("an event in Redis cannot be read", slog.String("id", entry.ID), slog.Any("err", err))
		return event, false, nil
	}
	event.ID = eventID(f.epoch, entry.ID)
	return event, true, nil
}
