package mp3

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// tailTags bounds how many tags are looked for at a file's end.
const tailTags = 8

// Tail is where the tags at the end of a file of size bytes begin: ID3v1 with its
// extension, Lyrics3 and APE, in any order. size where there are none.
func Tail(r io.ReaderAt, size int64) (int64, error) {
	end := size
	for range tailTags {
		n, err := tagBefore(r, end)
		if err != nil {
			return 0, err
		}
		if n <= 0 || n > end {
			break
		}
		end -= n
	}
	return end, nil
}

// tagBefore is the length of the tag that ends at end, or 0.
func tagBefore(r io.ReaderAt, end int64) (int64, error) {
	const look = 355 // ID3v1 and its extension
	b := make([]byte, min(end, look))
	if _, err := r.ReadAt(b, end-int64(len(b))); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("look for tags: %w", err)
	}
	back := func(n int) []byte { return b[max(len(b)-n, 0):] }
	switch {
	case len(b) == look && string(b[:4]) == "TAG+" && string(back(128)[:3]) == "TAG":
		return look, nil
	case len(b) >= 128 && string(back(128)[:3]) == "TAG":
		return 128, nil
	case len(b) >= 15 && string(back(9)) == "LYRICS200":
		n, err := strconv.ParseInt(string(back(15)[:6]), 10, 64)
		if err != nil {
			return 0, nil //nolint:nilerr // no tag, then
		}
		return n + 15, nil
	case len(b) >= 32 && string(back(32)[:8]) == "APETAGEX":
		foot := back(32)
		n := int64(binary.LittleEndian.Uint32(foot[12:]))
		if foot[23]&0x80 != 0 {
			n += 32 // a header
		}
		return max(n, 32), nil
	}
	return 0, nil
}
