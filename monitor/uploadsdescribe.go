package monitor

import (
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describeUploads enters the operations that are tus's into the description: they
// are served by net/http, for the sake of bodies that take hours.
func describeUploads(b *book) {
	text := func(in, name, about string, required bool) *huma.Param {
		return &huma.Param{Name: name, In: in, Required: required, Description: about, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	number := func(name, about string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Required: true, Description: about, Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}}
	}
	id, upload := text("path", "id", "", true), text("path", "u", "", true)
	version := text("header", "Tus-Resumable", "1.0.0", true)
	offset := number("Upload-Offset", "take it away only while it stands there, and nobody writes it")
	offset.Required = false
	for op, params := range map[string][]*huma.Param{
		"upload-options": {id},
		"begin-upload": {id, version, number("Upload-Length", "bytes of the file, at most 10 GB"),
			text("header", "Upload-Metadata", "path, and modified (ms since 1970): each a key, a space and its value in base64, with commas between; and the key recoded where the path was no UTF-8 before", true)},
		"get-upload":     {id, upload, version},
		"append-upload":  {id, upload, version, number("Upload-Offset", "where the body goes on")},
		"discard-upload": {id, upload, version, offset},
	} {
		operation := b.operation(op)
		operation.Parameters = params
		operation.Responses = map[string]*huma.Response{
			strconv.Itoa(operation.DefaultStatus): {Description: "Done", Headers: map[string]*huma.Param{
				"Upload-Offset": {Description: "what has arrived", Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}},
			}},
			"default": fileResponses()["default"],
		}
		if op == "append-upload" {
			operation.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
				tusMediaType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			}}
		}
		b.api.OpenAPI().AddOperation(&operation)
	}
}
