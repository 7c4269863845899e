package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"earshot"
	"earshot/ingest/seat"
)

// rivalSettings make MediaMTX do what is compared: take seats by WHIP, record
// every track, and let people listen by WHEP.
const rivalSettings = `logLevel: error
rtsp: no
rtmp: no
hls: no
srt: no
webrtcAddress: %s
webrtcLocalUDPAddress: %s
webrtcIPsFromInterfaces: no
webrtcAdditionalHosts: [127.0.0.1]
pathDefaults:
  record: yes
  recordPath: %s/%%path/%%Y-%%m-%%d_%%H-%%M-%%S-%%f
paths:
  all_others:
`

// rival measures MediaMTX recording the same load. It takes one audio track a
// connection, so each seat is two there.
func rival(ctx context.Context, opts Options, dir string) (f *figures, err error) {
	f = &figures{opts: opts, gaps: map[earshot.Cause]time.Duration{}}
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	media, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := media.Close(); err != nil { // only its number was wanted
		return nil, err
	}
	file := filepath.Join(dir, "mediamtx.yml")
	settings := fmt.Sprintf(rivalSettings, address, media.LocalAddr(), filepath.Join(dir, "mediamtx"))
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	program, err := filepath.Abs(opts.Against)
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.Command(program, file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // ended by a signal
		if err != nil {
			err = fmt.Errorf("%w; it said: %s", err, said.Bytes())
		}
	}()
	if err := answers(ctx, address); err != nil {
		return nil, err
	}
	if f.idleRSS, err = settled(ctx, cmd.Process.Pid); err != nil {
		return nil, err
	}
	at := place{pid: cmd.Process.Pid, tracks: 1, http: &http.Client{Timeout: 30 * time.Second},
		whep: func(i int) string { return "http://" + address + "/" + seatName(i) + "/whep" }}
	defer at.http.CloseIdleConnections()
	for i := range opts.Seats * tracksASeat {
		at.seats = append(at.seats, seat.Target{URL: "http://" + address + "/" + seatName(i) + "/whip"})
	}
	return f, f.speak(ctx, at)
}

// answers waits until something listens at address.
func answers(ctx context.Context, address string) error {
	deadline := time.Now().Add(startWithin)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// compare writes the other server's figures and ours as parts of them.
func (f *figures) compare(out io.Writer, other *figures) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-34s %s\n", name, fmt.Sprintf(format, args...))
	}
	perPacket := func(f *figures) float64 { return float64(f.cpu.Microseconds()) / float64(max(f.sent, 1)) }
	memory := func(f *figures) float64 { return float64(f.busyRSS-f.idleRSS) / 1024 / float64(f.opts.Seats) }
	line("MediaMTX, the same load", "%.1f µs a packet, %.0f KiB a seat, %.0f %% of the machine idle", perPacket(other), memory(other), 100*other.idlePart)
	line("ours, of MediaMTX's", "CPU %.2f ×, memory %.2f ×", perPacket(f)/perPacket(other), memory(f)/memory(other))
	if len(f.delays) > 0 && len(other.delays) > 0 {
		ours, theirs := f.delay(.99), other.delay(.99)
		line("delay p99", "ours %v, MediaMTX %v: %.2f ×; p50 %v, %v", ours, theirs, float64(ours)/float64(theirs), f.delay(.5), other.delay(.5))
	}
}
