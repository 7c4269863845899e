package earshot

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// written is a telephone number as people write one: digits, and what they put
// between them to read it.
var written = regexp.MustCompile(`^[+*#0-9][-‐‑–—.()\s*#0-9]*$`)

// PlainNumber is a number as calls have it: one that is written with blanks,
// dashes, dots or brackets between its digits without them, in digits of ASCII.
// What is no telephone number stays as it is.
func PlainNumber(text string) string {
	plain := strings.TrimSpace(norm.NFKC.String(text))
	if !written.MatchString(strings.TrimPrefix(plain, "(")) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || strings.ContainsRune("+*#", r) {
			return r
		}
		return -1
	}, plain)
}

// SoughtNumber is PlainNumber of a number that calls are searched by: without
// China's code in front, since most have none, and those that have one end alike.
func SoughtNumber(text string) string {
	plain := PlainNumber(text)
	for _, code := range []string{"+86", "0086"} {
		if rest, ok := strings.CutPrefix(plain, code); ok && rest != "" {
			return rest
		}
	}
	return plain
}
