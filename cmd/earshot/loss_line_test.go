package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// host is a network namespace of a test's own. Its only way out is a lossyLine.
type host struct {
	addr netip.Addr
	ns   *os.File
	tun  *os.File
}

// openHost makes a namespace with one network interface, tun0, whose packets
// the test carries itself.
func openHost(addr, other string) (h *host, err error) {
	h = &host{addr: netip.MustParseAddr(addr)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread goes with its goroutine
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("making a network namespace: %w", err)
			return
		}
		if h.ns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return
		}
		if h.tun, err = openTUN("tun0"); err != nil {
			err = fmt.Errorf("making a network interface: %w", err)
			return
		}
		for _, args := range []string{"link set lo up", "addr add " + addr + " peer " + other + " dev tun0", "link set tun0 mtu 1400 up"} {
			if out, failed := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); failed != nil {
				err = fmt.Errorf("ip %s: %w: %s", args, failed, out)
				return
			}
		}
	}()
	<-done
	if err != nil {
		h.close()
	}
	return h, err
}

func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (h *host) close() {
	for _, f := range []*os.File{h.tun, h.ns} {
		if f != nil {
			_ = f.Close() // nothing was written that could be lost
		}
	}
}

// in runs fn on a thread inside the namespace: what it opens or starts is there.
func (h *host) in(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread goes with its goroutine
		if err := unix.Setns(int(h.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- err
			return
		}
		result <- fn()
	}()
	return <-result
}

// conditions are what a line does to packets. What TCP carries (pages, the API)
// is delayed and cut off like the rest, but not dropped at random.
type conditions struct {
	loss   float64       // each way, of UDP
	oneWay time.Duration // delay
	dead   bool          // nothing goes through, either way
	unsaid bool          // requests for lost packets do not go through
}

// lossyLine joins two hosts and watches what goes from the far one to the near.
type lossyLine struct {
	near, far *host
	now       atomic.Pointer[conditions]
	wg        sync.WaitGroup

	mu    sync.Mutex
	rtp   map[uint32]*sentRTP // by SSRC, what the far host sent, lost or not
	count lineCount
}

// lineCount is what went onto the line, in bytes of IP packets.
type lineCount struct {
	media    int // RTP from the far host, repeats among it
	packets  int // of that
	requests int // RTCP with requests for lost packets, to the far host
	asking   int // of those, packets
}

// sentRTP is what a source sent: the size of each packet's encrypted payload by
// its number, counted on over the wrap.
type sentRTP struct {
	newest int
	sizes  map[int]int
}

// openLine makes the namespaces, or says why this machine cannot have them.
func openLine(t *testing.T) *lossyLine {
	t.Helper()
	near, err := openHost("10.77.0.1", "10.77.0.2")
	if err == nil {
		var far *host
		if far, err = openHost("10.77.0.2", "10.77.0.1"); err == nil {
			return joinHosts(t, near, far)
		}
		near.close()
	}
	why := fmt.Sprintf("this machine cannot have network namespaces of a test's own: %v", err)
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
	return nil
}

func joinHosts(t *testing.T, near, far *host) *lossyLine {
	l := &lossyLine{near: near, far: far, rtp: map[uint32]*sentRTP{}}
	l.set(conditions{})
	up, down := make(chan onLine, 4096), make(chan onLine, 4096)
	l.wg.Go(func() { l.read(far.tun, up, true) })
	l.wg.Go(func() { l.read(near.tun, down, false) })
	l.wg.Go(func() { carry(up, near.tun) })
	l.wg.Go(func() { carry(down, far.tun) })
	t.Cleanup(func() {
		near.close()
		far.close()
		l.wg.Wait()
	})
	return l
}

func (l *lossyLine) set(c conditions) { l.now.Store(&c) }

type onLine struct {
	due    time.Time
	packet []byte
}

