package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // --timezone works on machines without a zone database

	"earshot"
)

// serveCommand are the settings of a server.
type serveCommand struct {
	Data       string        `help:"Folder for everything that is kept." default:"data" placeholder:"DIR"`
	HTTP       string        `name:"http" help:"Address for HTTP." default:":8080" placeholder:"ADDR"`
	HTTPS      string        `name:"https" help:"Address for HTTPS; without --cert a certificate is made." placeholder:"ADDR"`
	Cert       string        `help:"Certificate for --https, PEM." placeholder:"FILE"`
	Key        string        `help:"Key of --cert, PEM." placeholder:"FILE"`
	UDP        string        `name:"udp" help:"Address for all media." default:":8189" placeholder:"ADDR"`
	TCP        string        `name:"tcp" help:"Address for media of seats that cannot use UDP." placeholder:"ADDR"`
	PublicIP   string        `name:"public-ip" help:"Address by which seats and listeners reach this machine." placeholder:"IP"`
	PublicURL  string        `name:"public-url" help:"URL by which people reach the dashboard." placeholder:"URL"`
	ICEServer  []string      `name:"ice-server" help:"STUN or TURN server told to seats: stun:HOST, turn:HOST|USER|PASSWORD. May be repeated." sep:"none" placeholder:"SERVER"`
	Timezone   string        `help:"What a day is." default:"Asia/Shanghai" placeholder:"TZ"`
	Retention  string        `name:"retention-at" help:"When calls that are due are deleted every day, by the clocks of --timezone." default:"03:00" placeholder:"HH:MM"`
	ScrubAt    string        `name:"scrub-at" help:"When a share of the archive is checked every day, by the clocks of --timezone." default:"04:00" placeholder:"HH:MM"`
	ScrubShare string        `name:"scrub-share" help:"Share of the archive that is checked in a night; at least so much that all is checked once in 90 days." default:"5%" placeholder:"SHARE"`
	ScrubRate  string        `name:"scrub-rate" help:"How much of the archive is read in a second while it is checked." default:"50MiB" placeholder:"SIZE"`
	Redis      string        `help:"Live state: embedded, or the URL of a Redis." default:"embedded" placeholder:"embedded|URL"`
	Index      string        `help:"Index: sqlite, or the URL of a PostgreSQL database." default:"sqlite" placeholder:"sqlite|URL"`
	Audio      string        `help:"Where audio files are kept: disk." default:"disk" placeholder:"disk"`
	Roles      string        `help:"What this process does: ingest,monitor." default:"ingest,monitor" placeholder:"ROLES"`
	Node       string        `help:"Name of this ingest node; the machine's name by default." placeholder:"NAME"`
	SiteName   string        `name:"site-name" help:"Name shown in the dashboard." placeholder:"NAME"`
	VoiceDBov  int           `name:"voice-level" help:"Louder than this, in dBov, is speech where voice cuts calls." default:"-45" placeholder:"DBOV"`
	VoiceEnd   time.Duration `name:"voice-silence" help:"So much silence ends a call where voice cuts calls." default:"60s" placeholder:"DURATION"`
	Reserve    string        `name:"disk-reserve" help:"Room to keep free on the disk, the lesser of a size and a share: below it an alarm is raised and the oldest that retention allows to go is deleted; near the end new calls are refused." default:"5GiB,5%" placeholder:"SIZE,SHARE"`
	LogLevel   slog.Level    `name:"log-level" help:"debug, info, warn or error." default:"warn" placeholder:"LEVEL"`
	Demo       bool          `help:"Make demo branches, seats and users, and let the seats speak."`

	witnessFlags

	AdminPassword string `name:"admin-password" hidden:"" help:"Password of the first administrator."`
}

