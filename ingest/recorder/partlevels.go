package recorder

import (
	"errors"
	"fmt"

	"earshot"
	"earshot/audio/levels"
)

// Levels go to the levels file as they settle: a state then has only the steps
// that may still change, however long the call is.

func (p *part) levelsName() string { return earshot.LevelsFile(p.desk.call, p.facts.N) }

// beginLevels makes the levels file. Where that fails it is tried again at the end.
func (p *part) beginLevels() {
	file, err := p.desk.files.Create(p.levelsName())
	if err != nil {
		return
	}
	if err := file.Append(levels.Append(nil, nil, nil)); err != nil {
		_ = file.Discard() // it is made again at the end, and a failure shows then
		return
	}
	p.levels, p.laid = file, 0
}

// settled is how many steps no later audio can change.
func (p *part) settled() int {
	return int((p.end - p.start) / milli / earshot.LevelStepMs)
}

// layLevels appends the first n steps to the levels file, as far as it has none
// of them. What it does not take stays for the next time.
func (p *part) layLevels(n int) error {
	if p.levels == nil || n <= p.laid {
		return nil
	}
	var sides [2][]byte
	for i := range p.steps {
		p.steps[i].Extend(int64(n) * earshot.LevelStepMs)
		sides[i] = p.steps[i].Bytes()[p.laid:n]
	}
	if err := p.levels.Append(levels.AppendSteps(nil, sides[0], sides[1])); err != nil {
		return err
	}
	p.laid = n
	return nil
}

// endLevels is the levels file with all steps in it, nil where there is none.
func (p *part) endLevels() (File, error) {
	if p.unheard { // a file with holes would be believed
		return nil, nil
	}
	if p.levels == nil {
		file, err := p.desk.files.Create(p.levelsName())
		if err == nil {
			if err = file.Append(levels.Append(nil, nil, nil)); err != nil {
				err = errors.Join(err, file.Discard())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", p.levelsName(), err)
		}
		p.levels, p.laid = file, 0
	}
	if err := p.layLevels(max(len(p.steps[0].Bytes()), len(p.steps[1].Bytes()))); err != nil {
		err = errors.Join(fmt.Errorf("write %s: %w", p.levelsName(), err), p.levels.Discard())
		p.levels = nil
		return nil, err
	}
	p.left.levels = new(FileState)
	*p.left.levels = p.levels.State()
	return p.levels, nil
}

// fileStates are how far the part's files have come.
func (p *part) fileStates() (audio, steps *FileState) {
	if p.file == nil {
		return nil, nil
	}
	if p.left.audio != nil {
		return p.left.audio, p.left.levels
	}
	state := p.file.State()
	audio = &state
	if p.levels != nil {
		state := p.levels.State()
		steps = &state
	}
	return audio, steps
}
