package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"earshot"
	"earshot/storage/ledger"
)

// witnessFlags say who is told of the ledger's heads, and whose heads are taken.
type witnessFlags struct {
	LedgerName   string   `name:"ledger-name" help:"Name of the ledger in its heads, fixed at the first start; the node's name by default." placeholder:"NAME"`
	Witness      []string `name:"witness" help:"Who is told of the ledger's heads: [NAME=]file:DIR, webhook:URL, node:URL or tsa:URL. May be repeated." sep:"none" placeholder:"WITNESS"`
	WitnessToken []string `name:"witness-token" help:"Bearer token for a witness, NAME=TOKEN; better given as EARSHOT_WITNESS_TOKEN, with commas between several." placeholder:"NAME=TOKEN"`
	WitnessCA    []string `name:"witness-ca" help:"Certificates (PEM) that a witness's must come from, NAME=FILE: its server's, and of a tsa those of the authority." placeholder:"NAME=FILE"`

	ReceiveWitness bool   `name:"receive-witness" help:"Be a witness: take other ledgers' heads at /witness/v1/heads."`
	ReceiveToken   string `name:"receive-token" help:"Bearer token of who may send heads; better given as EARSHOT_RECEIVE_TOKEN." placeholder:"TOKEN"`
}

// witness is one --witness with what belongs to it.
type witness struct {
	name, kind, target string
	token              string
	roots              *x509.CertPool // nil: the system's
}

// receivePath is where heads of other ledgers are taken.
const receivePath = "/witness/v1/heads"

// shortestToken is how long a token must be at least that lets heads in.
const shortestToken = 16

// settle checks the flags; node is the ledger's name where none is given.
func (f witnessFlags) settle(node string) (name string, witnesses []witness, err error) {
	if name = f.LedgerName; name == "" {
		name = node
	}
	if !ledger.ValidName(name) {
		return name, nil, fmt.Errorf("--ledger-name: a name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit, not %q", name)
	}
	if f.ReceiveWitness && len(f.ReceiveToken) < shortestToken {
		return name, nil, fmt.Errorf("--receive-witness: give a token of at least %d characters as EARSHOT_RECEIVE_TOKEN", shortestToken)
	}
	byName, names := map[string]*witness{}, []string{}
	for _, text := range f.Witness {
		w, err := parseWitness(text)
		if err != nil {
			return name, nil, err
		}
		if byName[w.name] != nil {
			return name, nil, fmt.Errorf("--witness: two are called %q; call one of them otherwise: NAME=%s:…", w.name, w.kind)
		}
		byName[w.name] = &w
		names = append(names, w.name)
	}
	if err := f.tokens(byName); err != nil {
		return name, nil, err
	}
	if err := f.certificates(byName); err != nil {
		return name, nil, err
	}
	for _, w := range names {
		witnesses = append(witnesses, *byName[w])
	}
	return name, witnesses, nil
}

// parseWitness reads [NAME=]KIND:TARGET. Without a name it is kind and host, or
// kind and the folder's name.
func parseWitness(text string) (witness, error) {
	var w witness
	rest := text
	if name, after, ok := strings.Cut(text, "="); ok && !strings.Contains(name, ":") {
		w.name, rest = name, after
	}
	w.kind, w.target, _ = strings.Cut(rest, ":")
	wrong := func(why string) (witness, error) {
		return w, fmt.Errorf("--witness: [NAME=]file:DIR, webhook:URL, node:URL or tsa:URL; %s", why)
	}
	var about string
	switch w.kind {
	case "file":
		if w.target == "" {
			return wrong("file: wants a folder")
		}
		about = filepath.Base(w.target)
	case "webhook", "node", "tsa":
		u, err := url.Parse(w.target)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			return wrong(w.kind + ": wants an http or https URL without a password in it")
		}
		if w.kind == "node" && strings.Trim(u.Path, "/") == "" {
			w.target = u.JoinPath(receivePath).String()
		}
		about = u.Hostname()
	default:
		return wrong("there is no kind " + fmt.Sprintf("%q", w.kind))
	}
	if w.name == "" {
		w.name = idOf(w.kind + "-" + about)
	}
	if !earshot.ValidID(w.name) {
		return wrong(fmt.Sprintf("%q cannot be a name", w.name))
	}
	return w, nil
}

