package earshot

import (
	"strings"
	"unicode/utf8"
)

// SheetText is a text that others gave as it may stand in a cell of a spreadsheet,
// or in a CSV: what would be taken for a formula gets a ' in front.
func SheetText(text string) string {
	// Spreadsheets set to Chinese or Japanese take the wide signs for the narrow ones.
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune("=+-@＝＋－＠\t\r\n", first) {
		return "'" + text
	}
	return text
}
