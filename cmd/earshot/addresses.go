package main

import (
	"fmt"
	"net"
)

// publicURL is how people reach the dashboard: as they say, else by HTTPS where
// it is on, at the best address this machine has.
func (a *app) publicURL() string {
	switch {
	case a.settings.PublicURL != "":
		return a.settings.PublicURL
	case a.https != nil:
		return "https://" + a.reachable(a.https.Addr())
	default:
		return "http://" + a.reachable(a.http.Addr())
	}
}

// reachable is host:port for a listening address: a wildcard becomes the public
// address, else the machine's own, else localhost.
func (a *app) reachable(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return address.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "localhost"
		if own := ownAddress(); own != "" && a.https != nil {
			host = own
		}
		if a.settings.PublicIP != "" {
			host = a.settings.PublicIP
		}
	}
	return net.JoinHostPort(host, fmt.Sprint(tcp.Port))
}

// ownAddress is this machine's first IPv4 address that others can reach.
func ownAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	return ""
}

// localURL is where a browser on this machine finds a listener.
func localURL(scheme string, l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return scheme + "://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
