package main

import (
	"context"
	"io"
	"time"

	"earshot/ingest/bench"
)

type benchCommand struct {
	Seats  benchSeats  `cmd:"" help:"What seats of two tracks cost: processor, memory, loss, delay."`
	Fill   benchFill   `cmd:"" help:"Fill an index with calls to measure searches by."`
	Search benchSearch `cmd:"" help:"How long searches take, by each filter and each pair of filters."`
}

type benchSeats struct {
	Seats     int           `arg:"" help:"How many." default:"50"`
	Listeners int           `help:"Listeners on the first seats, both sides each." default:"10"`
	For       time.Duration `help:"How long is measured." default:"20s"`
	Inject    bool          `help:"Hand the packets in behind the wire, in this process."`
	Against   string        `help:"A MediaMTX binary that records the same load afterwards, to compare with." placeholder:"FILE"`
	Kill      bool          `help:"With --inject: kill a process that records the same, and bring its calls back."`
	OpenFor   time.Duration `help:"With --inject --kill: every fifth call has been open for so long, by a fast clock; times a server's start on what is left." placeholder:"3h"`
	Data      string        `help:"Keep the recordings in this folder." placeholder:"DIR"`
}

// Run measures and prints.
func (c benchSeats) Run(ctx context.Context, out io.Writer) error {
	return bench.Seats(ctx, bench.Options{Seats: c.Seats, Listeners: c.Listeners, For: c.For, Against: c.Against, Inject: c.Inject, Kill: c.Kill, OpenFor: c.OpenFor, Data: c.Data}, out)
}
