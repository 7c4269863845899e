package storage

import (
	"slices"
	"sync"

	"earshot/audio/excerpt"
	"earshot/storage/files"
)

// mostMP3Places is how many files' places are kept: of an hour they take 50 KB.
const mostMP3Places = 32

// mp3Places keeps where the frames of the MP3 files lie that were jumped in last,
// by their hashes. The zero value is ready.
type mp3Places struct {
	mu    sync.Mutex
	known map[string]*excerpt.MP3Index
	order []string // those asked for last come last

	finding files.Locks // a file is gone through once for all who jump in it
}

// of answers what is known of a file, or what find finds out of it.
func (p *mp3Places) of(hash string, find func() (*excerpt.MP3Index, error)) (*excerpt.MP3Index, error) {
	if known := p.take(hash); known != nil {
		return known, nil
	}
	defer p.finding.Lock(hash)()
	if known := p.take(hash); known != nil {
		return known, nil
	}
	found, err := find()
	if err == nil {
		p.put(hash, found)
	}
	return found, err
}

func (p *mp3Places) take(hash string) *excerpt.MP3Index {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.known[hash]
	if known != nil {
		p.last(hash)
	}
	return known
}

func (p *mp3Places) put(hash string, found *excerpt.MP3Index) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[string]*excerpt.MP3Index)
	}
	p.known[hash] = found
	p.last(hash)
	for len(p.order) > mostMP3Places {
		delete(p.known, p.order[0])
		p.order = p.order[1:]
	}
}

// last puts a hash at the order's end.
func (p *mp3Places) last(hash string) {
	p.order = append(slices.DeleteFunc(p.order, func(o string) bool { return o == hash }), hash)
}
