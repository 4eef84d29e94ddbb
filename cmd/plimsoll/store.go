package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
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

// storeName names the store for people: whole, and without the password and the
// options that its address may hold.
func (c *commandLine) storeName() string {
	address := c.storeAddress()
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		return "sqlite:" + path
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return "postgres"
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}

// isNew tells whether opening the store would make its file.
func (c *commandLine) isNew() bool {
	path, ok := strings.CutPrefix(c.storeAddress(), "sqlite:")
	if !ok {
		return false
	}
	file, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && file.Size() == 0
}

// openStore opens the store, and makes it where there is none.
func (c *commandLine) openStore(ctx context.Context) (*store.Store, error) {
	s, err := store.Open(ctx, c.storeAddress())
	if err != nil && plimsoll.ErrorCode(err) != plimsoll.Invalid {
		err = fmt.Errorf("%s: %w", c.storeName(), err)
	}
	return s, err
}

// openExisting opens the store for a command that has no use for a new one: a
// mistyped path is then an error, and not a file.
func (c *commandLine) openExisting(ctx context.Context) (*store.Store, error) {
	if c.isNew() {
		return nil, plimsoll.Errorf(plimsoll.NotFound,
			"there is no store at %s; name it with --data or --store", c.storeName())
	}
	return c.openStore(ctx)
}
