package ingest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"earshot"
)

// canonical writes the offer with one codec a m-line (chosen[i]) and all its
// m-lines in the given direction. It leaves out which SSRCs are theirs: a source
// that was not declared would then never be heard, and devices change theirs.
// Which m-line a source is of, publication.lineOf knows.
func (o *offer) canonical(chosen []offeredCodec, direction string, version int) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	mids := make([]string, 0, len(o.media))
	for _, m := range o.media {
		mids = append(mids, m.mid)
	}
	line("v=0\r\no=- 1 %d IN IP4 0.0.0.0\r\ns=-\r\nt=0 0", version)
	line("a=group:BUNDLE %s", strings.Join(mids, " "))
	line("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s", o.ufrag, o.pwd, o.fingerprint, o.setup)
	if o.options != "" {
		line("a=ice-options:%s", o.options)
	}
	for i, m := range o.media {
		c := chosen[i]
		red := c.red != 0 && direction != "recvonly"
		formats := strconv.Itoa(c.pt)
		if red {
			formats += " " + strconv.Itoa(c.red)
		}
		line("m=audio 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0", formats)
		line("a=mid:%s\r\na=%s\r\na=rtcp-mux\r\na=rtpmap:%d %s", m.mid, direction, c.pt, rtpmapOf(c.codec))
		if fmtp := answerParams(c); fmtp != "" {
			line("a=fmtp:%d %s", c.pt, fmtp)
		}
		if red { // behind the codec itself: taken, not asked for
			line("a=rtpmap:%d %s\r\na=fmtp:%d %d/%d", c.red, redMap, c.red, c.pt, c.pt)
		}
		if m.levelExt != 0 {
			line("a=extmap:%d %s", m.levelExt, sdp.AudioLevelURI)
		}
		if m.msid != "" && direction != "recvonly" {
			line("a=msid:%s", m.msid)
		}
	}
	return b.String()
}

func rtpmapOf(codec earshot.Codec) string {
	switch codec {
	case earshot.PCMU:
		return "PCMU/8000"
	case earshot.PCMA:
		return "PCMA/8000"
	default:
		return "opus/48000/2"
	}
}

// echoed are the Opus parameters of the offer that the answer repeats, in this
// order: the client's own wishes for what it sends.
var echoed = []string{"minptime", "useinbandfec", "usedtx", "cbr", "maxaveragebitrate", "maxplaybackrate", "stereo"}

// answerParams is the fmtp line with which a codec is answered.
func answerParams(c offeredCodec) string {
	if c.codec != earshot.Opus {
		return ""
	}
	var parts []string
	for _, key := range echoed {
		if value := c.fmtp[key]; value != "" && len(value) < 8 && strings.Trim(value, "0123456789") == "" {
			parts = append(parts, key+"="+value)
		}
	}
	return strings.Join(parts, ";")
}

// asStereo is the codec with the stereo wish made plain, or taken out where a
// track carries one side.
func (c offeredCodec) asStereo(stereo bool) offeredCodec {
	params := map[string]string{}
	for key, value := range c.fmtp {
		params[key] = value
	}
	delete(params, "stereo")
	if stereo {
		params["stereo"] = "1"
	}
	c.fmtp = params
	return c
}

// forRTCP says whether the line is a candidate for RTCP alone: with rtcp-mux,
// which we demand, nobody uses it.
func forRTCP(a sdp.Attribute) bool {
	fields := strings.Fields(a.Value)
	return a.Key == "candidate" && len(fields) > 1 && fields[1] == "2"
}

var errAnswer = earshot.Fail(earshot.Invalid, "not_answerable", "the offer cannot be answered in whole")

// finishAnswer checks that every m-line of our answer lives and goes in the
// direction wanted, and asks for 20 ms frames, which alone combine without loss
// in one file.
func finishAnswer(text, direction string) (string, error) {
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(text); err != nil {
		return "", fmt.Errorf("reading our own answer: %w", err)
	}
	if len(desc.MediaDescriptions) == 0 {
		return "", errAnswer
	}
	for _, m := range desc.MediaDescriptions {
		_, right := m.Attribute(direction)
		if m.MediaName.Port.Value == 0 || len(m.MediaName.Formats) == 0 || !right {
			return "", errAnswer.Because(errors.New(text))
		}
		m.Attributes = slices.DeleteFunc(m.Attributes, forRTCP)
		m.WithValueAttribute("ptime", "20").WithValueAttribute("maxptime", "20")
	}
	out, err := desc.Marshal()
	if err != nil {
		return "", fmt.Errorf("writing our answer: %w", err)
	}
	return string(out), nil
}
