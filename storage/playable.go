package storage

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"earshot"
	"earshot/audio/wav"
	"earshot/storage/convert"
)

// Playables are parts that no browser plays, as WAVE files of plain samples that
// every browser does. They are made when somebody listens and kept in a folder of
// their own beside the audio, as long as there is room: no more than copies,
// unknown to the ledger, to back-ups and to whatever looks through the audio. They
// go with their call, and all of them at each start.
//
// Each is made on a goroutine of its own, once for all who ask; it ends when the
// file is there, when its part is forgotten, with the last who waits for its turn, or
// with Close, which waits for it.
type Playables struct {
	dir     *os.Root
	most    int64 // bytes kept
	room    Room
	now     func() time.Time
	convert *convert.Converter
	tidying sync.Mutex

	turns  chan struct{} // so many are made at a time
	mu     sync.Mutex
	closed bool
	making map[string]*conversion // by the name of the file
	run    sync.WaitGroup
}

// mostPlayable is how many bytes are kept in all.
const mostPlayable = 4 << 30

// Room is how many bytes the disk has left, and how many of them are for recording
// alone; nil: there is always room.
type Room func() (free, keep uint64, err error)

// ErrNoConverter means that what is asked for needs ffmpeg, and it is not installed.
var ErrNoConverter = convert.ErrNone

// ErrPlayableRoom means that there is no room to convert a recording in.
var ErrPlayableRoom = earshot.Fail(earshot.NoRoom, "no_room_to_convert", "there is no room on the disk to convert this recording for playing; the original can be downloaded")

// KeepPlayables has recordings that no browser plays converted in the folder dir,
// which is made if need be and emptied, as long as there is room. It comes before anything asks for one; the
// caller closes it after everything.
func (a *Archive) KeepPlayables(dir string, room Room) (io.Closer, error) {
	p, err := openPlayables(dir, a.convert, room, a.now)
	if err != nil {
		return nil, err
	}
	a.playing = p
	return p, nil
}

// Close ends what is being made and gives the folder back.
func (p *Playables) Close() error {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.making {
		c.end(context.Canceled)
	}
	p.mu.Unlock()
	p.run.Wait()
	return p.dir.Close()
}

func openPlayables(dir string, c *convert.Converter, room Room, now func() time.Time) (*Playables, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of converted recordings: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder of converted recordings: %w", err)
	}
	p := &Playables{
		dir: root, most: mostPlayable, room: room, now: now, convert: c,
		turns: make(chan struct{}, runtime.NumCPU()), making: map[string]*conversion{},
	}
	kept, err := p.kept()
	for _, k := range kept {
		err = errors.Join(err, p.remove(k.name))
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return p, nil
}

// Playable opens a part that browsers do not play as a WAVE file that they do, of
// 16-bit samples; the first time it is made, which takes a second for ten minutes
// of telephone. earshot.ErrNoCall, earshot.ErrNoPart, ErrNoConverter,
// convert.ErrDamaged, ErrPlayableRoom. The caller closes the file.
func (a *Archive) Playable(ctx context.Context, id string, n int) (*os.File, earshot.Part, error) {
	c, err := a.Call(ctx, id)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	part, err := partOf(c, n)
	if err != nil {
		return nil, part, err
	}
	p := a.playing
	if p == nil {
		return nil, part, ErrNoConverter
	}
	file, err := p.open(ctx, part, func() (io.ReadSeekCloser, error) { return a.openPart(part) })
	return file, part, err
}

// openTries is how often a file that was made is looked for: another one, just made,
// may have taken its room before it was opened.
const openTries = 3

func (p *Playables) open(ctx context.Context, part earshot.Part, original func() (io.ReadSeekCloser, error)) (file *os.File, err error) {
	if b, err := hex.DecodeString(part.SHA256); err != nil || len(b) != 32 {
		return nil, earshot.ErrNoPart
	}
	name := part.SHA256 + ".wav"
	for range openTries {
		if file, err = p.dir.Open(name); err == nil {
			// What was heard last goes last; where the time cannot be set it goes earlier.
			_ = p.dir.Chtimes(name, p.now(), p.now())
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if !p.convert.Installed() {
			return nil, ErrNoConverter
		}
		if err := p.made(ctx, name, part, original); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("open a converted recording: %w", err)
}

// make converts a recording into the file name. Nothing is synced: after a power
// cut the folder is emptied anyway.
func (p *Playables) make(ctx context.Context, name string, part earshot.Part, from io.ReadSeeker) error {
	info, err := formOf(part, from)
	if err != nil {
		return err
	}
	room := playableBytes(info, part.DurationMs)
	if err := p.hasRoom(room); err != nil {
		return err
	}
	temp := name + ".tmp"
	file, err := p.dir.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("convert a recording: %w", err)
	}
	err = p.write(ctx, file, info, part, from, 2*room+(1<<20))
	if err = errors.Join(err, file.Close()); err == nil {
		err = p.dir.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, p.remove(temp))
	}
	return nil
}

