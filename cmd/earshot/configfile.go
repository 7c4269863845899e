package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// configFile reads the file that --config names: a JSON object with flags by
// name, without the dashes in front. A flag on the command line counts more, then
// its variable. kong's own reader knows neither names with a dash in them nor
// keys that are no flag.
func configFile(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	decoder := json.NewDecoder(r)
	if err := decoder.Decode(&values); err != nil {
		return nil, fmt.Errorf("--config: the file is no JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("--config: something follows the JSON object")
	}
	c := config{}
	for key, value := range values {
		c[strings.ReplaceAll(key, "_", "-")] = value
	}
	return c, nil
}

// config is what a file says, by flag.
type config map[string]any

// Resolve answers what the file says of flag.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, variable := range flag.Envs {
		if os.Getenv(variable) != "" {
			return nil, nil
		}
	}
	return c[flag.Name], nil
}

// Validate complains of a key that is no command's flag: a misspelt one would
// otherwise be passed over in silence.
func (c config) Validate(app *kong.Application) error {
	known := map[string]bool{}
	// It fails only where the visitor does.
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	for key := range c {
		if !known[key] {
			return fmt.Errorf("--config: there is no flag %q", key)
		}
	}
	return nil
}
