package store

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"path"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"plimsoll"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate applies what is missing of the migrations, each in a transaction, and
// all under one lock: PostgreSQL's advisory lock, or a lock file beside the
// SQLite file.
func (s *Store) migrate(ctx context.Context, address string) error {
	migrations, err := s.migrations()
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true)}
	engine := goose.DialectSQLite3
	if s.dialect.name == "postgres" {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		engine, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	} else {
		file := flock.New(address[len("sqlite:"):] + ".lock")
		if err := file.Lock(); err != nil {
			return err
		}
		defer file.Close()
	}
	provider, err := goose.NewProvider(engine, s.write, nil, options...)
	if err != nil {
		return err
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return plimsoll.Errorf(plimsoll.Conflict, "The store's schema is of version %d, and this program knows those up to %d: "+
			"use the newer program that made it.", current, newest)
	}
	_, err = provider.Up(ctx)
	return err
}

// migrations turns each file into a migration in the engine's own words.
func (s *Store) migrations() ([]*goose.Migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	all := make([]*goose.Migration, 0, len(names))
	for _, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		version, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			return nil, err
		}
		statements := s.dialect.words.Replace(string(text))
		all = append(all, goose.NewGoMigration(version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statements)
				return err
			},
		}, nil))
	}
	return all, nil
}
