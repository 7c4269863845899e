package ledger

import "golang.org/x/mod/sumdb/tlog"

// misfits are the places where entries and the hashes kept of them differ. Taken
// together they tell a changed entry from one that was removed, added or moved.
type misfits struct {
	places  []misfit
	settled int // so many are known to be the entries' fault
}

// misfit is one place. An entry without a hash, or a hash without an entry,
// lies behind the end of the other file.
type misfit struct {
	index             int64
	entry, kept       tlog.Hash
	hasEntry, hasKept bool
}

func (m *misfits) add(i int64, entry, kept tlog.Hash) {
	m.places = append(m.places, misfit{i, entry, kept, true, true})
}

func (m *misfits) added(i int64, entry tlog.Hash) {
	m.places = append(m.places, misfit{index: i, entry: entry, hasEntry: true})
}

func (m *misfits) removed(i int64, kept tlog.Hash) {
	m.places = append(m.places, misfit{index: i, kept: kept, hasKept: true})
}

// settle says that a head fits the hashes: so far the entries are wrong.
func (m *misfits) settle() { m.settled = len(m.places) }

// blameHashes says that a head fits the entries: what differed since the last
// head is the hashes' fault.
func (m *misfits) blameHashes(r *Report) {
	for _, p := range m.places[m.settled:] {
		if p.hasKept {
			r.find(FoundHashChanged, p.index, "the hash kept of entry %d is not the entry's, which fits the heads", p.index)
		}
	}
	m.places = m.places[:m.settled]
}

// tell names what is wrong with the entries.
func (m *misfits) tell(r *Report) {
	entries, kept := map[tlog.Hash]bool{}, map[tlog.Hash]int64{}
	for _, p := range m.places {
		if p.hasEntry {
			entries[p.entry] = true
		}
		if p.hasKept {
			kept[p.kept] = p.index
		}
	}
	shifted := false // by an entry that was removed or added, which moves all behind it
	for _, p := range m.places {
		_, known := kept[p.entry]
		gone, foreign := p.hasKept && !entries[p.kept], p.hasEntry && !known
		switch {
		case gone && foreign:
			r.find(FoundEntryChanged, p.index, "entry %d is not the one that was written", p.index)
		case gone:
			r.find(FoundEntryMissing, p.index, "entry %d was removed", p.index)
		case foreign && p.hasKept:
			r.find(FoundEntryAdded, p.index, "what stands at entry %d was not written there", p.index)
		}
		shifted = shifted || gone != foreign
	}
	for _, p := range m.places {
		if at, known := kept[p.entry]; !shifted && p.hasEntry && p.hasKept && known {
			r.find(FoundEntryMoved, p.index, "entry %d stands where entry %d was written", at, p.index)
		}
	}
}
