package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot"
	"earshot/storage/evidence"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// gather brings together all that goes into the package.
func (s *Packages) gather(ctx context.Context, p earshot.Package) (evidence.Input, error) {
	keys := s.Ledger.Keys()
	if len(keys) == 0 {
		return evidence.Input{}, errors.New("the ledger has no key")
	}
	in := evidence.Input{
		Package: p, Site: s.Site, Software: s.Software, Zone: s.Location,
		Key: keys[len(keys)-1], TempDir: s.Dir,
		Open: s.Archive.files.Open, Decode: s.Archive.decode,
	}
	for _, want := range p.Calls {
		if err := s.Made(ctx, p, want); err != nil {
			return in, fmt.Errorf("write down that call %s is exported: %w", want.Call, err)
		}
	}
	entries := map[string]map[int]int64{}
	for _, want := range p.Calls {
		known, err := s.recorded(ctx, want.Call)
		if err != nil {
			return in, err
		}
		entries[want.Call] = known
	}
	var err error
	if in.Head, err = s.Ledger.Sign(ctx); err != nil {
		return in, fmt.Errorf("sign the ledger: %w", err)
	}
	for _, want := range p.Calls {
		call, err := s.call(ctx, want.Call, entries[want.Call], in.Head.Size)
		if err != nil {
			return in, err
		}
		in.Calls = append(in.Calls, call)
	}
	last := int64(0) // of the records that the package proves
	for _, known := range entries {
		for _, entry := range known {
			last = max(last, entry)
		}
	}
	in.Witnesses, err = s.witnesses(in.Head, last)
	return in, err
}

// recorded are the ledger's records of a call's parts. Where some are missing the
// notary is asked first.
func (s *Packages) recorded(ctx context.Context, call string) (map[int]int64, error) {
	c, err := s.Archive.Call(ctx, call)
	if err != nil {
		return nil, err
	}
	known, err := s.Archive.index.PartEntries(ctx, call)
	if err != nil || !slices.ContainsFunc(c.Parts, func(p earshot.Part) bool { _, ok := known[p.N]; return !ok }) {
		return known, err
	}
	if err := s.Archive.NotariseOnce(ctx); err != nil {
		return nil, err
	}
	return s.Archive.index.PartEntries(ctx, call)
}

// call is one call with its proofs, its levels, and who has heard it.
func (s *Packages) call(ctx context.Context, id string, entries map[int]int64, size int64) (evidence.CallInput, error) {
	call, err := s.Archive.Call(ctx, id)
	if err != nil {
		return evidence.CallInput{}, err
	}
	in := evidence.CallInput{Call: withoutPrivate(call)}
	s.names(ctx, &in)
	for _, part := range call.Parts {
		entry, ok := entries[part.N]
		if !ok {
			continue // told by name when its turn comes
		}
		_, raw, err := s.Ledger.Entry(entry)
		if err != nil {
			return in, fmt.Errorf("read the ledger's record %d: %w", entry, err)
		}
		proof, err := s.Ledger.Prove(entry, size)
		if err != nil {
			return in, fmt.Errorf("prove the ledger's record %d: %w", entry, err)
		}
		in.Parts = append(in.Parts, evidence.PartInput{N: part.N, Index: entry, Entry: raw, Proof: proof})
	}
	if in.Levels, err = s.Archive.Levels(ctx, id); err != nil {
		return in, err
	}
	in.Audit, err = s.audit(ctx, id)
	return in, err
}

// names fills in what people call seat and branch; a seat or branch that was
// taken away has but its id.
func (s *Packages) names(ctx context.Context, in *evidence.CallInput) {
	if seat, err := s.Archive.index.Seat(ctx, in.Call.Seat); err == nil {
		in.SeatName = seat.Name
	}
	if branch, err := s.Archive.index.Branch(ctx, in.Call.Branch); err == nil {
		in.BranchName = branch.Name
	}
}

// withoutPrivate leaves out marks that their makers keep for themselves.
func withoutPrivate(c earshot.Call) earshot.Call {
	c = c.Clone()
	c.Marks = slices.DeleteFunc(c.Marks, func(m earshot.Mark) bool { return !m.Shared })
	return c
}

// audit is who did what to the call until now, oldest first.
func (s *Packages) audit(ctx context.Context, call string) ([]earshot.Audit, error) {
	rows, cursor := []earshot.Audit{}, ""
	for {
		page, err := s.Archive.index.SearchAudit(ctx, index.AuditQuery{Call: call, Cursor: cursor, Limit: 200})
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Audit...)
		if cursor = page.Next; cursor == "" {
			slices.Reverse(rows)
			return rows, nil
		}
	}
}

// witnesses are heads that witnesses kept, proved to be beginnings of head: of
// each the first that covers record last, and its newest.
func (s *Packages) witnesses(head ledger.Head, last int64) ([]evidence.Witness, error) {
	receipts, err := s.Ledger.Witnessed(last)
	if err != nil {
		return nil, fmt.Errorf("read what witnesses kept: %w", err)
	}
	newest, err := s.Ledger.Receipts()
	if err != nil {
		return nil, fmt.Errorf("read what witnesses kept: %w", err)
	}
	for _, r := range newest {
		if !slices.ContainsFunc(receipts, func(other ledger.Receipt) bool { return other.Witness == r.Witness && other.Head == r.Head }) {
			receipts = append(receipts, r)
		}
	}
	var all []evidence.Witness
	for _, r := range receipts {
		old, err := ledger.ParseHead([]byte(r.Head))
		if err != nil || old.Size > head.Size {
			continue // of a ledger that is not this one: verify says so
		}
		proof, err := s.Ledger.ProveTree(old.Size, head.Size)
		if err != nil {
			return nil, fmt.Errorf("prove what %s kept: %w", r.Witness, err)
		}
		all = append(all, evidence.Witness{Name: r.Witness, Kind: r.Kind, At: r.At, Head: old, Receipt: r.Receipt, Proof: proof})
	}
	return all, nil
}

// ExportRow is the audit row of a call that goes into a package.
func ExportRow(p earshot.Package, call earshot.PackageCall, now time.Time) earshot.Audit {
	return earshot.Audit{
		ID: earshot.NewID(now), At: earshot.At(now), Who: p.By, Action: earshot.AuditExport, Target: "package:" + p.ID,
		Call: call.Call, FromMs: call.FromMs, ToMs: call.ToMs, Reason: p.Reason,
	}
}
