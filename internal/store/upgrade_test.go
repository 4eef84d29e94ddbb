package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pressly/goose/v3"

	"plimsoll"
	"plimsoll/internal/store/pgtest"
)

// TestUpgradeNumbersScripts has a store that was made before changes were
// numbered: whoever follows them from the beginning gets each script once.
func TestUpgradeNumbersScripts(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db"), "postgres": pgtest.URL(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			makeOld(t, address, 1, `INSERT INTO installation (id, tenant_id, created_at) VALUES (1, 'x', 1)`,
				oldScript("c", "1"), oldScript("b", "5"), oldScript("a", "5"), oldScript("d", "3"),
				`INSERT INTO script_content (script_id, content) SELECT id, NULL FROM script`,
				`INSERT INTO run_summary_head (script_id, sequence) SELECT id, 0 FROM script`)
			s, err := Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			wantNumbered(t, s, "c", "d", "a", "b")
			if _, err = s.UpdateScript(t.Context(), "d", func(*plimsoll.Script) error { return nil }, plimsoll.AuditEvent{}); err != nil {
				t.Error(err)
			}
			wantNumbered(t, s, "c", "a", "b", "d")
			if v, err := s.Verify(t.Context()); err != nil || v.Scripts != 4 || v.Differences != nil {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

// TestUpgradeCountsDevices has a store that was made before devices were counted.
func TestUpgradeCountsDevices(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db"), "postgres": pgtest.URL(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			makeOld(t, address, 7, oldDevice(1, 1), oldDevice(1, 2), oldDevice(63, 3))
			s, err := Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if f, err := s.FleetState(t.Context()); err != nil || f.Devices != 3 {
				t.Errorf("%+v, %v", f, err)
			}
			names, err := collect(t.Context(), s.read, column[string], "SELECT folded_name FROM device ORDER BY number LIMIT 1")
			if err != nil || !slices.Equal(names, []string{`ärger "1" σ`}) {
				t.Error(names, err)
			}
			lines, err := collect(t.Context(), s.read, column[string], checkDevices)
			if err != nil || lines != nil {
				t.Error(lines, err)
			}
		})
	}
}

func oldDevice(bucket, number int) string {
	return fmt.Sprintf(`INSERT INTO device (bucket, number, id, changes, public_key, enrollment_token_id, instance, previous_instance,
			inventory_hash, system, device_name, managed_device_name, operating_system, os_version, manufacturer, model,
			serial_number, ethernet_mac, wifi_mac, user_id, user_principal_name, user_display_name, email_address, category,
			notes, owner_type, role_scope_tag_ids, is_encrypted, physical_memory, total_storage, free_storage, enrolled_at, last_sync_at)
		VALUES (%d, %d, 'device %[2]d', 1, '', '', '', '', '', 1, 'ÄRGER "%[2]d" Σ', '', 'Linux', '', '', '', '', '', '', '', '', '', '', '', '', 'company', '[]',
			true, 1, 2, 3, 4, 5)`, bucket, number)
}

func oldScript(id, modified string) string {
	return `INSERT INTO script (id, revision, changes, display_name, run_as_account, enforce_signature_check,
		run_as_32_bit, platform, role_scope_tag_ids, created_at, modified_at)
		VALUES ('` + id + `', 1, 1, 'x', 'system', false, false, '', '[]', 1, ` + modified + `)`
}

// makeOld makes a store of an earlier version, and fills it.
func makeOld(t *testing.T, address string, version int64, statements ...string) {
	t.Helper()
	s, err := connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	migrations, err := s.migrations()
	if err != nil {
		t.Fatal(err)
	}
	migrations = slices.DeleteFunc(migrations, func(m *goose.Migration) bool { return m.Version > version })
	engine := map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres}[s.dialect.name]
	provider, err := goose.NewProvider(engine, s.write, nil,
		goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := s.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(statement, err)
		}
	}
}

func wantNumbered(t *testing.T, s *Store, want ...string) {
	t.Helper()
	changes, more, err := s.ScriptChanges(t.Context(), 0, 0, nil, 100, 1<<20)
	var got []string
	for _, c := range changes {
		got = append(got, c.ID)
	}
	last, lastErr := s.LastScriptChange(t.Context())
	if !slices.Equal(got, want) || more || errors.Join(err, lastErr) != nil || changes[len(changes)-1].Sequence != last {
		t.Errorf("%q, want %q; the last is %d, %v", got, want, last, errors.Join(err, lastErr))
	}
}
