package ingest

import (
	"net"
	"net/netip"
	"time"
)

// udpPort is the UDP socket that all connections share.
type udpPort struct{ *net.UDPConn }

// SetWriteDeadline does nothing. When a connection closes, pion interrupts its
// writes by a deadline on the socket, which fails the packets that others are
// writing in that moment. A UDP write does not block, so nothing need be
// interrupted.
func (udpPort) SetWriteDeadline(time.Time) error { return nil }

// ReadFromAddrPort and WriteToAddrPort let pion read and write without
// allocating an address.
func (p udpPort) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return p.ReadFromUDPAddrPort(b)
}

func (p udpPort) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return p.WriteToUDPAddrPort(b, to)
}
