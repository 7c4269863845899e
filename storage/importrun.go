package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"earshot"
	"earshot/storage/imports"
	"earshot/storage/index"
)

// The pace of a run.
const (
	importAtOnce = 64                     // files that become calls in one go
	importAdds   = 1000                   // files told to the index in one go
	importWaits  = 200 * time.Millisecond // while recording needs the disk
)

// importRun is one run of a batch.
type importRun struct {
	id     string
	batch  earshot.Import
	ctx    context.Context //nolint:containedctx // it is the run's own: Stop ends it
	cancel context.CancelFunc
	left   atomic.Bool // the process ends: the batch goes on at the next start
	ended  chan struct{}

	facts  *importFacts
	folder ImportFolder
	retain func(earshot.Call) bool // retention would delete it now
}

func newImportRun(m earshot.Import) *importRun {
	ctx, cancel := context.WithCancel(context.Background())
	return &importRun{id: m.ID, batch: m, ctx: ctx, cancel: cancel, ended: make(chan struct{})}
}

// leave ends a run that is to go on at the next start.
func (r *importRun) leave() {
	r.left.Store(true)
	r.cancel()
}

// do runs the batch to its end and writes down how it ended.
func (r *importRun) do(s *Imports) (err error) {
	defer func() {
		r.cancel()
		s.mu.Lock()
		s.running = nil
		s.mu.Unlock()
		close(r.ended)
	}()
	err = r.run(s)
	if r.left.Load() {
		return err
	}
	after := context.WithoutCancel(r.ctx)
	_, saving := s.index().ChangeImport(after, r.id, func(m *earshot.Import) error {
		m.State, m.EndedAt, m.Error = earshot.ImportDone, earshot.At(s.now()), ""
		switch {
		case r.ctx.Err() != nil:
			m.State = earshot.ImportStopped
		case err != nil:
			m.State, m.Error = earshot.ImportStopped, stoppedBy(err)
		}
		return nil
	})
	if err = errors.Join(err, saving); err != nil && r.ctx.Err() == nil {
		s.Log.ErrorContext(after, "an import stopped", "import", r.id, "err", err)
	}
	return err
}

// stoppedBy is the code of what stopped a run. A disk that is full says so, whoever
// filled it since there was room.
func stoppedBy(err error) string {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return ErrImportRoom.Code
	}
	return earshot.AsError(err).Code
}

func (r *importRun) run(s *Imports) (err error) {
	if r.folder, err = s.Folder(r.batch); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.folder.Close()) }()
	if r.facts, err = s.newImportFacts(r.ctx, r.batch.Settings); err != nil {
		return err
	}
	if r.retain, err = s.retention(r.ctx); err != nil {
		return err
	}
	begun, err := s.settleHalves(r.ctx, r.id)
	if err == nil {
		err = r.settle(s, begun)
	}
	if err != nil {
		return err
	}
	recoded, err := r.list(s)
	if err != nil {
		return err
	}
	if err := s.step("listed"); err != nil {
		return err
	}
	for rank := mostKnown; rank >= 0; rank-- {
		if err := r.takeAll(s, recoded, rank); err != nil {
			return err
		}
	}
	return nil
}

