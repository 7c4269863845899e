package earshot

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// SoughtWords is words that calls are searched by: numbers and codes that an input
// method wrote in full width, as accounts and tickets are not, in ASCII. Words
// with other letters stay as they are, for notes are found as they were written.
func SoughtWords(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if strings.ContainsFunc(word, wide) && !strings.ContainsFunc(word, neither) {
			words[i] = norm.NFKC.String(word)
		}
	}
	return strings.Join(words, " ")
}

// wide says whether a letter is one of ASCII in full width.
func wide(r rune) bool { return r >= '！' && r <= '～' }

func neither(r rune) bool { return !wide(r) && (r <= ' ' || r > '~') }
