package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"earshot"
	"earshot/storage/index"
)

// Problems keeps what was found wrong until somebody says what became of it, and
// raises the alarm while something is open. Its methods may be called from any
// goroutine.
type Problems struct{ ProblemOptions }

// ProblemOptions are what Problems is made of; all must be given.
type ProblemOptions struct {
	Index  *index.Index
	Files  ReadFiles
	Dir    string // the data folder
	Alarms *earshot.Alarms
	Now    func() time.Time
}

// NewProblems starts nothing.
func NewProblems(o ProblemOptions) *Problems { return &Problems{o} }

// Who raises earshot.AlarmDamage: the problems themselves, and those who met
// damage before it could be kept here.
const alarmSource = "scrub"

var alarmedBefore = []string{"notary", "journal"}

// mostDamaged bounds the list of files that were set aside.
const mostDamaged = 200

// Found keeps a finding: one that is open already stays one, one that is found
// again after it was resolved is a new one. It serves as Options.Found.
func (p *Problems) Found(ctx context.Context, f Finding) error {
	if f.Code == FindingSetAside { // it lies there until somebody takes it away
		if known, err := p.Index.KnowsProblem(ctx, string(f.Code), f.Call, f.File); known || err != nil {
			return err
		}
	}
	err := p.Index.AddProblem(ctx, earshot.IntegrityProblem{Code: string(f.Code), Call: f.Call, File: f.File, Text: f.Text, FoundAt: f.At})
	if err != nil {
		return err
	}
	return p.Tell(ctx)
}

// Tell raises the alarm or clears it, as what is open says.
func (p *Problems) Tell(ctx context.Context) error {
	open, all, err := p.Index.OpenProblems(ctx, 1)
	if err != nil {
		return err
	}
	alarm := p.Alarms.From(alarmSource)
	if all == 0 {
		alarm.Clear(earshot.AlarmDamage)
		return nil
	}
	newest := open[0]
	alarm.Raise(earshot.AlarmDamage, earshot.Critical, newest.FoundAt.Time,
		strings.TrimSpace(fmt.Sprintf("%d open; the newest: %s %s", all, newest.Code, newest.File)))
	return nil
}

// Resolve says what became of a problem; index.ErrNoProblem, index.ErrResolved,
// index.ErrNoReason.
func (p *Problems) Resolve(ctx context.Context, id, by, reason string) (earshot.IntegrityProblem, error) {
	problem, err := p.Index.ResolveProblem(ctx, id, by, strings.TrimSpace(reason), p.Now())
	if err != nil {
		return problem, err
	}
	if _, open, err := p.Index.OpenProblems(ctx, 1); err == nil && open == 0 {
		for _, source := range alarmedBefore {
			p.Alarms.From(source).Clear(earshot.AlarmDamage)
		}
	}
	return problem, p.Tell(ctx)
}

// List is what is open, newest first, at most limit, how much that is in all, and
// what was resolved last.
func (p *Problems) List(ctx context.Context, limit int) (open []earshot.IntegrityProblem, all int64, resolved []earshot.IntegrityProblem, err error) {
	if open, all, err = p.Index.OpenProblems(ctx, limit); err != nil {
		return nil, 0, nil, err
	}
	resolved, err = p.Index.ResolvedProblems(ctx, limit)
	return open, all, resolved, err
}

// Damaged are the files that were set aside and are still there, newest first.
func (p *Problems) Damaged(ctx context.Context) ([]earshot.DamagedFile, error) {
	problems, err := p.Index.ProblemsOf(ctx, string(FindingSetAside), mostDamaged)
	if err != nil {
		return nil, err
	}
	list := []earshot.DamagedFile{}
	for _, one := range problems {
		if p.there(one.File) {
			list = append(list, earshot.DamagedFile{File: one.File, What: one.Text, Since: one.FoundAt})
		}
	}
	return list, nil
}

// there says whether a file is there, below the audio folder or the data folder.
// One that cannot be asked about is taken for there.
func (p *Problems) there(name string) bool {
	if !inJournal(name) {
		file, _, err := p.Files.Open(name)
		if err == nil {
			_ = file.Close() // nothing was written
		}
		return !errors.Is(err, os.ErrNotExist)
	}
	_, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(name)))
	return !errors.Is(err, os.ErrNotExist)
}

const journalFolder = "journal"

func inJournal(name string) bool { return path.Dir(name) == journalFolder }

// KeepJournals keeps what the start set aside of the journal.
func (p *Problems) KeepJournals(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(p.Dir, journalFolder))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into the journal's folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), damaged) {
			continue
		}
		err := p.Found(ctx, Finding{At: earshot.At(p.Now()), Code: FindingSetAside, File: path.Join(journalFolder, e.Name()),
			Text: "a segment of the journal that was damaged when the server started; what could be read of it was recovered"})
		if err != nil {
			return err
		}
	}
	return nil
}
