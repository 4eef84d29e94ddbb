package store

import (
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"plimsoll"
)

// postgresConnections bounds what one server holds open. Reports share
// transactions, so that few connections carry many clients.
const postgresConnections = 16

func openPostgres(address string) (*Store, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The library's error may hold the address, and so its password.
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"The store's address cannot be read: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	return &Store{readers: db, write: db, dialect: dialect{
		name:    "postgres",
		rows:    "json_array_elements($1::json) AS input(value)",
		lockRow: " FOR UPDATE",
		lockAll: "LOCK TABLE script_change, run_summary_head IN EXCLUSIVE MODE",
		words: strings.NewReplacer("COLLATE BINARY", `COLLATE "C"`, "BLOB", "BYTEA",
			"INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
	}}, nil
}