// list tells the index of all files that there are. Those that cannot be taken in
// have their fate at once.
func (r *importRun) list(s *Imports) (recoded map[string]bool, err error) {
	recoded = map[string]bool{}
	var some, odd []earshot.ImportFile
	var paths []string
	flush := func() error {
		err := s.index().AddImportFiles(r.ctx, r.id, some, nil)
		some = some[:0]
		return err
	}
	err = r.folder.Walk(r.ctx, func(f imports.File) error {
		if f.Path == r.batch.Settings.Metadata {
			return nil
		}
		file := earshot.ImportFile{Path: f.Path, Bytes: f.Bytes, ModifiedAt: earshot.At(f.ModifiedAt), Fate: earshot.FateWaiting}
		some = append(some, file)
		if f.Code != "" {
			odd = append(odd, refusedFile(file, f.Code, imports.Say(f.Code, false)))
		} else {
			paths = append(paths, f.Path)
		}
		if f.Recoded {
			recoded[f.Path] = true
		}
		if len(some) < importAdds {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return nil, fmt.Errorf("look for files: %w", err)
	}
	if r.batch.Settings.Metadata != "" {
		if err := r.facts.readTable(r.folder); err != nil {
			return nil, err
		}
	}
	for _, path := range paths {
		r.facts.expect(path)
	}
	return recoded, r.settle(s, odd)
}

func refusedFile(file earshot.ImportFile, code, text string) earshot.ImportFile {
	file.Fate, file.Code, file.Text, file.Call, file.Remarks = earshot.FateRefused, code, text, "", nil
	return file
}

// settle writes fates down and tells them.
func (r *importRun) settle(s *Imports, files []earshot.ImportFile) error {
	if len(files) == 0 {
		return nil
	}
	if err := s.index().SettleImportFiles(r.ctx, r.id, files); err != nil {
		return err
	}
	for _, f := range files {
		s.Fated(r.id, f)
	}
	return nil
}

// takeAll takes every file that waits and is of that rank.
func (r *importRun) takeAll(s *Imports, recoded map[string]bool, rank int) error {
	group, ctx := errgroup.WithContext(r.ctx)
	jobs := make(chan earshot.ImportFile)
	made := make(chan *takenFile, importAtOnce)
	group.Go(func() error {
		defer close(jobs)
		return r.hand(ctx, s, jobs, rank)
	})
	var workers sync.WaitGroup
	for range s.Workers {
		workers.Add(1)
		group.Go(func() error {
			defer workers.Done()
			lowPriority()
			for file := range jobs {
				taken, err := r.take(ctx, s, file, recoded[file.Path])
				if err != nil {
					return fmt.Errorf("%s: %w", file.Path, err)
				}
				select {
				case made <- taken:
				case <-ctx.Done():
					return errors.Join(ctx.Err(), taken.drop())
				}
			}
			return nil
		})
	}
	go func() { // its end is the workers'
		workers.Wait()
		close(made)
	}()
	group.Go(func() error { return r.collect(ctx, s, made) })
	dropped := make(chan error, 1)
	go func() { // its end is the workers', who may be waiting for the hash of what nobody collects any more
		<-ctx.Done()
		var err error
		for taken := range made {
			err = errors.Join(err, taken.drop())
		}
		dropped <- err
	}()
	err := group.Wait()
	return errors.Join(err, <-dropped)
}

// hand gives the files that wait, and are of that rank, to the workers, in the
// order of their paths.
func (r *importRun) hand(ctx context.Context, s *Imports, jobs chan<- earshot.ImportFile, rank int) error {
	q := index.ImportFileQuery{Batch: r.id, Fate: earshot.FateWaiting, Limit: 1000}
	for {
		page, err := s.index().ImportFiles(ctx, q)
		if err != nil {
			return err
		}
		for _, file := range page.Files {
			if r.facts.knows(file.Path) != rank {
				continue
			}
			select {
			case jobs <- file:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Files[len(page.Files)-1].Path
	}
}

// collect makes calls of what the workers hand on, several at a time.
func (r *importRun) collect(ctx context.Context, s *Imports, made <-chan *takenFile) error {
	for first := range made {
		some := []*takenFile{first}
	more:
		for len(some) < importAtOnce {
			select {
			case taken, open := <-made:
				if !open {
					break more
				}
				some = append(some, taken)
			default:
				break more
			}
		}
		if err := r.keep(ctx, s, some); err != nil {
			for _, taken := range some {
				err = errors.Join(err, taken.drop())
			}
			return err
		}
	}
	return nil
}

// keep makes calls of files, all together. What a crash cuts off between two steps
// the next run finds by the notes of the first, and does again.
func (r *importRun) keep(ctx context.Context, s *Imports, some []*takenFile) error {
	var coming, fates []earshot.ImportFile
	var calls []earshot.Call
	for _, t := range some {
		if t.call != nil {
			note := t.file
			note.Fate = earshot.FateWaiting
			coming, calls = append(coming, note), append(calls, *t.call)
		}
		fates = append(fates, t.file)
	}
	if len(calls) > 0 {
		if err := s.index().SettleImportFiles(ctx, r.id, coming); err != nil {
			return err
		}
		if err := s.step("noted"); err != nil {
			return err
		}
		if err := s.placeAll(some); err != nil {
			return err
		}
		if err := s.step("placed"); err != nil {
			return err
		}
		if err := s.Archive.SaveCalls(ctx, calls); err != nil {
			return err
		}
		if err := s.step("saved"); err != nil {
			return err
		}
		if err := s.saveAgents(ctx, calls); err != nil {
			return err
		}
	}
	if err := r.settle(s, fates); err != nil {
		return err
	}
	for _, t := range some {
		t.release()
	}
	return s.step("settled")
}

// placeAll gives copies their names and writes their levels, all at the same time:
// the disk makes them safe together.
func (s *Imports) placeAll(some []*takenFile) error {
	var group errgroup.Group
	group.SetLimit(saveAtOnce)
	for _, t := range some {
		if t.call == nil {
			continue
		}
		group.Go(func() error { return t.copy.Place(t.call.Parts[0].File) })
		if t.levels != nil {
			group.Go(func() error { return s.Archive.files.WriteWhole(earshot.LevelsFile(t.call.ID, 1), t.levels) })
		}
	}
	return group.Wait()
}

// saveAgents keeps the names of agents that were told.
func (s *Imports) saveAgents(ctx context.Context, calls []earshot.Call) error {
	said := map[earshot.Agent]bool{}
	for _, c := range calls {
		if c.Agent == nil || c.Agent.Name == "" || said[*c.Agent] {
			continue
		}
		said[*c.Agent] = true
		_, err := s.index().Agent(ctx, c.Agent.ID) // an old recording does not rename anybody
		if errors.Is(err, index.ErrNoAgent) {
			err = s.index().SaveAgent(ctx, *c.Agent)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// retention says of a call whether its next run would delete it.
func (s *Imports) retention(ctx context.Context) (func(earshot.Call) bool, error) {
	policies, err := s.index().Policies(ctx)
	if err != nil {
		return nil, err
	}
	branches, err := s.index().Branches(ctx)
	if err != nil {
		return nil, err
	}
	under, now := earshot.Under(branches), s.now().In(s.Archive.location)
	return func(c earshot.Call) bool {
		return earshot.Decide(c, policies, nil, under, now).Deletable
	}, nil
}
