package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"time"
)

// How long the self-made certificates last. Browsers refuse server certificates
// of more than 825 days.
const (
	caYears        = 10
	serverDays     = 800
	renewBeforeEnd = 60 * 24 * time.Hour
)

// authority is a self-made certificate authority kept in a folder: ca.pem is
// what people install in their browsers, ca.key never leaves the folder.
type authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// openAuthority reads the authority in folder or makes one.
func openAuthority(folder string, now time.Time) (*authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("folder for certificates: %w", err)
	}
	a := &authority{folder: folder}
	cert, key, err := readPair(a.caFile(), filepath.Join(folder, "ca.key"))
	switch {
	case err == nil:
		a.cert, a.key = cert, key
		return a, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	return a, a.make(now)
}

func (a *authority) caFile() string { return filepath.Join(a.folder, "ca.pem") }

func (a *authority) make(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	host, _ := os.Hostname() // only part of a name that people read
	template := &x509.Certificate{
		SerialNumber:          serialNumber(),
		Subject:               pkix.Name{CommonName: "Earshot CA " + host, Organization: []string{"Earshot"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(caYears, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	a.key = key
	return writePair(a.caFile(), filepath.Join(a.folder, "ca.key"), der, key)
}

// serverCertificate is a certificate for the names, kept in the folder and made
// anew when the names change or its end is near.
func (a *authority) serverCertificate(names []string, now time.Time) (tls.Certificate, error) {
	certFile, keyFile := filepath.Join(a.folder, "server.pem"), filepath.Join(a.folder, "server.key")
	cert, _, err := readPair(certFile, keyFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, fmt.Errorf("server certificate: %w", err)
	}
	if err != nil || !covers(cert, names) || cert.NotAfter.Before(now.Add(renewBeforeEnd)) || cert.CheckSignatureFrom(a.cert) != nil {
		if err := a.issue(certFile, keyFile, names, now); err != nil {
			return tls.Certificate{}, fmt.Errorf("server certificate: %w", err)
		}
	}
	return tls.LoadX509KeyPair(certFile, keyFile)
}

func (a *authority) issue(certFile, keyFile string, names []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serialNumber(),
		Subject:      pkix.Name{CommonName: "Earshot", Organization: []string{"Earshot"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(0, 0, serverDays),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	return writePair(certFile, keyFile, der, key)
}

// covers says whether cert is for every one of the names.
func covers(cert *x509.Certificate, names []string) bool {
	for _, name := range names {
		if cert.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

// hostNames are the names and addresses this machine may be called by, with the
// extra ones given; sorted, each once.
func hostNames(extra ...string) []string {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, extra...)
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	addresses, err := net.InterfaceAddrs()
	if err == nil { // without them the certificate still serves localhost
		for _, address := range addresses {
			if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
				names = append(names, network.IP.String())
			}
		}
	}
	sort.Strings(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func serialNumber() *big.Int {
	var raw [16]byte
	rand.Read(raw[:])
	raw[0] &= 0x7f
	return new(big.Int).SetBytes(raw[:])
}

func readPair(certFile, keyFile string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, nil, err
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("%s or %s is damaged; remove both to have them made anew", certFile, keyFile)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", certFile, err)
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return cert, key, nil
}

func writePair(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}
