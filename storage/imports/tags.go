package imports

import (
	"io"

	"earshot"
)

// Tags is what a file itself tells of its call. A damaged tag tells nothing.
func Tags(io.ReaderAt, int64) earshot.ImportTold { return earshot.ImportTold{} }
