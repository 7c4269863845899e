package ingest

import (
	"slices"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// reread brings into a call that goes on what people have said of it while it
// was stored, and the levels of its earlier parts. The file is read behind the
// loop; until then the call is not kept, so that nothing of theirs is written
// over. was is the call as it was stored.
func (c *openCall) reread(was earshot.Call) {
	f := c.seat.floor
	c.rereading = &was
	f.helpers.Go(func() {
		file, err := readCall(f.opts.Files, c.id)
		levels := recorder.PartLevels(f.opts.Files, was)
		f.post(func(time.Time) {
			c.rereading = nil
			c.rec.Earlier(levels)
			if err == nil {
				c.rec.Facts(func(call *earshot.Call) { merge(call, was, file) })
			} else {
				f.log.Warn("what was said of a call while it was stored is not known", "call", c.id, "err", err)
			}
			c.settle()
		})
	})
}

// merge takes over into now what in file is another than it was. What has been
// changed since stays as it is now.
func merge(now *earshot.Call, was, file earshot.Call) {
	for _, f := range []struct{ now, was, file *string }{
		{&now.Number, &was.Number, &file.Number}, {&now.Account, &was.Account, &file.Account},
		{&now.Ticket, &was.Ticket, &file.Ticket}, {&now.Business, &was.Business, &file.Business},
	} {
		if *f.now == *f.was {
			*f.now = *f.file
		}
	}
	if now.Direction == was.Direction {
		now.Direction = file.Direction
	}
	if now.Rating == was.Rating {
		now.Rating = file.Rating
	}
	if slices.Equal(now.Tags, was.Tags) {
		now.Tags = file.Tags
	}
	if sameAgent(now.Agent, was.Agent) {
		now.Agent = file.Agent
	}
	now.Holds = file.Holds
	now.Marks = mergeMarks(now.Marks, was.Marks, file.Marks)
	for _, flag := range []earshot.Flag{earshot.FlagInterrupted, earshot.FlagDamaged} {
		if file.Flagged(flag) {
			now.SetFlag(flag)
		}
	}
}

func sameAgent(a, b *earshot.Agent) bool { return a == b || a != nil && b != nil && *a == *b }

// mergeMarks is the marks of the file, as they have been changed since, and those
// that are new since.
func mergeMarks(now, was, file []earshot.Mark) []earshot.Mark {
	find := func(marks []earshot.Mark, id string) (earshot.Mark, bool) {
		i := slices.IndexFunc(marks, func(m earshot.Mark) bool { return m.ID == id })
		if i < 0 {
			return earshot.Mark{}, false
		}
		return marks[i], true
	}
	merged := []earshot.Mark{}
	for _, m := range file {
		before, known := find(was, m.ID)
		after, there := find(now, m.ID)
		switch {
		case known && !there: // taken away since
		case known && after != before:
			merged = append(merged, after)
		default:
			merged = append(merged, m)
		}
	}
	for _, m := range now {
		if _, known := find(was, m.ID); !known {
			merged = append(merged, m)
		}
	}
	return merged
}