// formOf is in what form the WAVE file becomes samples. Any chunk may come before
// those that say so: a recorder's own may have megabytes. The file stands at its
// beginning again.
func formOf(part earshot.Part, file io.ReadSeeker) (wav.Info, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return wav.Info{}, fmt.Errorf("convert a recording: %w", err)
	}
	f, err := wav.Parse(seekingReader{file}, size)
	if errors.Is(err, wav.ErrNotWAV) {
		return wav.Info{}, convert.ErrDamaged.Because(err)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return wav.Info{}, fmt.Errorf("convert a recording: %w", err)
	}
	return wav.Info{Encoding: wav.PCM, Channels: min(max(part.Channels, 1), 2), Rate: f.Rate, Bits: 16}, nil
}

// playableBytes is about how many bytes a recording's samples take.
func playableBytes(info wav.Info, ms int64) int64 {
	return ms * int64(info.Rate) / 1000 * int64(info.FrameBytes())
}

var errTooMuch = errors.New("the recording has more in it than its length says")

func (p *Playables) write(ctx context.Context, file *os.File, info wav.Info, part earshot.Part, from io.Reader, most int64) error {
	out := bufio.NewWriterSize(file, 1<<20)
	if _, err := out.Write(wav.AppendHeaderOf(nil, info, 0)); err != nil {
		return fmt.Errorf("convert a recording: %w", err)
	}
	// The part's length counts: what the last block is filled up with is not audio.
	exact := playableBytes(info, part.DurationMs)
	var done int64
	var buf []byte
	err := p.convert.Samples(ctx, from, convert.WAV, convert.Form{Rate: info.Rate, Channels: info.Channels}, func(pcm []int16) error {
		buf = buf[:0]
		for _, s := range pcm {
			buf = binary.LittleEndian.AppendUint16(buf, uint16(s))
		}
		if done+int64(len(buf)) > most {
			return errTooMuch
		}
		buf = buf[:max(min(int64(len(buf)), exact-done), 0)]
		done += int64(len(buf))
		_, err := out.Write(buf)
		return err
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("convert a recording: %w", err)
	}
	for _, patch := range wav.Patches(info.FrameBytes(), done) {
		if _, err := file.WriteAt(patch.Bytes, patch.Offset); err != nil {
			return fmt.Errorf("convert a recording: %w", err)
		}
	}
	return nil
}

// hasRoom is nil if the disk takes so many bytes and keeps what is for recording.
func (p *Playables) hasRoom(bytes int64) error {
	if bytes > p.most {
		return ErrPlayableRoom
	}
	if p.room == nil {
		return nil
	}
	free, keep, err := p.room()
	if err != nil {
		return fmt.Errorf("room to convert a recording: %w", err)
	}
	if free < keep || free-keep < uint64(bytes) {
		return ErrPlayableRoom
	}
	return nil
}

// keptFile is a file in the folder.
type keptFile struct {
	name  string
	bytes int64
	at    time.Time // heard last
}

func (p *Playables) kept() ([]keptFile, error) {
	entries, err := fs.ReadDir(p.dir.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("look through converted recordings: %w", err)
	}
	var all []keptFile
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && (strings.HasSuffix(entry.Name(), ".wav") || strings.HasSuffix(entry.Name(), ".tmp")) {
			all = append(all, keptFile{entry.Name(), info.Size(), info.ModTime()})
		}
	}
	return all, nil
}

// tidy takes files away, those heard longest ago first, until the rest is within
// bounds; never the one just made.
func (p *Playables) tidy(made string) error {
	p.tidying.Lock()
	defer p.tidying.Unlock()
	kept, err := p.kept()
	if err != nil {
		return err
	}
	var sum int64
	for _, k := range kept {
		sum += k.bytes
	}
	slices.SortFunc(kept, func(a, b keptFile) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.name, b.name)) })
	for _, k := range kept {
		if sum <= p.most {
			break
		}
		if k.name == made || strings.HasSuffix(k.name, ".tmp") {
			continue
		}
		if err := p.remove(k.name); err != nil {
			return err
		}
		sum -= k.bytes
	}
	return nil
}

func (p *Playables) remove(name string) error {
	if err := p.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take a converted recording away: %w", err)
	}
	return nil
}

// forget takes away what was made of a part, whose own file is gone, and what is
// being made of it.
func (p *Playables) forget(part earshot.Part) error {
	if p == nil || part.SHA256 == "" {
		return nil
	}
	name := part.SHA256 + ".wav"
	p.mu.Lock()
	c := p.making[name]
	if c != nil {
		c.end(earshot.ErrNoPart)
	}
	p.mu.Unlock()
	if c != nil {
		<-c.done
	}
	return p.remove(name)
}
