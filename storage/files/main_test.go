package files

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also plays the second process that some tests need.
func TestMain(m *testing.M) {
	if play, ok := plays[os.Getenv("FILES_TEST_PLAY")]; ok {
		if err := play(os.Getenv("FILES_TEST_DIR")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// plays are what a second process can be told to do in a folder.
var plays = map[string]func(dir string) error{
	"open": func(dir string) error {
		s, err := Open(dir, Options{})
		if err != nil {
			return err
		}
		return s.Close()
	},
	"die":   dieAtStep,
	"work":  workUntilKilled,
	"tape":  tapeUntilKilled,
	"group": dieInAGroup,
}