// idOf makes an id of text.
func idOf(text string) string {
	id := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c) {
			return c
		}
		return '-'
	}, strings.ToLower(text))
	return id[:min(len(id), 64)]
}

func (f witnessFlags) tokens(of map[string]*witness) error {
	for _, text := range f.WitnessToken {
		name, token, ok := strings.Cut(text, "=")
		w := of[name]
		if !ok || w == nil || token == "" {
			return errors.New("--witness-token: NAME=TOKEN, where --witness has one of that name")
		}
		if w.kind == "file" || w.kind == "tsa" {
			return fmt.Errorf("--witness-token: %s takes none", name)
		}
		if u, err := url.Parse(w.target); err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return fmt.Errorf("--witness-token: %s is reached by plain http, where anybody could read its token; use https", name)
		}
		w.token = token
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (f witnessFlags) certificates(of map[string]*witness) error {
	for _, text := range f.WitnessCA {
		name, file, ok := strings.Cut(text, "=")
		w := of[name]
		if !ok || w == nil || w.kind == "file" {
			return errors.New("--witness-ca: NAME=FILE, where --witness has a server of that name")
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("--witness-ca: %w", err)
		}
		w.roots = x509.NewCertPool()
		if !w.roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("--witness-ca: %s has no certificate in PEM", file)
		}
	}
	return nil
}

// witnessTimeout bounds one attempt at a witness.
const witnessTimeout = 30 * time.Second

// openWitnesses makes the ledger's witnesses. Their connections end with the app.
func (a *app) openWitnesses() []ledger.Witness {
	var all []ledger.Witness
	for _, w := range a.settings.witnesses {
		if w.kind == "file" {
			all = append(all, &ledger.Folder{ID: w.name, Dir: w.target})
			continue
		}
		client := a.witnessClient(w)
		if w.kind == "tsa" {
			all = append(all, &ledger.TSA{ID: w.name, URL: w.target, Roots: w.roots, Client: client})
			continue
		}
		all = append(all, &ledger.Webhook{ID: w.name, URL: w.target, Token: w.token, Node: w.kind == "node", Client: client})
	}
	return all
}

// witnessClient trusts the witness's own authority, if one is given, and follows
// nobody elsewhere.
func (a *app) witnessClient(w witness) *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}
	if w.roots != nil && w.kind != "tsa" { // an authority's server has a certificate of the web, its stamps have others
		transport.TLSClientConfig = &tls.Config{RootCAs: w.roots, MinVersion: tls.VersionTLS12}
	}
	a.atEnd(func(context.Context) error {
		transport.CloseIdleConnections()
		return nil
	})
	return &http.Client{Transport: transport, Timeout: witnessTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// receiver takes other ledgers' heads, nil unless that is wanted.
func (a *app) receiver() http.Handler {
	if !a.settings.ReceiveWitness {
		return nil
	}
	r := &ledger.Receiver{
		Dir: filepath.Join(a.settings.Data, "witnessed"),
		Conflict: func(name string, err error) {
			a.log.Error("a ledger that this one is a witness of contradicts what it said before", "ledger", name, "err", err)
			a.alarms.From("received").Raise(earshot.AlarmWitness, earshot.Critical, a.now(), name+": "+earshot.AsError(err).Text)
		},
	}
	if l, ok := a.ledger.(*ledger.Ledger); ok {
		r.Countersign = l.Countersign
	}
	return ledger.RequireToken(a.settings.ReceiveToken, r)
}
