package store

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"plimsoll"
	"plimsoll/internal/query"
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
	lowerFrom, lowerTo := caseTable(unicode.ToLower)
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	return &Store{readers: db, write: db, listening: config, searches: make(chan struct{}, postgresConnections/2), dialect: dialect{
		name:    "postgres",
		arrays:  true,
		rows:    "json_array_elements($1::json) AS input(value)",
		lockRow: " FOR UPDATE",
		lockAll: "LOCK TABLE script_change, script, fleet_number, fleet_task, run_summary_head IN EXCLUSIVE MODE",
		words: strings.NewReplacer(" WITHOUT ROWID", "", "COLLATE BINARY", `COLLATE "C"`, "BLOB", "BYTEA",
			"INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
			"unicode_lower(device_name)", fmt.Sprintf("translate(device_name, '%s', '%s')", lowerFrom, lowerTo)),
		byIndex:   "SELECT set_config('enable_seqscan', 'off', true), set_config('join_collapse_limit', '1', true)",
		knows:     true,
		number:    "CAST(input.value #>> '{}' AS bigint)",
		stepPairs: 4000,
		counted:   "WITH made AS (%s) SELECT script, state, count(*) FROM made GROUP BY script, state",
		binary:    "bytea", collate: ` COLLATE "C"`, position: "strpos(%s, %s)",
		elements:   "json_array_elements_text(CAST(%s AS json)) AS %s(value)",
		once:       []any{pgx.QueryExecModeExec},
		changeCase: postgresCases(),
	}}, nil
}

// postgresCases has each character translated as Unicode is known here: what
// lower and upper make of one beyond ASCII depends on the server's libraries.
func postgresCases() func(c *compiler, e *query.Expr) string {
	lowerFrom, lowerTo := caseTable(unicode.ToLower)
	upperFrom, upperTo := caseTable(unicode.ToUpper)
	return func(c *compiler, e *query.Expr) string {
		function, from, to := "lower", lowerFrom, lowerTo
		if e.Op == query.ToUpper {
			function, from, to = "upper", upperFrom, upperTo
		}
		return c.let(func(v ...string) string {
			return fmt.Sprintf("CASE WHEN octet_length(%[1]s) = char_length(%[1]s) THEN %[2]s(%[1]s) ELSE translate(%[1]s, %[3]s, %[4]s) END",
				v[0], function, c.bind(from, query.String), c.bind(to, query.String))
		}, e.Args...)
	}
}

// caseTable gives the characters that change, and what each becomes.
func caseTable(change func(rune) rune) (from, to string) {
	var old, changed strings.Builder
	last := unicode.CaseRanges[len(unicode.CaseRanges)-1].Hi
	for char := range rune(last + 1) { //nolint:gosec // no character is above an int32
		if other := change(char); other != char {
			old.WriteRune(char)
			changed.WriteRune(other)
		}
	}
	return old.String(), changed.String()
}
