package monitor

import (
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"net/url"
	"strings"
)

// publicURLs are where this installation is reached: as it was configured, else
// as r reached it.
func (s *Server) publicURLs(r *http.Request) (public, whip string) {
	public = strings.TrimSuffix(s.Site.PublicURL, "/")
	if public == "" && r != nil {
		scheme := "http"
		if s.SecureCookies(r) {
			scheme = "https"
		}
		public = scheme + "://" + r.Host
	}
	whip = s.Site.WhipURL
	if whip == "" {
		whip = public + "/whip/"
	}
	return public, whip
}

// seatURL is the seat page's link. What is behind # never leaves the browser.
func seatURL(public, seat, token string) string {
	return public + "/seat#" + url.Values{"seat": {seat}, "token": {token}}.Encode()
}

// randomPassword is one of 80 random bits that can be read aloud.
func randomPassword() string {
	var b [10]byte
	rand.Read(b[:]) // never fails
	text := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

// sameOrigin says whether a WebSocket is opened by a page of this site, or by
// something that is no browser.
func (s *Server) sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	from, err := url.Parse(origin)
	if err != nil || from.Host == "" {
		return false
	}
	if strings.EqualFold(from.Host, r.Host) {
		return true
	}
	public, err := url.Parse(s.Site.PublicURL)
	return err == nil && public.Host != "" && strings.EqualFold(from.Host, public.Host) && from.Scheme == public.Scheme
}