// settings are what serveCommand says, checked and completed.
type settings struct {
	serveCommand
	location    *time.Location
	retentionAt earshot.DayTime
	iceServers  []iceServer
	reserve     reserve
	ledgerName  string
	witnesses   []witness
	scrubAt     earshot.DayTime
	scrubShare  float64
	scrubRate   int64 // bytes a second
}

// iceServer is one --ice-server.
type iceServer struct{ URL, User, Password string }

// settle checks the flags and fills in what follows from others.
func (c serveCommand) settle() (settings, error) {
	s := settings{serveCommand: c}
	var err error
	if s.location, err = time.LoadLocation(c.Timezone); err != nil {
		return s, fmt.Errorf("--timezone: there is no zone %q", c.Timezone)
	}
	if s.retentionAt, err = earshot.ParseDayTime(c.Retention); err != nil {
		return s, fmt.Errorf("--retention-at: %w", err)
	}
	if err := s.settleScrub(); err != nil {
		return s, err
	}
	if s.Node == "" {
		host, err := os.Hostname()
		if err != nil || !earshot.ValidID(strings.ToLower(host)) {
			host = "node1"
		}
		s.Node = strings.ToLower(host)
	}
	if !earshot.ValidID(s.Node) {
		return s, fmt.Errorf("--node: a name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit, not %q", c.Node)
	}
	if s.ledgerName, s.witnesses, err = c.witnessFlags.settle(s.Node); err != nil {
		return s, err
	}
	if s.PublicURL != "" {
		u, err := url.Parse(s.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return s, fmt.Errorf("--public-url: %q is no http or https URL", c.PublicURL)
		}
		s.PublicURL = strings.TrimSuffix(s.PublicURL, "/")
	}
	if s.reserve, err = parseReserve(c.Reserve); err != nil {
		return s, err
	}
	if (c.Cert == "") != (c.Key == "") {
		return s, fmt.Errorf("--cert and --key go together")
	}
	if c.VoiceDBov < -127 || c.VoiceDBov > 0 {
		return s, fmt.Errorf("--voice-level: a level is between -127 and 0 dBov, not %d", c.VoiceDBov)
	}
	if c.VoiceEnd < time.Second {
		return s, fmt.Errorf("--voice-silence: at least 1s, not %s", c.VoiceEnd)
	}
	switch {
	case c.Index == "sqlite", strings.HasPrefix(c.Index, "postgres://"), strings.HasPrefix(c.Index, "postgresql://"):
	default:
		return s, fmt.Errorf("--index: sqlite or postgres://…, not %q", c.Index)
	}
	if c.Audio != "disk" {
		return s, fmt.Errorf("--audio: this version keeps audio on disk only, not at %q", c.Audio)
	}
	if c.Roles != "ingest,monitor" && c.Roles != "monitor,ingest" {
		return s, fmt.Errorf("--roles: this version does both in one process, ingest,monitor, not %q", c.Roles)
	}
	for _, text := range c.ICEServer {
		server, err := parseICEServer(text)
		if err != nil {
			return s, err
		}
		s.iceServers = append(s.iceServers, server)
	}
	return s, nil
}

func parseICEServer(text string) (iceServer, error) {
	fields := strings.Split(text, "|")
	scheme, host, _ := strings.Cut(fields[0], ":")
	known := map[string]int{"stun": 1, "stuns": 1, "turn": 3, "turns": 3}
	if host == "" || known[scheme] != len(fields) {
		return iceServer{}, fmt.Errorf("--ice-server: stun:HOST[:PORT] or turn:HOST[:PORT]|USER|PASSWORD, not %q", text)
	}
	server := iceServer{URL: fields[0]}
	if len(fields) == 3 {
		server.User, server.Password = fields[1], fields[2]
	}
	return server, nil
}

// voiceCut is how voice cuts calls at this site.
func (s settings) voiceCut() earshot.VoiceCut {
	cut := earshot.DefaultVoiceCut
	cut.LevelDBov, cut.Silence = s.VoiceDBov, s.VoiceEnd
	return cut
}
