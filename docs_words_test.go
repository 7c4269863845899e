package earshot_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// notForPages are failures that nobody meets on a page, and who meets them.
var notForPages = []string{
	// programs that speak to the API: pages send nothing of the kind
	"bad_cursor", "bad_limit", "bad_call", "bad_ref", "bad_duration", "bad_result", "bad_method", "unsupported",
	"not_acceptable", "bad_tracks", "bad_media_type", "bad_sdp", "bad_body", "bad_side", "too_long", "no_resource", "stale_etag",
	// who starts the server, or mends its data, on the command line
	"bad_day_time", "bad_index_url", "backup_newer", "bad_backup", "branch_circle", "no_authority", "folder_locked",
	"folder_unreadable", "folder_unwritable", "journal_open", "bad_file_name", "file_exists", "file_shorter",
	// our own code, which handles them
	"not_counted", "index_unreachable", "live", "kept", "clock_doubtful", "no_agent",
	// a file that is brought in: its table has words of its own for these
	"start_unknown", "start_in_future",
}

// TestPagesSayEveryFailure: whatever can go wrong on a page is said in the
// language that it is read in.
func TestPagesSayEveryFailure(t *testing.T) {
	var codes []string
	for _, sources := range []string{
		"*.go", "monitor/*.go", "monitor/live/*.go", "monitor/people/*.go", "storage/*.go", "storage/index/*.go", "storage/files/*.go",
		"ingest/floor.go", "ingest/signal.go", "ingest/recorder/recorder.go",
	} {
		codes = append(codes, wordsIn(t, sources, `Fail\((?:earshot\.)?\w+,\s*"(\w+)"`)...)
	}
	codes = append(codes, wordsIn(t, "monitor/*.go", `Code(?:: | = )"(\w+)"`)...)
	if len(codes) < 100 {
		t.Fatalf("only %d failures were found: is the pattern still right?", len(codes))
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for _, language := range []string{"zh-CN", "en"} {
		text, err := os.ReadFile("web/src/i18n/" + language + "/errors.ts")
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codes {
			said := regexp.MustCompile(`(?m)^  ` + code + `:`).Match(text)
			switch exempt := slices.Contains(notForPages, code); {
			case !said && !exempt:
				t.Errorf("%s: nothing is said of %s", language, code)
			case said && exempt:
				t.Errorf("%s: %s is said to be for no page", language, code)
			}
		}
	}
	for _, code := range notForPages {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is no failure any more", code)
		}
	}
}
