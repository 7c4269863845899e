package recorder

import (
	"io"
	"time"

	"earshot"
)

// Track is one incoming track of a part.
type Track struct {
	Side     earshot.Side
	Mixed    bool // one channel in which the sides are not apart; its levels and gaps go under SideAgent
	Codec    earshot.Codec
	Channels int // 2: stereo, agent left, customer right
}

// stereo says whether the one track carries both sides.
func (t Track) stereo() bool { return t.Channels == 2 }

// NoLevel says that a packet came without the RFC 6464 extension.
const NoLevel = earshot.LevelGap

// Packet is one RTP packet. The payload is only valid during the call of
// Recording.Packet and may be empty: such packets, by which senders probe the
// network, consume a sequence number and are neither audio nor loss.
type Packet struct {
	Side      earshot.Side
	Arrival   time.Time
	SSRC      uint32
	Seq       uint16
	Timestamp uint32
	Level     uint8 // −dBov, 0 loudest, of the packet or of its left channel; NoLevel if unknown
	Right     uint8 // −dBov of a stereo packet's right channel, NoLevel if unknown; other tracks leave it
	Payload   []byte
}

// Files makes the files of parts.
type Files interface {
	// Create begins an unfinished file under the final name.
	Create(name string) (File, error)
	// Resume takes an unfinished file up again as it was when it had that state;
	// one that has no bytes then may be missing. Where the file is complete the
	// error has the code file_exists; where it is shorter another.
	Resume(name string, state FileState) (File, error)
	// SealedFile is what is known of a complete file.
	SealedFile(name string) (Sealed, error)
	// ReadWhole reads a complete file.
	ReadWhole(name string) ([]byte, error)
}

// File is a part's file while it grows. Writes are buffered behind the caller.
type File interface {
	// Append adds p, which is the caller's again afterwards.
	Append(p []byte) error
	// Patch replaces bytes that were appended before, for the sizes in a WAV header.
	Patch(off int64, p []byte) error
	// Bytes is a copy of everything appended so far.
	Bytes() ([]byte, error)
	// ReadAt reads what was appended, at any place and by any goroutine.
	io.ReaderAt
	// State is how far the file has come; it does not touch the disk.
	State() FileState
	// Seal completes the file under its final name, on another goroutine, and then calls done there.
	Seal(done func(Sealed, error))
	// Discard takes the unfinished file away.
	Discard() error
}

// FileState is how far an unfinished file has come.
type FileState struct {
	Bytes int64  // appended
	Sum   []byte // of the SHA-256 over them
	Resum bool   // bytes were replaced: the sum is of no use
}

// Sealed is what is known of a complete file.
type Sealed struct {
	SHA256 string // hex
	Bytes  int64
}
