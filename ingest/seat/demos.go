package seat

import (
	"bytes"
	"embed"
	"encoding/json"
	"sync"

	"earshot"
)

// demoFiles are made by scripts/make-demo of the texts in testdata/demo.
//
//go:embed demo
var demoFiles embed.FS

// Demo is a conversation made up for demonstration, with the seat it is held at.
type Demo struct {
	ID         string            `json:"id"`
	Title      string            `json:"zh"`
	TitleEn    string            `json:"en"`
	Seat       string            `json:"seat"` // id
	SeatName   string            `json:"seatZh"`
	SeatNameEn string            `json:"seatEn"`
	Kind       earshot.SeatKind  `json:"kind"`
	Direction  earshot.Direction `json:"direction"`
	Number     string            `json:"number"`
	Account    string            `json:"account"`
	Ticket     string            `json:"ticket"`
	Business   string            `json:"business"`
	Agent      earshot.Agent     `json:"-"`
}

// Demos are all conversations there are, each at a seat of its own.
var Demos = sync.OnceValue(func() []Demo {
	data, err := demoFiles.ReadFile("demo/demos.json")
	if err != nil {
		panic(err) // it is part of the program
	}
	var read []struct {
		Demo
		AgentID   string `json:"agentId"`
		AgentName string `json:"agentName"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		panic(err) // it is part of the program
	}
	demos := make([]Demo, len(read))
	for i, r := range read {
		demos[i] = r.Demo
		demos[i].Agent = earshot.Agent{ID: r.AgentID, Name: r.AgentName}
	}
	return demos
})

// Facts are what the agent would hand in about the call.
func (d Demo) Facts() earshot.CallPatch {
	return earshot.CallPatch{Direction: &d.Direction, Number: &d.Number, Account: &d.Account, Ticket: &d.Ticket, Business: &d.Business, Agent: &d.Agent}
}

// Audio is a side's .opus file.
func (d Demo) Audio(side earshot.Side) ([]byte, error) {
	return demoFiles.ReadFile("demo/" + d.ID + "-" + string(side) + ".opus")
}

// Script is the conversation, ready to be played.
func (d Demo) Script() (Script, error) {
	both, err := demoFiles.ReadFile("demo/" + d.ID + ".levels")
	if err != nil {
		return Script{}, err
	}
	var files []File
	for n, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		data, err := d.Audio(side)
		if err != nil {
			return Script{}, err
		}
		levels := make([]byte, 0, len(both)/2)
		for i := n; i < len(both); i += 2 {
			levels = append(levels, both[i])
		}
		files = append(files, File{Name: d.ID + "-" + string(side) + ".opus", Data: bytes.NewReader(data), Levels: levels})
	}
	return Load("", files...)
}
