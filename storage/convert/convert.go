// Package convert has ffmpeg decode what our own decoders do not: ADPCM, GSM 6.10,
// and MP3 files that go-mp3 cannot be trusted with. ffmpeg is a program of others,
// fed with files of others, so it runs under guard: it gets the file through a
// pipe and is told what is in it, may open nothing else, and has little memory,
// time and priority. Nothing is lost where it is not installed but what needs it,
// which ErrNone says.
//
// While a file is decoded one goroutine feeds ffmpeg; it ends before the call that
// started it does.
package convert

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"earshot"
)

// Failures that callers tell apart.
var (
	// ErrNone means that ffmpeg is needed and not installed.
	ErrNone = earshot.Fail(earshot.Conflict, "no_converter", "this recording needs ffmpeg on the server, which is not installed")
	// ErrDamaged means that ffmpeg finds nothing to decode.
	ErrDamaged = earshot.Fail(earshot.Conflict, "cannot_decode", "the recording is damaged so that it cannot be decoded")
)

// Guards of a run.
const (
	memory   = 1 << 30          // bytes of address space
	longest  = 10 * time.Minute // for any file; four hours of telephone take half a minute
	niceness = 10
	mostWhy  = 2 << 10 // bytes of what ffmpeg says that are kept
)

// Converter runs ffmpeg, one for a core at a time. Its methods may be called from
// any goroutine.
type Converter struct {
	program string
	slots   chan struct{}
	longest time.Duration
	memory  uint64
}

// New looks for ffmpeg in PATH.
func New() *Converter {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		program = ""
	}
	return &Converter{program: program, slots: make(chan struct{}, runtime.NumCPU()), longest: longest, memory: memory}
}

// Installed says whether there is an ffmpeg.
func (c *Converter) Installed() bool { return c != nil && c.program != "" }

// Container is what a file is told to be.
type Container string

// The containers that are decoded.
const (
	MP3 Container = "mp3"
	WAV Container = "wav"
	Ogg Container = "ogg"
)

// Of is the container of a codec's files.
func Of(codec earshot.Codec) Container {
	switch codec {
	case earshot.MP3:
		return MP3
	case earshot.Opus:
		return Ogg
	}
	return WAV
}

// Form is how samples are wanted: interleaved, 16 bits.
type Form struct {
	Rate     int // Hz; 0: as it is
	Channels int // 0: as it is
}

// Samples decodes a file and hands its samples over piece by piece, each valid
// until take returns; an error of take ends it and is returned. It fails with
// ErrNone, ErrDamaged, or as ctx does.
func (c *Converter) Samples(ctx context.Context, file io.Reader, container Container, form Form, take func(pcm []int16) error) error {
	var rest []byte
	some := false
	pcm := make([]int16, 0, 16<<10)
	err := c.run(ctx, file, container, form, func(b []byte) error {
		rest = append(rest, b...)
		pcm = pcm[:0]
		for ; len(rest) >= 2; rest = rest[2:] {
			pcm = append(pcm, int16(binary.LittleEndian.Uint16(rest)))
		}
		rest = append(rest[:0:0], rest...)
		some = some || len(pcm) > 0
		return take(pcm)
	})
	if err == nil && !some {
		return ErrDamaged
	}
	return err
}

// run runs ffmpeg over the file and hands over what it writes.
func (c *Converter) run(ctx context.Context, file io.Reader, container Container, form Form, take func([]byte) error) error {
	if !c.Installed() {
		return ErrNone
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, c.longest)
	defer cancel()
	why := &tail{}
	cmd := exec.CommandContext(ctx, c.program, arguments(container, form)...)
	cmd.Env, cmd.Dir, cmd.Stderr = []string{}, "/", why
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	// Pdeathsig is about the thread that starts it: one that an import has made its
	// own meanwhile would end with that.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("run ffmpeg: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run ffmpeg: %w", err)
	}
	fed := make(chan error, 1)
	// Bounded before it is fed: so it has read nothing yet.
	err = c.bound(cmd.Process.Pid)
	if err != nil {
		cancel()
	}
	go func() { fed <- feed(stdin, file) }()
	taken := drain(stdout, take)
	if taken != nil {
		cancel() // it may go on writing
	}
	ended := cmd.Wait()
	feeding := <-fed
	switch {
	case outer.Err() != nil:
		return outer.Err()
	case taken != nil || err != nil || feeding != nil:
		return errors.Join(taken, err, feeding)
	case ended != nil:
		return ErrDamaged.Because(fmt.Errorf("ffmpeg: %w: %s", ended, why))
	}
	return nil
}

// arguments are all that ffmpeg is told. No word of them comes from a file or its
// name.
func arguments(container Container, form Form) []string {
	args := []string{
		"-nostdin", "-hide_banner", "-v", "error", "-threads", "1",
		"-protocol_whitelist", "pipe", "-f", string(container), "-i", "pipe:0",
		"-map", "0:a:0", "-threads", "1",
	}
	if form.Rate > 0 {
		args = append(args, "-ar", strconv.Itoa(form.Rate))
	}
	if form.Channels > 0 {
		args = append(args, "-ac", strconv.Itoa(form.Channels))
	}
	return append(args, "-f", "s16le", "pipe:1")
}

// bound takes memory, time and priority from a process.
func (c *Converter) bound(pid int) error {
	seconds := uint64(c.longest/time.Second) + 1
	err := unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: c.memory, Max: c.memory}, nil)
	for _, limit := range []struct {
		what int
		most uint64
	}{{unix.RLIMIT_CPU, seconds}, {unix.RLIMIT_FSIZE, 0}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, 32}} {
		err = errors.Join(err, unix.Prlimit(pid, limit.what, &unix.Rlimit{Cur: limit.most, Max: limit.most}, nil))
	}
	err = errors.Join(err, unix.Setpriority(unix.PRIO_PROCESS, pid, niceness))
	if err != nil {
		return fmt.Errorf("bound ffmpeg: %w", err)
	}
	return nil
}

// feed writes the file to ffmpeg. One that has heard enough closes its ear.
func feed(stdin io.WriteCloser, file io.Reader) error {
	source := &source{r: file}
	_, err := io.Copy(stdin, source)
	closed := stdin.Close()
	if source.err != nil {
		return fmt.Errorf("read the recording: %w", source.err)
	}
	_, _ = err, closed // ffmpeg says by itself how it ended
	return nil
}

// source remembers whether reading failed, or writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func drain(r io.Reader, take func([]byte) error) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := take(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from ffmpeg: %w", err)
		}
	}
}

// tail keeps the first of what is written to it.
type tail struct{ b bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p[:min(len(p), mostWhy-t.b.Len())])
	return len(p), nil
}

func (t *tail) String() string { return t.b.String() }
