package ingest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"earshot"
)

// offer is what a client's SDP says that matters here. Nothing else of it goes
// further: canonical writes it anew, so that odd lines cannot confuse what lies
// behind, and the answer can only speak of what was understood.
type offer struct {
	ufrag, pwd  string
	fingerprint string // "sha-256 AB:CD:…"
	setup       string
	options     string   // the ice-options line, "" if none
	candidates  []string // values of the a=candidate lines
	media       []offeredMedia
}

// offeredMedia is one audio m-line.
type offeredMedia struct {
	mid       string
	direction string // sendrecv, sendonly, recvonly, inactive
	codecs    []offeredCodec
	ssrc      string // "" where not declared
	cname     string
	msid      string
	levelExt  int // id of the RFC 6464 extension; 0 none
}

// offeredCodec is a payload type that can be recorded.
type offeredCodec struct {
	codec earshot.Codec
	pt    int
	fmtp  map[string]string
	red   int // payload type of RED with this codec in it; 0 none
}

// stereo says whether whoever offers this means to send two channels.
func (c offeredCodec) stereo() bool { return c.fmtp["stereo"] == "1" || c.fmtp["sprop-stereo"] == "1" }

// maxTracks is how many audio m-lines a connection has at most: agent, customer.
const maxTracks = 2

// What is refused in the answer to a POST, rather than accepted and then deaf.
// Each is answered with 422, as RFC 9725, section 4.4.3, asks.
var (
	errSDP         = earshot.Fail(earshot.Invalid, "bad_sdp", "the body is not an SDP offer")
	errNoAudio     = earshot.Fail(earshot.Invalid, "no_audio", "the offer has no audio")
	errNotAudio    = earshot.Fail(earshot.Invalid, "not_only_audio", "the offer has m-lines that are not audio; offer audio alone")
	errManyTracks  = earshot.Fail(earshot.Invalid, "too_many_tracks", "at most two audio m-lines are taken: agent, customer")
	errNoBundle    = earshot.Fail(earshot.Invalid, "no_bundle", "the offer has no a=group:BUNDLE of all its m-lines; set the client's bundle policy to max-bundle")
	errNoMux       = earshot.Fail(earshot.Invalid, "no_rtcp_mux", "the offer has no a=rtcp-mux")
	errNoICE       = earshot.Fail(earshot.Invalid, "no_ice", "the offer has no usable a=ice-ufrag and a=ice-pwd")
	errNoDTLS      = earshot.Fail(earshot.Invalid, "no_fingerprint", "the offer has no usable a=fingerprint")
	errNoCodec     = earshot.Fail(earshot.Invalid, "no_codec", "no codec fits: offer Opus (opus/48000/2) or G.711 (PCMA/8000, PCMU/8000), the same on every m-line")
	errSendNothing = earshot.Fail(earshot.Invalid, "sends_nothing", "an m-line of the offer sends nothing (recvonly, inactive or port 0)")
	errHearNothing = earshot.Fail(earshot.Invalid, "receives_nothing", "an m-line of the offer receives nothing (sendonly, inactive or port 0)")
	errNoSSRC      = earshot.Fail(earshot.Invalid, "no_ssrc", "with two m-lines each must declare its a=ssrc")
)

// readOffer reads an offer and refuses what could never work, whichever way the
// audio goes.
func readOffer(text string) (*offer, error) {
	var desc sdp.SessionDescription
	if !strings.HasPrefix(text, "v=0") { // the parser takes a body without a line for an empty session
		return nil, errSDP
	}
	if err := desc.UnmarshalString(text); err != nil {
		return nil, errSDP.Because(err)
	}
	o := &offer{}
	for _, m := range desc.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			return nil, errNotAudio
		}
		media, err := readMedia(m)
		if err != nil {
			return nil, err
		}
		o.media = append(o.media, media)
	}
	switch {
	case len(o.media) == 0:
		return nil, errNoAudio
	case len(o.media) > maxTracks:
		return nil, errManyTracks
	case !o.bundled(&desc):
		return nil, errNoBundle
	}
	return o, o.readTransport(&desc)
}

