package ingest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// edit is what a row does to a good offer.
type edit func(offer string) string

func without(pattern string) edit {
	line := regexp.MustCompile(`(?m)^` + pattern + `.*\r\n`)
	return func(offer string) string { return line.ReplaceAllString(offer, "") }
}

func replaced(old, with string) edit {
	return func(offer string) string { return strings.ReplaceAll(offer, old, with) }
}

func plus(lines string) edit { return func(offer string) string { return offer + lines } }

func is(text string) edit { return func(string) string { return text } }

// bundleOnly is how a client with bundle policy max-bundle offers its second m-line.
func bundleOnly(offer string) string {
	i := strings.LastIndex(offer, "m=audio 9")
	return offer[:i] + strings.Replace(offer[i:], "m=audio 9", "m=audio 0", 1) + "a=bundle-only\r\n"
}

const videoLine = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"

// TestOffersAreTakenOrRefused holds the answer to a POST against RFC 9725 and
// against our promise that nothing is accepted and then deaf.
func TestOffersAreTakenOrRefused(t *testing.T) {
	r := newRig(t, nil)
	for _, row := range []struct {
		section, name string
		tracks        int
		query         string
		kind          string
		edit          edit
		status        int
		code          string
	}{
		{"4.2", "a good offer", 2, "", "", nil, 201, ""},
		{"4.2", "one track", 1, "", "", nil, 201, ""},
		{"4.2", "content type with a parameter", 1, "", "application/sdp; charset=utf-8", nil, 201, ""},
		{"4.2", "content type in capitals", 1, "", "Application/SDP", nil, 201, ""},
		{"4.2", "wrong content type", 1, "", "text/plain", nil, 415, "bad_media_type"},
		{"4.2", "no content type", 1, "", "-", nil, 415, "bad_media_type"},
		{"4.2", "empty body", 1, "", "", is(""), 400, "bad_sdp"},
		{"4.2", "garbage", 1, "", "", is("{}"), 400, "bad_sdp"},
		{"4.2", "binary garbage", 1, "", "", is("\x00\xff\xfe v=0"), 400, "bad_sdp"},
		{"4.2", "over-long", 1, "", "", plus("a=x:" + strings.Repeat("x", maxBody) + "\r\n"), 413, "too_long"},
		{"4.2", "sendrecv is answered recvonly", 1, "", "", replaced("a=sendonly", "a=sendrecv"), 201, ""},
		{"4.2", "no direction is sendrecv", 1, "", "", without("a=sendonly"), 201, ""},
		{"4.2", "recvonly", 1, "", "", replaced("a=sendonly", "a=recvonly"), 422, "sends_nothing"},
		{"4.2", "inactive", 1, "", "", replaced("a=sendonly", "a=inactive"), 422, "sends_nothing"},
		{"4.2", "port 0", 1, "", "", replaced("m=audio 9", "m=audio 0"), 422, "sends_nothing"},
		{"4.4.1", "port 0 that is bundle-only", 2, "", "", bundleOnly, 201, ""},
		{"4.2", "no m-line", 1, "", "", is("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE\r\n"), 422, "no_audio"},
		{"4.3", "no ICE credentials", 1, "", "", without("a=ice-"), 422, "no_ice"},
		{"4.3", "no ICE password", 1, "", "", without("a=ice-pwd"), 422, "no_ice"},
		{"4.3", "no candidates yet", 1, "", "", without("a=candidate"), 201, ""},
		{"4.3", "candidates of no use", 1, "", "", plus("a=candidate:1 1 udp 1 abc.local 9 typ host\r\na=candidate:nonsense\r\na=candidate:2 1 tcp 1 ::1 9 typ host tcptype active\r\n"), 201, ""},
		{"4.4.1", "no BUNDLE", 2, "", "", without("a=group"), 422, "no_bundle"},
		{"4.4.1", "no BUNDLE with one m-line", 1, "", "", without("a=group"), 422, "no_bundle"},
		{"4.4.1", "BUNDLE of one of two", 2, "", "", replaced("BUNDLE 0 1", "BUNDLE 0"), 422, "no_bundle"},
		{"4.4.1", "no mid", 1, "", "", without("a=mid"), 422, "no_bundle"},
		{"4.4.1", "no rtcp-mux", 1, "", "", without("a=rtcp-mux"), 422, "no_rtcp_mux"},
		{"4.4.2", "three tracks", 3, "", "", nil, 422, "too_many_tracks"},
		{"4.4.2", "two tracks that cannot be told apart", 2, "", "", without("a=ssrc"), 422, "no_ssrc"},
		{"4.4.2", "one track of undeclared SSRC", 1, "", "", without("a=ssrc"), 201, ""},
		{"4.4.3", "video beside audio", 1, "", "", func(s string) string { return replaced("BUNDLE 0", "BUNDLE 0 9")(s) + videoLine }, 422, "not_only_audio"},
		{"4.4.3", "video alone", 1, "", "", replaced("m=audio", "m=video"), 422, "not_only_audio"},
		{"4.4.3", "unknown codec", 1, "", "", replaced("opus/48000", "amr/16000"), 422, "no_codec"},
		{"4.4.3", "one unknown codec of two", 2, "", "", func(s string) string {
			i := strings.LastIndex(s, "opus/48000")
			return s[:i] + "amr/16000" + s[i+len("opus/48000"):]
		}, 422, "no_codec"},
		{"4.4.4", "setup active", 1, "", "", replaced("setup:actpass", "setup:active"), 201, ""},
		{"4.4.4", "setup holdconn", 1, "", "", replaced("setup:actpass", "setup:holdconn"), 422, "no_fingerprint"},
		{"4.4.4", "no fingerprint", 1, "", "", without("a=fingerprint"), 422, "no_fingerprint"},
		{"4.4.4", "a hash nobody knows", 1, "", "", replaced("sha-256", "md5"), 422, "no_fingerprint"},
		{"4.9", "a side of ours", 1, "?side=customer", "", nil, 201, ""},
		{"4.9", "no such side", 1, "?side=left", "", nil, 400, "bad_side"},
		{"4.9", "a side for two", 2, "?side=agent", "", nil, 400, "bad_side"},
	} {
		t.Run(row.section+" "+row.name, func(t *testing.T) {
			c := r.newClient(clientOptions{tracks: row.tracks})
			offer := c.offer(r, nil)
			if row.edit != nil {
				offer = row.edit(offer)
			}
			kind := row.kind
			switch kind {
			case "":
				kind = typeSDP
			case "-":
				kind = ""
			}
			resp, body := r.do(http.MethodPost, whipBase+rigSeat+row.query, offer, "Content-Type", kind)
			if resp.StatusCode != row.status {
				t.Fatalf("%s, not %d: %s", resp.Status, row.status, body)
			}
			if row.status == http.StatusCreated {
				checkAnswer(t, body, strings.Count(offer, "m=audio"))
				if resp, _ := r.do(http.MethodDelete, resp.Header.Get("Location"), ""); resp.StatusCode != http.StatusOK {
					t.Fatalf("DELETE: %s", resp.Status)
				}
				return
			}
			checkProblem(t, resp, body, row.code)
		})
	}
}

