package ingest

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"
)

// udpPort is the UDP socket that all connections share.
//
// A device with a port of its own may come back from it before its old
// connection is found dead. The multiplexer above tells connections apart by
// the address they come from, and would give the new one's first packets to the
// old; so a STUN request that names another of our connections than the address
// is known for has the multiplexer forget the old one.
type udpPort struct {
	*net.UDPConn
	forget func(ufrag string) // has the multiplexer forget a connection's addresses

	mu    sync.Mutex
	names map[string]bool           // ufrags of our connections
	users map[netip.AddrPort]string // which of them an address last asked for
}

func newUDPPort(conn *net.UDPConn) *udpPort {
	return &udpPort{UDPConn: conn, names: map[string]bool{}, users: map[netip.AddrPort]string{}}
}

// name makes an ufrag of ours known, and unname takes it away.
func (p *udpPort) name(ufrag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[ufrag] = true
}

func (p *udpPort) unname(ufrag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.names, ufrag)
	for addr, user := range p.users {
		if user == ufrag {
			delete(p.users, addr)
		}
	}
}

// SetWriteDeadline does nothing. When a connection closes, pion interrupts its
// writes by a deadline on the socket, which fails the packets that others are
// writing in that moment. A UDP write does not block, so nothing need be
// interrupted.
func (*udpPort) SetWriteDeadline(time.Time) error { return nil }

// ReadFromAddrPort and WriteToAddrPort let pion read and write without
// allocating an address.
func (p *udpPort) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := p.ReadFromUDPAddrPort(b)
	if err == nil && n > 0 && b[0] < 2 { // STUN, by RFC 7983
		if ufrag := requestedUfrag(b[:n]); ufrag != nil {
			p.asked(from, ufrag)
		}
	}
	return n, from, err
}

func (p *udpPort) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return p.WriteToUDPAddrPort(b, to)
}

// asked notes which connection a request from an address is for.
func (p *udpPort) asked(from netip.AddrPort, ufrag []byte) {
	p.mu.Lock()
	before, known := p.users[from]
	if before == string(ufrag) || !p.names[string(ufrag)] {
		p.mu.Unlock()
		return
	}
	p.users[from] = string(ufrag)
	p.mu.Unlock()
	if known {
		p.forget(before)
	}
}

// requestedUfrag is our ufrag in the USERNAME of a STUN binding request (RFC
// 8489, section 5; RFC 8445, section 7.1.1), nil in any other packet.
func requestedUfrag(b []byte) []byte {
	const header, cookie, username = 20, 0x2112a442, 0x0006
	if len(b) < header || binary.BigEndian.Uint16(b) != 1 || binary.BigEndian.Uint32(b[4:]) != cookie {
		return nil
	}
	for b = b[header:]; len(b) >= 4; {
		kind, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if 4+size > len(b) {
			return nil
		}
		if kind == username {
			ours, _, _ := bytes.Cut(b[4:4+size], []byte{':'})
			return ours
		}
		b = b[min(len(b), 4+(size+3)&^3):]
	}
	return nil
}
