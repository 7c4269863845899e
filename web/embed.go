// Package web holds the dashboard and the seat page as they were built into
// web/dist.
//
// dist is not under version control but for an empty .gitkeep, which keeps the
// embedding valid in a tree where nothing was built yet (public/.gitkeep puts it
// back after a build); such a binary serves a page that says how to build.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

//go:embed placeholder
var placeholder embed.FS

// Assets are the built pages: index.html, seat.html and the files they need; or
// the placeholder pages where nothing was built.
func Assets() fs.FS {
	if _, err := fs.Stat(dist, "dist/index.html"); err == nil {
		return below(dist, "dist")
	}
	return below(placeholder, "placeholder")
}

// Built says whether the dashboard itself is in this binary.
func Built() bool {
	_, err := fs.Stat(dist, "dist/index.html")
	return err == nil
}

// below is fs.Sub for a folder that is part of the program.
func below(files embed.FS, folder string) fs.FS {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // only an invalid name does that
	}
	return sub
}
