package storage

import (
	"context"
	"slices"

	"earshot"
	"earshot/storage/index"
)

// PatchCall writes what patch says into a stored call, its file and its rows,
// and answers the call as it is then; earshot.ErrNoCall, ErrNotStored.
func (a *Archive) PatchCall(ctx context.Context, id string, patch earshot.CallPatch) (earshot.Call, error) {
	if err := patch.Validate(); err != nil {
		return earshot.Call{}, err
	}
	return a.edit(ctx, id, func(c *earshot.Call) error {
		patch.Apply(c)
		return nil
	})
}

// Marks are the marks of a call, in the order of their starts.
func (a *Archive) Marks(ctx context.Context, id string) ([]earshot.Mark, error) {
	c, err := a.Call(ctx, id)
	return c.Marks, err
}

// AddMark adds a mark to a stored call, giving it an id if it has none;
// earshot.ErrNoCall, ErrNotStored, `bad_mark`.
func (a *Archive) AddMark(ctx context.Context, id string, mark earshot.Mark) (earshot.Mark, error) {
	if err := mark.Validate(); err != nil {
		return earshot.Mark{}, err
	}
	if mark.ID == "" {
		mark.ID = earshot.NewID(a.now())
	}
	_, err := a.edit(ctx, id, func(c *earshot.Call) error {
		c.Marks = slices.DeleteFunc(c.Marks, func(m earshot.Mark) bool { return m.ID == mark.ID })
		c.Marks = append(c.Marks, mark)
		return nil
	})
	return mark, err
}

// ChangeMark puts mark in the place of the one with its id on a stored call;
// earshot.ErrNoCall, ErrNotStored, index.ErrNoMark, `bad_mark`.
func (a *Archive) ChangeMark(ctx context.Context, id string, mark earshot.Mark) error {
	if err := mark.Validate(); err != nil {
		return err
	}
	_, err := a.edit(ctx, id, func(c *earshot.Call) error {
		at := slices.IndexFunc(c.Marks, func(m earshot.Mark) bool { return m.ID == mark.ID })
		if at < 0 {
			return index.ErrNoMark
		}
		c.Marks[at] = mark
		return nil
	})
	return err
}

// DeleteMark takes a mark of a stored call away; earshot.ErrNoCall,
// ErrNotStored, index.ErrNoMark.
func (a *Archive) DeleteMark(ctx context.Context, id, mark string) error {
	_, err := a.edit(ctx, id, func(c *earshot.Call) error {
		before := len(c.Marks)
		c.Marks = slices.DeleteFunc(c.Marks, func(m earshot.Mark) bool { return m.ID == mark })
		if len(c.Marks) == before {
			return index.ErrNoMark
		}
		return nil
	})
	return err
}

// edit changes a stored call as the index has it, first its file, then its rows,
// before anybody else does, on whatever node. Live calls belong to whoever records
// them.
func (a *Archive) edit(ctx context.Context, id string, change func(*earshot.Call) error) (earshot.Call, error) {
	defer a.calls.Lock(id)()
	c, err := a.index.EditCall(ctx, id, func(c *earshot.Call) error {
		switch c.State {
		case earshot.CallStored:
		case earshot.CallDeleted:
			return earshot.ErrDeleted
		default:
			return ErrNotStored
		}
		if err := change(c); err != nil {
			return err
		}
		return a.writeFile(*c)
	})
	if err != nil {
		return earshot.Call{}, err
	}
	a.wakeNotary()
	return c, a.noteSilence(ctx, c)
}
