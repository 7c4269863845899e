package main

import (
	"context"
	"path/filepath"
	"sync"

	"earshot"
	"earshot/storage"
)

// openPackages starts the maker of evidence packages.
func (a *app) openPackages(context.Context) (err error) {
	a.packages, err = storage.OpenPackages(storage.PackageOptions{
		Archive: a.archive, Ledger: a.ledger, Dir: filepath.Join(a.settings.Data, "packages"),
		Site: a.settings.SiteName, Software: "earshot " + version, Location: a.settings.location, Now: a.now, Log: a.log,
		Made: func(ctx context.Context, p earshot.Package, call earshot.PackageCall) error {
			return a.index.AddAudit(ctx, storage.ExportRow(p, call, a.now()))
		},
	})
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.packages.Run(ctx) })
	a.atEnd(func(context.Context) error {
		end()
		running.Wait()
		return a.packages.Close()
	})
	return nil
}
