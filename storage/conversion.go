package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"earshot"
)

// conversion is a file of Playables that is being made.
type conversion struct {
	ctx     context.Context
	end     context.CancelCauseFunc // says why
	waiting int                     // who want it; under Playables.mu
	begun   bool                    // its turn has come; likewise
	done    chan struct{}
	err     error // once done
}

// made has the file name made of a part, or waits for who makes it already.
func (p *Playables) made(ctx context.Context, name string, part earshot.Part, original func() (io.ReadSeekCloser, error)) error {
	c, err := p.join(ctx, name, part, original)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		p.leave(name, c)
		return ctx.Err()
	}
}

// join waits for what is made under the name, which begins if nobody has asked yet.
func (p *Playables) join(ctx context.Context, name string, part earshot.Part, original func() (io.ReadSeekCloser, error)) (*conversion, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, context.Canceled
	}
	c := p.making[name]
	if c == nil {
		c = &conversion{done: make(chan struct{})}
		// Whoever asked may go away: who asks next finds it made.
		c.ctx, c.end = context.WithCancelCause(context.WithoutCancel(ctx))
		p.making[name] = c
		p.run.Go(func() { p.finish(name, c, p.perform(c, name, part, original)) })
	}
	c.waiting++
	return c, nil
}

// leave waits no longer: what has not begun is not made for nobody.
func (p *Playables) leave(name string, c *conversion) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.waiting--; c.waiting > 0 || c.begun {
		return
	}
	c.end(context.Canceled)
	p.drop(name, c)
}

// drop forgets that c is being made. The caller holds mu.
func (p *Playables) drop(name string, c *conversion) {
	if p.making[name] == c {
		delete(p.making, name)
	}
}

func (p *Playables) finish(name string, c *conversion, err error) {
	p.mu.Lock()
	p.drop(name, c)
	p.mu.Unlock()
	c.err = err
	if cause := context.Cause(c.ctx); err != nil && cause != nil {
		c.err = cause
	}
	c.end(nil)
	close(c.done)
}

// perform makes the file when its turn has come: until then no file is open, and
// whether there is room is not asked.
func (p *Playables) perform(c *conversion, name string, part earshot.Part, original func() (io.ReadSeekCloser, error)) error {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	p.mu.Lock()
	c.begun = true
	p.mu.Unlock()
	if err := c.ctx.Err(); err != nil { // nobody waits for it
		return err
	}
	if _, err := p.dir.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err // it was made just before somebody asked
	}
	from, err := original()
	if err != nil {
		return err
	}
	err = p.make(c.ctx, name, part, from)
	if err = errors.Join(err, from.Close()); err != nil {
		return err
	}
	return p.tidy(name)
}
