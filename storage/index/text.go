package index

import "strings"

// clean is s as both engines can keep it: PostgreSQL takes neither a NUL nor
// bytes that are no UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
