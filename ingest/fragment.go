package ingest

import (
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"

	"earshot"
)

// fragment is an SDP fragment of ICE (RFC 8840, section 9), the body of a PATCH.
type fragment struct {
	ufrag, pwd string
	candidates []string
}

var errFragment = earshot.Fail(earshot.Invalid, "bad_fragment", "the body is not an SDP fragment of ICE")

// readFragment reads a fragment. What it does not know it passes over, as RFC
// 8840 asks; a body without a single line of ICE is no fragment.
func readFragment(text string) (*fragment, error) {
	f := &fragment{}
	known := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return nil, errFragment.Because(fmt.Errorf("line %q", line))
		}
		key, value, _ := strings.Cut(line[2:], ":")
		if line[0] != 'a' {
			continue
		}
		switch key {
		case "ice-ufrag":
			f.ufrag, known = value, true
		case "ice-pwd":
			f.pwd, known = value, true
		case "candidate":
			f.candidates, known = append(f.candidates, value), true
		case "end-of-candidates":
			known = true
		}
	}
	if !known {
		return nil, errFragment
	}
	return f, nil
}

// fragmentOf is the ICE part of an answer: what an ICE restart is answered with.
func fragmentOf(answer string) (string, error) {
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("reading our own answer: %w", err)
	}
	if len(desc.MediaDescriptions) == 0 {
		return "", errAnswer
	}
	m := desc.MediaDescriptions[0]
	var b strings.Builder
	if group, ok := desc.Attribute("group"); ok {
		fmt.Fprintf(&b, "a=group:%s\r\n", group)
	}
	fmt.Fprintf(&b, "m=audio 9 UDP/TLS/RTP/SAVPF %s\r\n", strings.Join(m.MediaName.Formats, " "))
	for _, key := range []string{"mid", "ice-ufrag", "ice-pwd"} {
		value, ok := m.Attribute(key)
		if !ok {
			value, ok = desc.Attribute(key)
		}
		if ok {
			fmt.Fprintf(&b, "a=%s:%s\r\n", key, value)
		}
	}
	for _, a := range m.Attributes {
		if a.Key == "candidate" {
			fmt.Fprintf(&b, "a=candidate:%s\r\n", a.Value)
		}
	}
	b.WriteString("a=end-of-candidates\r\n")
	return b.String(), nil
}