func readMedia(m *sdp.MediaDescription) (offeredMedia, error) {
	media := offeredMedia{direction: "sendrecv", cname: "-"}
	mux, bundleOnly := false, false
	for _, a := range m.Attributes {
		switch a.Key {
		case "mid":
			media.mid = a.Value
		case "sendrecv", "sendonly", "recvonly", "inactive":
			media.direction = a.Key
		case "rtcp-mux":
			mux = true
		case "bundle-only":
			bundleOnly = true
		case "msid":
			media.msid = a.Value
		case "ssrc":
			media.readSSRC(a.Value)
		case "extmap":
			media.readExtension(a.Value)
		}
	}
	if m.MediaName.Port.Value == 0 && !bundleOnly {
		media.direction = "inactive"
	}
	if !mux {
		return media, errNoMux
	}
	media.codecs = readCodecs(m)
	return media, nil
}

func (m *offeredMedia) readSSRC(value string) {
	id, attr, _ := strings.Cut(value, " ")
	if _, err := strconv.ParseUint(id, 10, 32); err != nil || m.ssrc != "" && m.ssrc != id {
		return // of several the first is the audio itself
	}
	m.ssrc = id
	if name, ok := strings.CutPrefix(attr, "cname:"); ok {
		m.cname = name
	}
}

func (m *offeredMedia) readExtension(value string) {
	id, uri, _ := strings.Cut(value, " ")
	uri, _, _ = strings.Cut(uri, " ")
	id, _, _ = strings.Cut(id, "/")
	if n, err := strconv.Atoi(id); err == nil && n > 0 && n < 15 && uri == sdp.AudioLevelURI {
		m.levelExt = n
	}
}

// readCodecs lists what of the m-line can be recorded, in the client's order.
func readCodecs(m *sdp.MediaDescription) []offeredCodec {
	maps := map[string]string{"0": "PCMU/8000", "8": "PCMA/8000"} // RFC 3551 needs no rtpmap for these
	params := map[string]string{}
	for _, a := range m.Attributes {
		pt, value, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			maps[pt] = strings.TrimSpace(value)
		case "fmtp":
			params[pt] = value
		}
	}
	var codecs []offeredCodec
	reds := map[string]int{} // by the payload type of the audio in them
	for _, pt := range m.MediaName.Formats {
		n, err := strconv.Atoi(pt)
		codec, known := codecOf(maps[pt])
		switch {
		case err != nil || n < 0 || n > 127:
		case known:
			codecs = append(codecs, offeredCodec{codec: codec, pt: n, fmtp: readParams(params[pt])})
		case strings.EqualFold(maps[pt], redMap):
			inside, _, _ := strings.Cut(params[pt], "/")
			reds[strings.TrimSpace(inside)] = n
		}
	}
	for i := range codecs {
		if codecs[i].codec == earshot.Opus {
			codecs[i].red = reds[strconv.Itoa(codecs[i].pt)]
		}
	}
	return codecs
}

// redMap is RED as it is offered for Opus (RFC 2198).
const redMap = "red/48000/2"

func codecOf(rtpmap string) (earshot.Codec, bool) {
	switch strings.ToLower(rtpmap) {
	case "opus/48000/2":
		return earshot.Opus, true
	case "pcmu/8000", "pcmu/8000/1":
		return earshot.PCMU, true
	case "pcma/8000", "pcma/8000/1":
		return earshot.PCMA, true
	}
	return "", false
}

func readParams(line string) map[string]string {
	params := map[string]string{}
	for part := range strings.SplitSeq(line, ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
			params[strings.ToLower(key)] = value
		}
	}
	return params
}

// bundled says whether one group bundles all m-lines: what is not bundled would
// be answered with port 0.
func (o *offer) bundled(desc *sdp.SessionDescription) bool {
	for _, a := range desc.Attributes {
		tags := strings.Fields(a.Value)
		if a.Key != "group" || len(tags) == 0 || tags[0] != "BUNDLE" {
			continue
		}
		return !slices.ContainsFunc(o.media, func(m offeredMedia) bool {
			return m.mid == "" || !slices.Contains(tags[1:], m.mid)
		})
	}
	return false
}

