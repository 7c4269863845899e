package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestHTTPSIsTrustedByTheAuthorityThatIsHandedOut gets the authority as a seat's
// machine does, and trusts nothing else.
func TestHTTPSIsTrustedByTheAuthorityThatIsHandedOut(t *testing.T) {
	ts := startServer(t, func(c *serveCommand) { c.HTTPS = "127.0.0.1:0" })
	status, pem := ts.ask(http.MethodGet, "/ca.crt", nil)
	pool := x509.NewCertPool()
	if status != http.StatusOK || !pool.AppendCertsFromPEM(pem) || bytes.Contains(pem, []byte("PRIVATE")) {
		t.Fatalf("the authority: %d, %s", status, pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get(localURL("https", ts.https) + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	if _, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("over HTTPS: %d, %v", answer.StatusCode, err)
	}
}

// TestCertificatesAreMadeAnewWhenTheyMust keeps them as long as they serve.
func TestCertificatesAreMadeAnewWhenTheyMust(t *testing.T) {
	folder, now := t.TempDir(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	made := func(now time.Time, names ...string) []byte {
		t.Helper()
		a, err := openAuthority(folder, now)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := a.serverCertificate(names, now)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Certificate[0]
	}
	first := made(now, "localhost", "192.0.2.1")
	for _, row := range []struct {
		name  string
		now   time.Time
		names []string
		same  bool
	}{
		{"the next start", now.Add(time.Hour), []string{"localhost", "192.0.2.1"}, true},
		{"fewer names", now, []string{"localhost"}, true},
		{"near its end", now.AddDate(0, 0, serverDays-30), []string{"localhost"}, false},
		{"a new address", now, []string{"localhost", "192.0.2.2"}, false},
	} {
		if same := bytes.Equal(first, made(row.now, row.names...)); same != row.same {
			t.Errorf("%s: the same certificate: %v, want %v", row.name, same, row.same)
		}
	}
	if err := os.WriteFile(folder+"/ca.pem", []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openAuthority(folder, now); err == nil {
		t.Error("a damaged authority is taken, or quietly replaced")
	}
}
