package earshot

// Side is one of the two sides of a conversation.
type Side string

// The sides. A mixed track carries its levels and gaps under SideAgent.
const (
	SideAgent    Side = "agent"
	SideCustomer Side = "customer"
)

// Codec is how audio is coded on the wire and, unchanged, in the file.
type Codec string

// The codecs that can be recorded.
const (
	Opus Codec = "opus"
	PCMU Codec = "pcmu" // G.711 µ-law
	PCMA Codec = "pcma" // G.711 A-law
)

// The codecs of files that are brought in besides.
const (
	MP3   Codec = "mp3"
	PCM   Codec = "pcm"   // WAVE with plain samples, of integers or floats
	ADPCM Codec = "adpcm" // WAVE with Microsoft's or IMA's ADPCM
	GSM   Codec = "gsm"   // WAVE with GSM 6.10
)

// Recorded says whether seats can send it.
func (c Codec) Recorded() bool { return c == Opus || c == PCMU || c == PCMA }

// Plays says whether browsers play files of it as they are.
func (c Codec) Plays() bool { return c != ADPCM && c != GSM }

// ClockRate is the codec's RTP clock in Hz.
func (c Codec) ClockRate() int {
	if c == Opus {
		return 48000
	}
	return 8000
}

// Level bytes: −dBov, 0 loudest (RFC 6464).
const (
	LevelSilence = 127
	LevelGap     = 255
)