// readTransport takes ICE and DTLS facts of the session or of the first m-line,
// whose transport a bundle uses.
func (o *offer) readTransport(desc *sdp.SessionDescription) error {
	o.setup = "actpass"
	first := desc.MediaDescriptions[0].Attributes
	for _, a := range slices.Concat(desc.Attributes, first) {
		switch a.Key {
		case "ice-ufrag":
			o.ufrag = a.Value
		case "ice-pwd":
			o.pwd = a.Value
		case "ice-options":
			o.options = a.Value
		case "fingerprint":
			if o.fingerprint == "" || strings.HasPrefix(strings.ToLower(a.Value), "sha-256 ") {
				o.fingerprint = a.Value
			}
		case "setup":
			o.setup = a.Value
		case "candidate":
			o.candidates = append(o.candidates, a.Value)
		}
	}
	switch {
	case !validCredential(o.ufrag, 4) || !validCredential(o.pwd, 22):
		return errNoICE
	case !validFingerprint(o.fingerprint):
		return errNoDTLS
	case o.setup != "actpass" && o.setup != "active" && o.setup != "passive":
		return errNoDTLS.Because(fmt.Errorf("setup is %q", o.setup))
	}
	return nil
}

// validCredential holds an ICE ufrag or pwd against RFC 8839, section 5.4.
func validCredential(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '/' {
			// Some stacks put others of base64 or hex separators here; what
			// must not be is a blank or a control character.
			if r <= ' ' || r >= 0x7f {
				return false
			}
		}
	}
	return true
}

// validFingerprint wants a hash that DTLS can check later: a certificate that
// can never be accepted is refused now.
func validFingerprint(value string) bool {
	sizes := map[string]int{"sha-1": 20, "sha-256": 32, "sha-384": 48, "sha-512": 64}
	hash, hex, _ := strings.Cut(value, " ")
	size := sizes[strings.ToLower(hash)]
	if size == 0 || len(hex) != 3*size-1 {
		return false
	}
	for i := range len(hex) {
		colon := i%3 == 2
		if colon != (hex[i] == ':') || !colon && !strings.ContainsRune("0123456789abcdefABCDEF", rune(hex[i])) {
			return false
		}
	}
	return true
}

// checkSending refuses an offer for ingest that would stay silent.
func (o *offer) checkSending() error {
	for _, m := range o.media {
		if m.direction != "sendrecv" && m.direction != "sendonly" {
			return errSendNothing
		}
		if len(o.media) > 1 && m.ssrc == "" {
			return errNoSSRC
		}
	}
	return nil
}

// checkHearing refuses an offer for listening that would hear nothing.
func (o *offer) checkHearing() error {
	for _, m := range o.media {
		if m.direction != "sendrecv" && m.direction != "recvonly" {
			return errHearNothing
		}
	}
	return nil
}

// common is the codec to record: the first of the client's order that all its
// m-lines have, Opus before G.711.
func (o *offer) common() (earshot.Codec, error) {
	best, found := earshot.Codec(""), false
	for _, c := range o.media[0].codecs {
		everywhere := !slices.ContainsFunc(o.media[1:], func(m offeredMedia) bool {
			_, has := m.find(c.codec)
			return !has
		})
		if everywhere && (!found || c.codec == earshot.Opus && best != earshot.Opus) {
			best, found = c.codec, true
		}
	}
	if !found {
		return "", errNoCodec
	}
	return best, nil
}

// find is the m-line's first payload type of the codec.
func (m *offeredMedia) find(codec earshot.Codec) (offeredCodec, bool) {
	i := slices.IndexFunc(m.codecs, func(c offeredCodec) bool { return c.codec == codec })
	if i < 0 {
		return offeredCodec{}, false
	}
	return m.codecs[i], true
}
