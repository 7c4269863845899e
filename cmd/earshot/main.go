// Command earshot records and monitors service counters and hotlines. It only
// wires: every rule lives in the packages it joins.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

// commands are the subcommands and their flags. Each flag is also the variable
// EARSHOT_… and a key of the file named by --config.
type commands struct {
	Config kong.ConfigFlag `help:"JSON file with flags by name." placeholder:"FILE" env:"EARSHOT_CONFIG"`

	Serve   serveCommand   `cmd:"" help:"Record, index, and serve the dashboard."`
	Seat    seatCommand    `cmd:"" help:"Play audio files as a seat, over real WebRTC."`
	User    userCommand    `cmd:"" help:"Add users, set passwords, list users."`
	Import  importCommand  `cmd:"" help:"Bring in MP3 and WAV files of older recorders."`
	Verify  verifyCommand  `cmd:"" help:"Check audio, call files, index and ledger against one another."`
	Analyse analyseCommand `cmd:"" help:"Judge stored calls anew by the thresholds that are set."`
	Reindex reindexCommand `cmd:"" help:"Bring calls back into the index from the files beside the audio."`
	Backup  backupCommand  `cmd:"" help:"Back up what the files cannot give back: people, seats, policies, audit."`
	Restore restoreCommand `cmd:"" help:"Put a back-up back."`
	Ledger  ledgerCommand  `cmd:"" help:"Show the ledger's head and keys, change its key."`
	Check   checkCommand   `cmd:"" help:"Verify an evidence package, offline."`
	Bench   benchCommand   `cmd:"" help:"Measure."`
	Openapi openapiCommand `cmd:"" help:"Print the API's description." hidden:""`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program: its exit status is 0, or 1 after one line on stderr
// that says what was wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	exited := -1
	var all commands
	parser, err := kong.New(&all,
		kong.Name("earshot"),
		kong.Description("声鉴 Earshot: records and monitors service counters and hotlines."),
		kong.Configuration(configFile),
		kong.DefaultEnvars("EARSHOT"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)),
	)
	if err != nil {
		return complain(stderr, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if exited >= 0 { // --help was asked for and has been printed
		return exited
	}
	if err != nil {
		return complain(stderr, err)
	}
	if err := chosen.Run(); err != nil && !errors.Is(err, context.Canceled) {
		return complain(stderr, err)
	}
	return 0
}

// complain prints err as one line.
func complain(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "earshot: "+strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
	return 1
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(out io.Writer) error {
	_, err := fmt.Fprintln(out, "earshot", version)
	return err
}
