package monitor

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
)

// errIllegible means that a request has bytes that are no text: no database takes
// them, and no person can read them.
var errIllegible = earshot.Fail(earshot.Invalid, "invalid", "text is UTF-8 without the character U+0000, and a percent sign in an address begins two hexadecimal digits")

// legible refuses addresses that are no text.
func (s *Server) legible(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil || !isText(query) || !isText(r.URL.Path) {
			s.fail(w, r, errIllegible)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// legibleFormats are the forms of bodies, of which JSON with what is no text in
// it is refused.
func legibleFormats() map[string]huma.Format {
	formats := map[string]huma.Format{}
	for name, format := range huma.DefaultFormats {
		read := format.Unmarshal
		format.Unmarshal = func(data []byte, v any) error {
			if !utf8.Valid(data) || hasNUL(data) {
				return errIllegible
			}
			return read(data, v)
		}
		formats[name] = format
	}
	return formats
}

// hasNUL says whether a string of the JSON text has U+0000 in it, escaped: bare
// it is no JSON.
func hasNUL(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		if bytes.HasPrefix(text[i+1:], []byte("u0000")) {
			return true
		}
		text = text[min(i+2, len(text)):] // past what the backslash escapes, be it another
	}
}
