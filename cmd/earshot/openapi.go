package main

import (
	"io"

	"earshot/monitor"
)

type openapiCommand struct{}

// Run prints the API's description, from which the dashboard's types are made.
func (openapiCommand) Run(out io.Writer) error {
	data, err := monitor.OpenAPI()
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}
