package monitor

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
)

// pageFilter is what only the archive page knows to ask for: relative days,
// lengths in seconds, which columns are shown.
type pageFilter struct {
	Days     string `query:"days" maxLength:"20"`
	Shortest int    `query:"shortest" minimum:"0" maximum:"999999"`
	Longest  int    `query:"longest" minimum:"0" maximum:"999999"`
	Columns  string `query:"columns" maxLength:"400"`
}

// asksOfCalls says whether query is one of the archive page's addresses: filters
// that the page reads, with values that it takes. What it would pass over would
// open as a wider search than was saved.
func (s *Server) asksOfCalls(query string) error {
	asked, err := url.ParseQuery(query)
	if err != nil {
		return earshot.Fail(earshot.Invalid, "bad_search", "a search is what stands behind ? in the archive page's address").Because(err)
	}
	known := searchSchemas()
	for name, values := range asked {
		schema, is := known[name]
		if !is {
			return earshot.Fail(earshot.Invalid, "bad_search", "the archive page has no filter %q", name)
		}
		for _, value := range values {
			if !isText(value) || !takes(schema, value) {
				return earshot.Fail(earshot.Invalid, "bad_search", "the filter %q takes no %q", name, value)
			}
		}
	}
	for _, name := range []string{"from", "to"} {
		if _, err := time.Parse(time.DateOnly, asked.Get(name)); err != nil && asked.Get(name) != "" {
			return earshot.Fail(earshot.Invalid, "bad_time", "%s is a day as YYYY-MM-DD", name)
		}
	}
	return nil
}

// searchSchemas are what filters take, by their names.
func searchSchemas() map[string]*huma.Schema {
	registry := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	all := make(map[string]*huma.Schema)
	for _, filter := range []reflect.Type{reflect.TypeFor[callFilter](), reflect.TypeFor[pageFilter]()} {
		for i := range filter.NumField() {
			name, _, _ := strings.Cut(filter.Field(i).Tag.Get("query"), ",")
			switch name {
			case "", "total", "cursor", "limit": // of a page of answers
				continue
			case "minMs", "maxMs": // shortest, longest
				continue
			}
			all[name] = huma.SchemaFromField(registry, filter.Field(i), "")
		}
	}
	return all
}

// takes says whether a filter takes a value; none filters nothing.
func takes(schema *huma.Schema, text string) bool {
	if text == "" {
		return true
	}
	if schema.Type == huma.TypeArray {
		schema = schema.Items
	}
	var value any = text
	if schema.Type == huma.TypeInteger {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return false
		}
		value = float64(n)
	}
	found := &huma.ValidateResult{}
	huma.Validate(huma.NewMapRegistry("#/", huma.DefaultSchemaNamer), schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, found)
	return len(found.Errors) == 0
}
