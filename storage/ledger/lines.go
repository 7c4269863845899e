package ledger

import (
	"bufio"
	"errors"
	"io"
)

// lines reads the entries file line by line, none longer than MaxEntry.
type lines struct {
	r   *bufio.Reader
	end int64 // of the line read last, its newline included, as an offset in the file
}

func newLines(r io.Reader, at int64) *lines {
	return &lines{bufio.NewReaderSize(r, MaxEntry+2), at}
}

// next is the next line without its newline, valid until the next call; io.EOF
// after the last. A line without its newline at the end of the file is none:
// torn is what follows the last newline. A longer line than an entry may be is
// answered as one that no entry can be.
func (l *lines) next() (line []byte, err error) {
	line, err = l.r.ReadSlice('\n')
	if err == nil {
		l.end += int64(len(line))
		return line[:len(line)-1], nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	skipped := int64(len(line))
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.r.ReadSlice('\n')
		skipped += int64(len(line))
	}
	if err != nil {
		return nil, err
	}
	l.end += skipped
	return []byte("a line too long for an entry"), nil
}