// checkAnswer wants what RFC 9725 says of an answer: whole, bundled, recvonly,
// with all candidates, one codec.
func checkAnswer(t *testing.T, answer string, lines int) {
	t.Helper()
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(answer); err != nil {
		t.Fatalf("the answer is no SDP: %v", err)
	}
	group, _ := desc.Attribute("group")
	if got := strings.Fields(group); len(got) != lines+1 || got[0] != "BUNDLE" {
		t.Errorf("4.4.1: the answer bundles %q", group)
	}
	if len(desc.MediaDescriptions) != lines {
		t.Fatalf("%d m-lines answered, not %d", len(desc.MediaDescriptions), lines)
	}
	for i, m := range desc.MediaDescriptions {
		for _, key := range []string{"recvonly", "rtcp-mux", "ice-ufrag", "ice-pwd", "mid"} {
			if _, ok := m.Attribute(key); !ok {
				t.Errorf("m-line %d has no a=%s", i, key)
			}
		}
		if setup, _ := m.Attribute("setup"); setup != "active" && setup != "passive" {
			t.Errorf("4.4.4: m-line %d is setup:%s", i, setup)
		}
		if m.MediaName.Port.Value == 0 || len(m.MediaName.Formats) != 1 {
			t.Errorf("4.4.3: m-line %d is %s", i, m.MediaName)
		}
		if ptime, _ := m.Attribute("maxptime"); ptime != "20" {
			t.Errorf("m-line %d has maxptime %q", i, ptime)
		}
	}
	if _, ok := desc.MediaDescriptions[0].Attribute("candidate"); !ok {
		t.Error("4.3.2: no candidate in the answer")
	}
	for _, a := range desc.MediaDescriptions[0].Attributes {
		if forRTCP(a) {
			t.Errorf("a candidate for RTCP alone: %s", a.Value)
		}
	}
	if _, ok := desc.MediaDescriptions[0].Attribute("end-of-candidates"); !ok {
		t.Error("4.3.2: the answer does not say that its candidates are all")
	}
}

