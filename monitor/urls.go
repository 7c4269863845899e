package monitor

import (
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

// originOf is scheme and host of a URL.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	return u.Scheme + "://" + u.Host
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
