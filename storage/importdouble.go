package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"earshot"
	"earshot/storage/files"
	"earshot/storage/imports"
	"earshot/storage/index"
)

// A file of the same bytes as a call may know more of it than the file that it was
// made of: of several in one run the one that knows most is taken first (see
// knows); of one that comes later the call takes what it lacks.

// double notes what a file tells of the call of its bytes. Of calls that were
// brought in, and are not held, it takes what they lack, unless somebody has edited
// that: the call, the file's fate and the audit change together.
func (r *importRun) double(ctx context.Context, s *Imports, t *takenFile, c earshot.Call, facts settled) error {
	edited, err := s.editedFacts(ctx, c.ID)
	if err != nil {
		return err
	}
	compare := func(c earshot.Call) earshot.CallPatch {
		open := c.State == earshot.CallStored && c.Origin != nil && !isHeld(c, s.now())
		patch, said := earshot.NewInDouble(c, facts.SettledImport, func(fact string) bool { return open && !edited[fact] })
		t.file.Text, t.file.Remarks = earshot.DoubleText(said), doubleRemarks(said)
		return patch
	}
	if compare(c) == (earshot.CallPatch{}) {
		return nil
	}
	a := s.Archive
	defer a.calls.Lock(c.ID)()
	c, err = s.index().SettleDouble(ctx, r.id, c.ID, func(c *earshot.Call) (earshot.ImportFile, *earshot.Audit, error) {
		patch := compare(*c)
		if patch == (earshot.CallPatch{}) { // somebody was quicker
			return t.file, nil, nil
		}
		patch.Apply(c)
		if err := a.writeFile(*c); err != nil {
			return t.file, nil, &files.WriteError{Err: err}
		}
		now := s.now()
		return t.file, &earshot.Audit{
			ID: earshot.NewID(now), At: earshot.At(now), Who: r.batch.By, Action: earshot.AuditUpdate, Target: c.Seat, Call: c.ID,
			Reason: fmt.Sprintf("%s: import %s, %s", strings.Join(patched(patch), " "), r.id, t.file.Path),
		}, s.step("double written")
	})
	if err != nil {
		return err
	}
	return s.saveAgents(ctx, []earshot.Call{c})
}

func isHeld(c earshot.Call, now time.Time) bool {
	return slices.ContainsFunc(c.Holds, func(h earshot.Hold) bool { return h.Active(now) })
}

// doubleRemarks are the remarks on a duplicate that tells this.
func doubleRemarks(said []earshot.ImportSaid) (remarks []string) {
	taken, not := false, false
	for _, s := range said {
		taken, not = taken || s.Taken, not || !s.Taken
	}
	if taken {
		remarks = append(remarks, earshot.RemarkFactsTaken)
	}
	if not {
		remarks = append(remarks, earshot.RemarkFactsNotTaken)
	}
	return remarks
}

// patched are the facts that a patch changes, as the audit names them.
func patched(p earshot.CallPatch) (facts []string) {
	for _, field := range []struct {
		fact string
		is   bool
	}{
		{"direction", p.Direction != nil}, {"number", p.Number != nil}, {"account", p.Account != nil},
		{"ticket", p.Ticket != nil}, {"business", p.Business != nil}, {"agent", p.Agent != nil},
	} {
		if field.is {
			facts = append(facts, field.fact)
		}
	}
	return facts
}

// editedFacts are the facts of a call that somebody has edited, as the audit has
// it: what people took away an import does not bring back.
func (s *Imports) editedFacts(ctx context.Context, call string) (map[string]bool, error) {
	edited := map[string]bool{}
	for q := (index.AuditQuery{Call: call, Actions: []string{earshot.AuditUpdate}, Limit: 500}); ; {
		page, err := s.index().SearchAudit(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Audit {
			facts, _, _ := strings.Cut(row.Reason, ":") // of a mark it is "mark KIND", of an import more follows
			for fact := range strings.FieldsSeq(facts) {
				edited[fact] = true
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return edited, nil
		}
	}
}

// Ranks of files by what their names and the table tell that a call cannot be
// told later.
const (
	knowsSeat  = 1
	knowsStart = 2
	mostKnown  = knowsStart | knowsSeat
)

// knows is the rank of a file. Files of the same bytes differ in nothing but their
// names, their rows of the table and their times: so whose rank is higher has its
// turn first, and its facts become the call's.
func (f *importFacts) knows(path string) (rank int) {
	s, _ := f.of(imports.File{Path: path}, earshot.ImportTold{}) // what is wrong with it its turn will show
	told := func(fact string) bool {
		return s.From[fact] == earshot.FromTable || s.From[fact] == earshot.FromPattern
	}
	if told("startedAt") {
		rank |= knowsStart
	}
	if told("seat") {
		rank |= knowsSeat
	}
	return rank
}
