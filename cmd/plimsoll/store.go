package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"plimsoll"
	"plimsoll/internal/store"
)

// storeAddress gives --store, or its default in the folder of --data.
func (c *commandLine) storeAddress() string {
	if c.Store != "" {
		return c.Store
	}
	return "sqlite:" + filepath.Join(c.Data, "plimsoll.db")
}

// openStore opens the store, and makes it where there is none.
func (c *commandLine) openStore(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, c.storeAddress())
}

// openExisting opens the store for a command that has no use for a new one: a
// mistyped path is then an error, and not a file.
func (c *commandLine) openExisting(ctx context.Context) (*store.Store, error) {
	if path, ok := strings.CutPrefix(c.storeAddress(), "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, plimsoll.Errorf(plimsoll.NotFound,
				"there is no store at %s; name it with --data or --store", path)
		}
	}
	return c.openStore(ctx)
}