// read takes packets off one end until that is closed, and puts on the line what
// it lets through.
func (l *lossyLine) read(from *os.File, onto chan<- onLine, up bool) {
	defer close(onto)
	random := rand.New(rand.NewPCG(7, 7))
	buf := make([]byte, 2000)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		now := l.now.Load()
		media, isUDP := udpPayload(buf[:n])
		asks := l.watch(media, n, up)
		if now.dead || isUDP && random.Float64() < now.loss || asks && now.unsaid {
			continue
		}
		onto <- onLine{time.Now().Add(now.oneWay), append([]byte(nil), buf[:n]...)}
	}
}

// carry delivers packets when they are due.
func carry(from <-chan onLine, to *os.File) {
	for p := range from {
		time.Sleep(time.Until(p.due)) // this is the line's length, nobody waits for an event
		_, _ = to.Write(p.packet)     // a host that is gone gets nothing
	}
}

// udpPayload is what an IPv4 packet carries in UDP.
func udpPayload(p []byte) ([]byte, bool) {
	const udp = 17
	if len(p) < 28 || p[0]>>4 != 4 || p[9] != udp {
		return nil, false
	}
	head := 4*int(p[0]&15) + 8
	if head > len(p) {
		return nil, false
	}
	return p[head:], true
}

// watch counts a datagram, and says whether it asks for lost packets.
func (l *lossyLine) watch(p []byte, onWire int, up bool) (asks bool) {
	const feedback = 205 // RFC 4585
	if len(p) < 12 || p[0]>>6 != 2 {
		return false
	}
	rtcp := p[1] >= 192 && p[1] < 224
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case up && !rtcp:
		l.count.media += onWire
		l.count.packets++
		l.note(p)
	case !up && rtcp && p[1] == feedback:
		l.count.requests += onWire
		l.count.asking++
		return true
	}
	return false
}

func (l *lossyLine) note(p []byte) {
	size := 12 + 4*int(p[0]&15)
	if p[0]&0x10 != 0 && size+4 <= len(p) {
		size += 4 + 4*int(binary.BigEndian.Uint16(p[size+2:]))
	}
	seq, ssrc := binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[8:])
	s := l.rtp[ssrc]
	if s == nil {
		s = &sentRTP{newest: 1<<16 | int(seq), sizes: map[int]int{}}
		l.rtp[ssrc] = s
	}
	n := s.newest + int(int16(seq-uint16(s.newest)))
	s.newest = max(s.newest, n)
	s.sizes[n] = len(p) - size
}

// counted is what was counted since the last time.
func (l *lossyLine) counted() lineCount {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.count
	l.count = lineCount{}
	return c
}

// sent are the sizes of each source's packets in their order.
func (l *lossyLine) sent() [][]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all [][]int
	for _, s := range l.rtp {
		first := s.newest
		for n := range s.sizes {
			first = min(first, n)
		}
		sizes := make([]int, 0, s.newest-first+1)
		for n := first; n <= s.newest; n++ {
			sizes = append(sizes, s.sizes[n])
		}
		all = append(all, sizes)
	}
	return all
}

// reach lets whoever cannot enter the namespace talk to a TCP address in it.
func (h *host) reach(t *testing.T, addr string) string {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			outside, err := door.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { h.relay(ctx, outside, addr) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = door.Close() // the cause of Accept's end
		wg.Wait()
	})
	return "http://" + door.Addr().String()
}

func (h *host) relay(ctx context.Context, outside net.Conn, addr string) {
	defer func() { _ = outside.Close() }() // both ends learn it
	var inside net.Conn
	err := h.in(func() (err error) {
		inside, err = net.Dial("tcp", addr)
		return err
	})
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _, _ = outside.Close(), inside.Close() })
	defer stop()
	var wg sync.WaitGroup
	for _, pair := range [][2]net.Conn{{outside, inside}, {inside, outside}} {
		wg.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // a side that is gone ends both
			_, _ = outside.Close(), inside.Close()
		})
	}
	wg.Wait()
}
