package earshot

import "fmt"

// TrackKind says what a part's file holds.
type TrackKind string

// What a part can hold.
const (
	TrackBoth     TrackKind = "both"     // two channels: agent left, customer right
	TrackSwapped  TrackKind = "swapped"  // two channels: customer left, agent right, as some older recorders have it
	TrackAgent    TrackKind = "agent"    // one side
	TrackCustomer TrackKind = "customer" // one side
	TrackMixed    TrackKind = "mixed"    // one channel, sides not apart
	TrackHelper   TrackKind = "helper"   // what a supervisor said to the agent
)

// Part is one audio file of a call.
type Part struct {
	N          int          `json:"n"`    // from 1, in the order of their starts
	File       string       `json:"file"` // the file's name below the audio folder, with slashes
	Track      TrackKind    `json:"track"`
	Codec      Codec        `json:"codec"`
	Channels   int          `json:"channels"`
	StartMs    int64        `json:"startMs"` // on the call's timeline
	DurationMs int64        `json:"durationMs"`
	Bytes      int64        `json:"bytes"`
	SHA256     string       `json:"sha256"` // hex; empty until the file is complete
	Clock      []ClockPoint `json:"clock"`
}

// ClockPoint ties a place in a part's file to the wall clock; between two
// points time is linear.
type ClockPoint struct {
	FileMs int64 `json:"fileMs"`
	At     Time  `json:"at" format:"date-time"`
}

// AudioType is the media type of a part's file.
func (p Part) AudioType() string {
	switch p.Codec {
	case Opus:
		return "audio/ogg"
	case MP3:
		return "audio/mpeg"
	}
	return "audio/wav"
}

// AudioFolder is where the files of a call lie below the audio folder, by the
// day its id was made in, in UTC: 2026/11/21.
func AudioFolder(call string) string {
	t, _ := IDTime(call)
	return t.Format("2006/01/02")
}

// PartFile is the name of a part's file below the audio folder.
func PartFile(call string, n int, codec Codec) string {
	ext := "wav"
	switch codec {
	case Opus:
		ext = "opus"
	case MP3:
		ext = "mp3"
	}
	return fmt.Sprintf("%s/%s-%d.%s", AudioFolder(call), call, n, ext)
}

// LevelsFile is the name of a part's levels below the audio folder.
func LevelsFile(call string, n int) string {
	return fmt.Sprintf("%s/%s-%d.levels", AudioFolder(call), call, n)
}

// CallFile is the name of the file that has all that is known of a call.
func CallFile(call string) string { return AudioFolder(call) + "/" + call + ".json" }

// LevelStepMs is how much audio one level byte stands for.
const LevelStepMs = 100

// Levels are a call's levels over its timeline: a byte a side each step, −dBov,
// LevelGap where there is no audio.
type Levels struct {
	StepMs   int    `json:"stepMs"`
	Agent    []byte `json:"agent"`
	Customer []byte `json:"customer"`
}