// checkProblem wants an RFC 9457 problem with the code.
func checkProblem(t *testing.T, resp reply, body, code string) {
	t.Helper()
	var problem struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal([]byte(body), &problem); err != nil {
		t.Fatalf("the refusal is no JSON: %v: %s", err, body)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || problem.Status != resp.StatusCode ||
		problem.Code != code || problem.Detail == "" || problem.Title == "" {
		t.Fatalf("%s %s: %s", resp.Status, resp.Header.Get("Content-Type"), body)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("a browser may not read the refusal")
	}
}

func header(name, want string) func(*testing.T, reply, string) {
	return func(t *testing.T, resp reply, _ string) {
		t.Helper()
		if got := strings.Join(resp.Header.Values(name), ", "); !strings.Contains(got, want) {
			t.Errorf("%s is %q, without %q", name, got, want)
		}
	}
}

func noHeader(name string) func(*testing.T, reply, string) {
	return func(t *testing.T, resp reply, _ string) {
		t.Helper()
		if got := resp.Header.Values(name); len(got) != 0 {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func emptyBody(t *testing.T, _ reply, body string) {
	t.Helper()
	if body != "" {
		t.Errorf("the body is %q", body)
	}
}

// TestHTTP holds everything but offers against RFC 9725, on one published seat.
func TestHTTP(t *testing.T) {
	r := newRig(t, func(o *WireOptions) {
		o.ICEServers = []ICEServer{
			{URLs: []string{"stun:stun.example.net"}},
			{URLs: []string{"turn:turn.example.net?transport=udp"}, Username: "us\"er", Credential: "secret"},
		}
	})
	c := r.newClient(clientOptions{tracks: 2})
	offer := c.offer(r, nil)
	resp, answer := r.do(http.MethodPost, whipBase+rigSeat, offer, "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, answer)
	}
	c.path, c.etag = resp.Header.Get("Location"), resp.Header.Get("ETag")
	for _, check := range []func(*testing.T, reply, string){
		header("Content-Type", typeSDP), header("Location", whipBase+rigSeat+"/"), header("ETag", `"`),
		header("Accept-Patch", typeFragment),
		header("Link", `<stun:stun.example.net>; rel="ice-server"`),
		header("Link", `<turn:turn.example.net?transport=udp>; rel="ice-server"; username="us\"er"; credential="secret"; credential-type="password"`),
		header("Access-Control-Allow-Origin", "*"),
		header("Access-Control-Expose-Headers", "Location"), header("Access-Control-Expose-Headers", "ETag"), header("Access-Control-Expose-Headers", "Link"),
	} {
		check(t, resp, answer)
	}
	if strings.HasPrefix(c.etag, "W/") {
		t.Errorf("4.3.1: the entity tag %s is weak", c.etag)
	}
	if id := strings.TrimPrefix(c.path, whipBase+rigSeat+"/"); len(id) < 20 {
		t.Errorf("5: the resource's id %q can be guessed", id)
	}
	r.must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))

	candidate := "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 2113937151 127.0.0.1 50000 typ host\r\n"
	ufrag := "a=ice-ufrag:" + between(offer, "a=ice-ufrag:", "\r\n") + "\r\na=ice-pwd:" + between(offer, "a=ice-pwd:", "\r\n") + "\r\n"
	endpoint := whipBase + rigSeat
	type checks []func(*testing.T, reply, string)
	for _, row := range []struct {
		section, name, method, path, body string
		headers                           []string
		status                            int
		checks                            checks
	}{
		{"4.1", "preflight of the endpoint without a token", "OPTIONS", endpoint, "", []string{"Authorization", "", "Origin", "https://else.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}, 204,
			checks{emptyBody, header("Access-Control-Allow-Origin", "*"), header("Access-Control-Allow-Methods", "POST"), header("Access-Control-Allow-Headers", "Authorization"), header("Access-Control-Allow-Headers", "Content-Type"), header("Accept-Post", typeSDP), noHeader("Link"), noHeader("Access-Control-Allow-Credentials")}},
		{"4.1", "preflight of the resource without a token", "OPTIONS", c.path, "", []string{"Authorization", "", "Origin", "https://else.example", "Access-Control-Request-Method", "PATCH"}, 204,
			checks{emptyBody, header("Access-Control-Allow-Methods", "PATCH"), header("Access-Control-Allow-Methods", "DELETE"), header("Access-Control-Allow-Headers", "If-Match"), header("Accept-Patch", typeFragment), noHeader("Link")}},
		{"4.1", "preflight of a resource that is not", "OPTIONS", endpoint + "/none", "", []string{"Authorization", ""}, 204, nil},
		{"4.1", "GET of the endpoint is kept free", "GET", endpoint, "", nil, 204, checks{emptyBody}},
		{"4.1", "HEAD of the endpoint", "HEAD", endpoint, "", nil, 204, checks{emptyBody}},
		{"4.1", "GET of the resource", "GET", c.path, "", nil, 204, checks{emptyBody}},
		{"4.1", "HEAD of the resource", "HEAD", c.path, "", nil, 204, checks{emptyBody}},
		{"4.1", "PUT on the endpoint", "PUT", endpoint, "x", nil, 405, checks{header("Allow", "POST")}},
		{"4.1", "DELETE on the endpoint", "DELETE", endpoint, "", nil, 405, checks{header("Allow", "POST")}},
		{"4.1", "POST on the resource", "POST", c.path, offer, []string{"Content-Type", typeSDP}, 405, checks{header("Allow", "PATCH")}},
		{"4.1", "PUT on the resource", "PUT", c.path, "x", nil, 405, checks{header("Allow", "DELETE")}},
		{"4.1", "no such seat", "POST", whipBase + "nobody", offer, []string{"Content-Type", typeSDP}, 404, nil},
		{"4.1", "no seat", "POST", whipBase, offer, []string{"Content-Type", typeSDP}, 404, nil},
		{"4.1", "deeper than a resource", "POST", c.path + "/x", offer, []string{"Content-Type", typeSDP}, 404, nil},
		{"4.3.1", "PATCH of a resource that is not", "PATCH", endpoint + "/none", candidate, []string{"Content-Type", typeFragment}, 404, nil},
		{"4.3.1", "PATCH of another seat's path", "PATCH", strings.Replace(c.path, rigSeat, "counter-2", 1), candidate, []string{"Content-Type", typeFragment}, 401, nil},
		{"4.3.1", "PATCH by the listeners' door", "PATCH", strings.Replace(c.path, whipBase, whepBase, 1), candidate, []string{"Content-Type", typeFragment}, 404, nil},
		{"4.3.2", "trickle with the tag", "PATCH", c.path, ufrag + candidate, []string{"Content-Type", typeFragment, "If-Match", c.etag}, 204, checks{emptyBody, noHeader("ETag")}},
		{"4.3.2", "trickle with *", "PATCH", c.path, ufrag + candidate, []string{"Content-Type", typeFragment, "If-Match", "*"}, 204, nil},
		{"4.3.2", "trickle with the tag in a list", "PATCH", c.path, ufrag + candidate, []string{"Content-Type", typeFragment, "If-Match", `"x", ` + c.etag}, 204, nil},
		{"4.3.2", "trickle without If-Match, as real clients do", "PATCH", c.path, ufrag + candidate, []string{"Content-Type", typeFragment}, 204, nil},
		{"4.3.2", "trickle with ETag in its place, as drafts had it", "PATCH", c.path, ufrag + candidate, []string{"Content-Type", typeFragment, "ETag", c.etag}, 204, nil},
		{"4.3.2", "trickle without credentials", "PATCH", c.path, candidate, []string{"Content-Type", typeFragment, "If-Match", c.etag}, 204, nil},
		{"4.3.2", "a stale tag", "PATCH", c.path, ufrag + candidate, []string{"Content-Type", typeFragment, "If-Match", `"old"`}, 412, nil},
		{"4.3.2", "candidates of no use", "PATCH", c.path, ufrag + "a=candidate:1 1 udp 1 x.local 9 typ host\r\na=candidate:rubbish\r\na=candidate:3 1 tcp 1 ::1 9 typ host tcptype active\r\n", []string{"Content-Type", typeFragment}, 204, nil},
		{"4.3.2", "no more candidates", "PATCH", c.path, ufrag + "a=end-of-candidates\r\n", []string{"Content-Type", typeFragment, "If-Match", c.etag}, 204, nil},
		{"4.3.1", "wrong content type", "PATCH", c.path, candidate, []string{"Content-Type", "application/json"}, 415, checks{header("Accept-Patch", typeFragment)}},
		{"4.3.1", "empty", "PATCH", c.path, "", []string{"Content-Type", typeFragment}, 400, nil},
		{"4.3.1", "garbage", "PATCH", c.path, "hello\r\n", []string{"Content-Type", typeFragment}, 400, nil},
		{"4.3.1", "nothing of ICE", "PATCH", c.path, "a=mid:0\r\n", []string{"Content-Type", typeFragment}, 400, nil},
		{"4.3.1", "over-long", "PATCH", c.path, strings.Repeat("a=x\r\n", maxBody/5+1), []string{"Content-Type", typeFragment}, 413, nil},
		{"4.3.3", "half a restart", "PATCH", c.path, "a=ice-ufrag:newone\r\n", []string{"Content-Type", typeFragment, "If-Match", "*"}, 400, nil},
		{"4.7.1", "POST without a token", "POST", endpoint, offer, []string{"Authorization", "", "Content-Type", typeSDP}, 401, checks{header("WWW-Authenticate", "Bearer")}},
		{"4.7.1", "POST with a wrong token", "POST", endpoint, offer, []string{"Authorization", "Bearer est_wrong", "Content-Type", typeSDP}, 401, checks{header("WWW-Authenticate", "Bearer")}},
		{"4.7.1", "POST with another scheme", "POST", endpoint, offer, []string{"Authorization", "Basic " + rigToken, "Content-Type", typeSDP}, 401, nil},
		{"4.7.1", "POST to another seat", "POST", whipBase + "counter-2", offer, []string{"Content-Type", typeSDP}, 401, nil},
		{"4.7.1", "a cookie is no token", "POST", endpoint, offer, []string{"Authorization", "", "Cookie", "earshot=" + rigToken, "Content-Type", typeSDP}, 401, nil},
		{"4.7.1", "PATCH without a token", "PATCH", c.path, candidate, []string{"Authorization", "", "Content-Type", typeFragment}, 401, checks{header("WWW-Authenticate", "Bearer")}},
		{"4.7.1", "DELETE without a token", "DELETE", c.path, "", []string{"Authorization", ""}, 401, checks{header("WWW-Authenticate", "Bearer")}},
		{"4.7.1", "the scheme in lower case", "GET", c.path, "", []string{"Authorization", "bearer " + rigToken}, 204, nil},
		{"4.2", "DELETE whatever If-Match says", "DELETE", c.path, "", []string{"If-Match", `"old"`}, 200, nil},
		{"4.2", "DELETE again", "DELETE", c.path, "", nil, 404, nil},
		{"4.2", "PATCH afterwards", "PATCH", c.path, candidate, []string{"Content-Type", typeFragment}, 404, nil},
		{"4.2", "GET afterwards", "GET", c.path, "", nil, 404, nil},
		{"4.2", "the endpoint serves again", "POST", endpoint, offer, []string{"Content-Type", typeSDP}, 201, nil},
	} {
		t.Run(row.section+" "+row.name, func(t *testing.T) {
			resp, body := r.do(row.method, row.path, row.body, row.headers...)
			if resp.StatusCode != row.status {
				t.Fatalf("%s, not %d: %s", resp.Status, row.status, body)
			}
			for _, check := range row.checks {
				check(t, resp, body)
			}
			if row.status == http.StatusNoContent {
				emptyBody(t, resp, body)
			}
		})
	}
}

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	middle, _, _ := strings.Cut(rest, to)
	return middle
}

// 4.5: a server that is full or closes says when to try again.
func TestOverloadIsSaid(t *testing.T) {
	r := newRig(t, func(o *WireOptions) { o.MaxPeers = 1 })
	r.publish(1)
	c := r.newClient(clientOptions{tracks: 1})
	resp, body := r.do(http.MethodPost, whipBase+rigSeat, c.offer(r, nil), "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	checkProblem(t, resp, body, "overloaded")
}
