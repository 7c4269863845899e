package monitor

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describeFiles enters the operations that answer bytes into the description;
// they are served by net/http, for the sake of Range.
func describeFiles(api *huma.OpenAPI, b *book) {
	id := &huma.Param{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	n := &huma.Param{Name: "n", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}}
	download := &huma.Param{Name: "download", In: "query", Description: "1: as a file, which needs the permission to download",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"1"}}}
	ms := func(name string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: "of an excerpt, on the call's timeline",
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}}
	}
	begin := &huma.Param{Name: "startMs", In: "query", Description: "where on the call's timeline a part of Opus or MP3 is to begin, for playing; in ranges like the part itself",
		Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}}
	reason := &huma.Param{Name: "reason", In: "query", Description: "why it is taken, for the audit", Schema: &huma.Schema{Type: huma.TypeString}}
	for op, params := range map[string][]*huma.Param{
		"get-part-audio":    {id, n, ms("fromMs"), ms("toMs"), begin, download, reason},
		"get-call-audio":    {id, ms("fromMs"), ms("toMs"), download, reason},
		"get-part-playable": {id, n},
	} {
		operation := b.operation(op)
		operation.Parameters = params
		operation.Responses = fileResponses("audio/ogg", "audio/wav", "audio/mpeg")
		api.AddOperation(&operation)
	}
	pack := b.operation("get-package-file")
	pack.Parameters, pack.Responses = []*huma.Param{id}, fileResponses("application/zip", "application/octet-stream")
	api.AddOperation(&pack)
}

func fileResponses(types ...string) map[string]*huma.Response {
	content := map[string]*huma.MediaType{}
	for _, t := range types {
		content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
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
