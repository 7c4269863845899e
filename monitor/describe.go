package monitor

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describeAudio enters the two operations that answer bytes into the
// description; they are served by net/http, for the sake of Range.
func describeAudio(api *huma.OpenAPI, b *book) {
	id := &huma.Param{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	n := &huma.Param{Name: "n", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}}
	download := &huma.Param{Name: "download", In: "query", Description: "1: as a file, which needs the permission to download",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"1"}}}
	ms := func(name string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: "of an excerpt, on the call's timeline",
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}}
	}
	for op, params := range map[string][]*huma.Param{
		"get-part-audio": {id, n, download},
		"get-call-audio": {id, ms("fromMs"), ms("toMs"), download},
	} {
		operation := b.operation(op)
		operation.Parameters = params
		operation.Responses = audioResponses()
		api.AddOperation(&operation)
	}
}

func audioResponses() map[string]*huma.Response {
	bytes := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	content := map[string]*huma.MediaType{"audio/ogg": bytes, "audio/wav": bytes}
	responses := map[string]*huma.Response{
		"default": {Description: "Error", Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
		}},
	}
	for _, status := range []int{http.StatusOK, http.StatusPartialContent} {
		responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: content}
	}
	return responses
}
