-- Written in SQLite's words; migrate.go says what PostgreSQL calls them.
-- Instants are 100 ns ticks since 0001-01-01T00:00:00Z.

CREATE TABLE installation (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    tenant_id  TEXT COLLATE BINARY NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE client (
    id          TEXT COLLATE BINARY PRIMARY KEY,
    name        TEXT COLLATE BINARY NOT NULL,
    permissions TEXT COLLATE BINARY NOT NULL, -- a JSON array of names
    created_at  BIGINT NOT NULL
);

CREATE TABLE client_secret (
    client_id  TEXT COLLATE BINARY NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    hash       TEXT COLLATE BINARY NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT, -- NULL: until it is rotated away
    PRIMARY KEY (client_id, hash)
);

CREATE TABLE signing_key (
    generation   BIGINT PRIMARY KEY,
    id           TEXT COLLATE BINARY NOT NULL,
    pkcs8        BLOB NOT NULL,
    published_at BIGINT NOT NULL,
    signs_from   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);

CREATE TABLE audit_event (
    id        INTEGER PRIMARY KEY, -- given by the database
    at        BIGINT NOT NULL,
    actor     TEXT COLLATE BINARY NOT NULL,
    activity  TEXT COLLATE BINARY NOT NULL,
    object_id TEXT COLLATE BINARY NOT NULL
);

CREATE TABLE script (
    id                      TEXT COLLATE BINARY PRIMARY KEY,
    revision                BIGINT NOT NULL,
    changes                 BIGINT NOT NULL,
    publisher               TEXT COLLATE BINARY,
    version                 TEXT COLLATE BINARY,
    description             TEXT COLLATE BINARY,
    display_name            TEXT COLLATE BINARY NOT NULL,
    run_as_account          TEXT COLLATE BINARY NOT NULL,
    enforce_signature_check BOOLEAN NOT NULL,
    run_as_32_bit           BOOLEAN NOT NULL,
    platform                TEXT COLLATE BINARY NOT NULL, -- '' where none was given
    role_scope_tag_ids      TEXT COLLATE BINARY NOT NULL, -- a JSON array
    created_at              BIGINT NOT NULL,
    modified_at             BIGINT NOT NULL
);

-- Apart from script, so that lists and changes of the narrow row never touch
-- what may be a megabyte.
CREATE TABLE script_content (
    script_id TEXT COLLATE BINARY PRIMARY KEY REFERENCES script (id) ON DELETE CASCADE,
    content   BLOB
);

-- The entry of run_summary with this sequence is the script's latest. Raising
-- it is also the lock under which a script's history grows.
CREATE TABLE run_summary_head (
    script_id TEXT COLLATE BINARY PRIMARY KEY REFERENCES script (id) ON DELETE CASCADE,
    sequence  BIGINT NOT NULL
);

CREATE TABLE run_summary (
    script_id                TEXT COLLATE BINARY NOT NULL REFERENCES run_summary_head (script_id) ON DELETE CASCADE,
    sequence                 BIGINT NOT NULL,
    id                       TEXT COLLATE BINARY NOT NULL,
    no_issue_detected        BIGINT NOT NULL,
    issue_detected           BIGINT NOT NULL,
    detection_script_error   BIGINT NOT NULL,
    detection_script_pending BIGINT NOT NULL,
    last_script_run          BIGINT NOT NULL,
    recorded_at              BIGINT NOT NULL,
    recorded_by              TEXT COLLATE BINARY NOT NULL,
    removed_at               BIGINT,
    removed_by               TEXT COLLATE BINARY,
    PRIMARY KEY (script_id, sequence)
);
