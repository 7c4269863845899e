package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"earshot"
)

// A message of levels, one a node a tick:
//
//	1 byte   version, 1
//	8 bytes  when, Unix ms, big endian
//	1 byte   length of the node's name, then the name
//	a seat:  1 byte length of the id, the id, agent, customer
const levelsVersion = 1

const (
	quietFor     = time.Second // no levels for so long: ask whether Redis is there
	levelsQueued = 32          // ticks that wait for a slow fn; then the oldest go
)

// PutLevels sends one tick of levels for all of a node's seats to whoever
// follows them.
func (s *Store) PutLevels(ctx context.Context, node string, levels []earshot.SeatLevels) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	message, err := packLevels(node, s.opts.Now(), levels)
	if err != nil {
		return err
	}
	return s.failure(ctx, "send levels", s.client.Publish(ctx, s.levels, message).Err())
}

// FollowLevels calls fn with each node's levels from now on. It returns when
// ctx or the store ends, and with ErrAway within about three seconds of losing Redis.
// An fn that is slow misses the oldest.
func (s *Store) FollowLevels(ctx context.Context, fn func(node string, at time.Time, levels []earshot.SeatLevels)) error {
	sub := s.client.Subscribe(ctx)         // to nothing yet: with a channel it would hide a failure
	breakOff := func() { _ = sub.Close() } // its reader gets the error
	defer context.AfterFunc(ctx, breakOff)()
	defer context.AfterFunc(s.ended, breakOff)()

	if err := s.subscribe(ctx, sub); err != nil {
		breakOff()
		return err
	}

	// The reader never waits for fn: the embedded Redis waits for its readers.
	ticks := make(chan string, levelsQueued)
	failed := make(chan error, 1)
	go func() {
		defer close(ticks)
		failed <- s.readLevels(ctx, sub, ticks)
	}()
	for message := range ticks {
		if ctx.Err() != nil {
			continue // what still waits is for nobody
		}
		node, at, levels, err := unpackLevels(message)
		if err != nil {
			s.opts.Log.Warn("levels cannot be read", "err", err)
			continue
		}
		fn(node, at, levels)
	}
	breakOff()
	return <-failed
}

func (s *Store) subscribe(ctx context.Context, sub *redis.PubSub) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return s.failure(ctx, "follow levels", sub.Subscribe(ctx, s.levels))
}

// readLevels passes messages on until the subscription breaks.
func (s *Store) readLevels(ctx context.Context, sub *redis.PubSub, ticks chan string) error {
	asked := false
	for {
		got, err := sub.ReceiveTimeout(ctx, quietFor)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &timeout) && timeout.Timeout() && !asked && ctx.Err() == nil:
			asked = true
			err = sub.Ping(ctx)
		}
		if err != nil {
			return s.failure(ctx, "follow levels", err)
		}
		message, ok := got.(*redis.Message)
		if !ok {
			continue
		}
		select {
		case ticks <- message.Payload:
		default:
			select {
			case <-ticks:
			default: // fn has just taken it
			}
			ticks <- message.Payload // we are the only one who fills it
		}
	}
}

func packLevels(node string, at time.Time, levels []earshot.SeatLevels) ([]byte, error) {
	b := make([]byte, 0, 10+len(node)+16*len(levels))
	b = append(b, levelsVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(at.UnixMilli()))
	b, err := appendName(b, node)
	for _, l := range levels {
		if err == nil {
			b, err = appendName(b, l.Seat)
		}
		b = append(b, l.Agent, l.Customer)
	}
	return b, err
}

func appendName(b []byte, name string) ([]byte, error) {
	if len(name) > 255 {
		return b, fmt.Errorf("levels: the name %.20s… is too long", name)
	}
	return append(append(b, byte(len(name))), name...), nil
}

var errBadLevels = errors.New("levels: malformed message")

func unpackLevels(m string) (node string, at time.Time, levels []earshot.SeatLevels, err error) {
	if len(m) < 10 || m[0] != levelsVersion {
		return "", at, nil, errBadLevels
	}
	at = time.UnixMilli(int64(binary.BigEndian.Uint64([]byte(m[1:9])))).UTC()
	node, m, ok := cutName(m[9:])
	for ok && len(m) > 0 {
		var l earshot.SeatLevels
		if l.Seat, m, ok = cutName(m); !ok || len(m) < 2 {
			return "", at, nil, errBadLevels
		}
		l.Agent, l.Customer = m[0], m[1]
		levels, m = append(levels, l), m[2:]
	}
	if !ok {
		return "", at, nil, errBadLevels
	}
	return node, at, levels, nil
}

func cutName(m string) (name, rest string, ok bool) {
	if len(m) < 1 || len(m) < 1+int(m[0]) {
		return "", "", false
	}
	n := 1 + int(m[0])
	return m[1:n], m[n:], true
}
