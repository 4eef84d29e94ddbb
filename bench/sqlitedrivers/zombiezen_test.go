package sqlitedrivers

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// zombiezenStore keeps a pool of connections, each of which caches its prepared statements.
type zombiezenStore struct{ pool *sqlitex.Pool }

func openZombiezen(path string, conns int) (store, error) {
	if err := setFdatasync(false); err != nil {
		return nil, err
	}
	pool, err := sqlitex.NewPool(path, sqlitex.PoolOptions{PoolSize: conns, PrepareConn: configure})
	if err != nil {
		return nil, err
	}
	s := zombiezenStore{pool}
	return s, s.with(func(c *sqlite.Conn) error { return sqlitex.ExecuteScript(c, schema, nil) })
}

// configure runs the pragmas one by one: a script would wrap them in a savepoint, where
// synchronous can't be set. WAL is the pool's default.
func configure(c *sqlite.Conn) error {
	for _, p := range []string{"busy_timeout = 5000", "synchronous = full", "foreign_keys = on"} {
		if err := sqlitex.ExecuteTransient(c, "PRAGMA "+p, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s zombiezenStore) with(do func(*sqlite.Conn) error) error {
	c, err := s.pool.Take(context.Background())
	if err != nil {
		return err
	}
	defer s.pool.Put(c)
	return do(c)
}

func (s zombiezenStore) insert(first, n int64) error {
	return s.with(func(c *sqlite.Conn) (err error) {
		end, err := sqlitex.ImmediateTransaction(c)
		if err != nil {
			return err
		}
		defer end(&err)
		write, err := c.Prepare(insertSQL)
		if err != nil {
			return err
		}
		for device := first; device < first+n; device++ {
			write.BindInt64(1, device%buckets)
			write.BindInt64(2, device)
			write.BindText(3, state)
			write.BindInt64(4, device)
			_, err := write.Step()
			if err := errors.Join(err, write.Reset()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s zombiezenStore) find(device int64) (got string, err error) {
	err = s.with(func(c *sqlite.Conn) error {
		query, err := c.Prepare(selectSQL)
		if err != nil {
			return err
		}
		query.BindInt64(1, device%buckets)
		query.BindInt64(2, device)
		got, err = sqlitex.ResultText(query)
		return err
	})
	return got, err
}

func (s zombiezenStore) close() error { return s.pool.Close() }
