package seat

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// server is the least that a WHIP server can be. It hands on what it receives.
type server struct {
	t    *testing.T
	http *httptest.Server
	api  *webrtc.API

	// refuse answers a POST in place of the server; nil or a status of 0 goes on.
	refuse func(post int) (status int, contentType, body string)

	mu       sync.Mutex
	posts    int
	requests []*http.Request
	peers    map[string]*webrtc.PeerConnection
	readers  sync.WaitGroup

	packets chan received
	reports chan *rtcp.SenderReport
	deleted chan string
	peer    chan *webrtc.PeerConnection
}

type received struct {
	stream int // which connection, from 1
	mid    string
	ssrc   uint32
	codec  string
	fmtp   string
	level  int // −1 where none was said
	packet *rtp.Packet
}

// take waits for the next of what a server tells.
func take[T any](t *testing.T, ch chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("no %T came", *new(T))
		panic("not reached")
	}
}

func newServer(t *testing.T) *server {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{sdp.AudioLevelURI, sdp.SDESMidURI} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	// A packet that is asked for although it came must not be taken for a replay.
	settings.DisableSRTPReplayProtection(true)
	s := &server{
		t: t, api: webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(settings)), peers: map[string]*webrtc.PeerConnection{},
		packets: make(chan received, 20000), reports: make(chan *rtcp.SenderReport, 100), deleted: make(chan string, 100), peer: make(chan *webrtc.PeerConnection, 100),
	}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.close)
	return s
}

func (s *server) close() {
	s.http.Close()
	s.mu.Lock()
	peers := s.peers
	s.peers = nil
	s.mu.Unlock()
	for _, pc := range peers {
		if err := pc.GracefulClose(); err != nil {
			s.t.Error(err)
		}
	}
	s.readers.Wait()
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Clone(r.Context()))
	if r.Method == http.MethodPost {
		s.posts++
	}
	n := s.posts
	s.mu.Unlock()
	if r.Method == http.MethodDelete {
		s.remove(w, r)
		return
	}
	if s.refuse != nil {
		if status, kind, body := s.refuse(n); status != 0 {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
	}
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	pc, answer, err := s.answer(n, string(offer))
	if err != nil {
		s.t.Error(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.peers[fmt.Sprintf("/whip/peers/%d", n)] = pc
	s.mu.Unlock()
	w.Header().Set("Location", fmt.Sprintf("peers/%d", n)) // relative, as RFC 9725 allows
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, answer)
	s.peer <- pc
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	pc := s.peers[r.URL.Path]
	delete(s.peers, r.URL.Path)
	s.mu.Unlock()
	if pc == nil {
		http.NotFound(w, r)
		return
	}
	if err := pc.GracefulClose(); err != nil {
		s.t.Error(err)
	}
	s.deleted <- r.URL.Path
}

func (s *server) answer(stream int, offer string) (*webrtc.PeerConnection, string, error) {
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, "", err
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		s.readers.Go(func() { s.read(stream, pc, track, receiver) })
		s.readers.Go(func() { s.readReports(receiver) })
	})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return nil, "", errors.Join(err, pc.Close())
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return nil, "", errors.Join(err, pc.Close())
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return nil, "", errors.Join(err, pc.Close())
	}
	<-gathered
	return pc, pc.LocalDescription().SDP, nil
}

func (s *server) read(stream int, pc *webrtc.PeerConnection, track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid, id := "", uint8(0)
	for _, tr := range pc.GetTransceivers() {
		if tr.Receiver() == receiver {
			mid = tr.Mid()
		}
	}
	for _, ext := range receiver.GetParameters().HeaderExtensions {
		if ext.URI == sdp.AudioLevelURI {
			id = uint8(ext.ID)
		}
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		level := -1
		if ext := packet.GetExtension(id); len(ext) > 0 {
			level = int(ext[0] & 0x7f)
		}
		s.packets <- received{stream, mid, packet.SSRC, track.Codec().MimeType, track.Codec().SDPFmtpLine, level, packet}
	}
}

func (s *server) readReports(receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if report, ok := p.(*rtcp.SenderReport); ok {
				select {
				case s.reports <- report:
				default: // one is enough for those who look
				}
			}
		}
	}
}
