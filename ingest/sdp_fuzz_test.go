package ingest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
)

// fuzzOffer is what a browser's offer comes to, shortened.
const fuzzOffer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\na=setup:actpass\r\n" +
	"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" +
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=msid:- a\r\na=ssrc:1 cname:x\r\n" +
	"a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:2\r\n"

// FuzzOffer reads any offer: what is taken, written anew as the rest of the
// server sees it, is SDP with the same tracks, and reads as the same again. So no
// line of an offer gets further than it was understood.
func FuzzOffer(f *testing.F) {
	f.Add(fuzzOffer)
	f.Add(bundleOnly(fuzzOffer))
	f.Add(strings.ReplaceAll(fuzzOffer, "a=mid:0\r\n", "a=mid:0\ra=x\r\n"))
	f.Add(strings.ReplaceAll(fuzzOffer, "a=ice-options:trickle", "a=ice-options:trickle\na=setup:active"))
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readOffer(text)
		if err != nil {
			return
		}
		sending, hearing := o.checkSending(), o.checkHearing()
		codec, err := o.common()
		if err != nil {
			return
		}
		chosen := make([]offeredCodec, len(o.media))
		for i := range o.media {
			var has bool
			if chosen[i], has = o.media[i].find(codec); !has {
				t.Fatalf("m-line %d has no %s, which all have", i, codec)
			}
		}
		for direction, refused := range map[string]error{"sendonly": sending, "recvonly": hearing} {
			if refused == nil {
				checkCanonical(t, o, o.canonical(chosen, direction, 1))
			}
		}
	})
}

func checkCanonical(t *testing.T, o *offer, text string) {
	t.Helper()
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(text); err != nil {
		t.Fatalf("what is handed on is no SDP: %v\n%s", err, text)
	}
	again, err := readOffer(text)
	if err != nil {
		t.Fatalf("what is handed on is refused: %v\n%s", err, text)
	}
	if again.ufrag != o.ufrag || again.pwd != o.pwd || again.fingerprint != o.fingerprint || again.setup != o.setup || len(again.media) != len(o.media) {
		t.Fatalf("%+v became %+v", o, again)
	}
	for i, m := range again.media {
		if m.mid != o.media[i].mid || m.levelExt != o.media[i].levelExt || len(m.codecs) != 1 {
			t.Fatalf("m-line %d: %+v became %+v", i, o.media[i], m)
		}
	}
}

// FuzzFragment reads any body of a PATCH: what is taken has lines of ICE, each of
// which stood in it.
func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n")
	f.Add("a=candidate:\n\n\r\n")
	f.Add("a=end-of-candidates")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readFragment(text)
		if err != nil {
			return
		}
		said := append(slices.Clone(got.candidates), got.ufrag, got.pwd)
		for _, value := range said {
			if strings.Contains(value, "\n") || !strings.Contains(text, value) {
				t.Fatalf("%q of %q", value, text)
			}
		}
		if len(got.candidates) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d candidates in %q", len(got.candidates), text)
		}
		if _, err := fragmentOf(text); err == nil && !strings.Contains(text, "m=") {
			t.Fatalf("%q is an answer", text)
		}
	})
}

// FuzzRTCP reads any compound packet: what is told of are its sender reports, and
// their instants lie in the era of NTP.
func FuzzRTCP(f *testing.F) {
	raw, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: 9, NTPTime: 0xEC00_0000_8000_0000, RTPTime: 960, PacketCount: 1, OctetCount: 80},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 9, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "x"}}}}},
		&rtcp.Goodbye{Sources: []uint32{9}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:28])
	f.Add([]byte{0x81, 201, 0, 7})
	f.Add([]byte{0x80, 207, 0, 2, 0, 0, 0, 1, 4, 0, 0, 0})
	first, last := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := 0
		senderReports(raw, func(sr *rtcp.SenderReport) {
			n++
			if at := ntpTime(sr.NTPTime); at.Before(first) || at.After(last) {
				t.Fatalf("%x is %v", sr.NTPTime, at)
			}
		})
		if n*28 > len(raw) {
			t.Fatalf("%d sender reports in %d bytes", n, len(raw))
		}
	})
}
