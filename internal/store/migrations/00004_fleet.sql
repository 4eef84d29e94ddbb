-- Devices, the sets they are put into, the assignments that reach them, and what
-- scripts found on them. What is written with every report stands under small
-- numbers rather than ids, and is spread over buckets: see plimsoll.DeviceBucket.

-- The last number that was given to a device, a set or an assignment.
CREATE TABLE fleet_number (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);

INSERT INTO fleet_number (id, number) VALUES (1, 0);

-- A script's number is that of its first change. runs_on tells the systems that
-- it is for: 1 Linux, 2 macOS, 4 Windows.
ALTER TABLE script ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE script ADD COLUMN runs_on BIGINT NOT NULL DEFAULT 0;

UPDATE script SET number = change_sequence, runs_on = CASE platform
    WHEN 'linux' THEN 1 WHEN 'macOS' THEN 2 WHEN 'windows10' THEN 4 ELSE coalesce((
        SELECT CASE WHEN substr(c.content, 1, 2) = CAST('#!' AS BLOB) THEN 3 ELSE 4 END
        FROM script_content c WHERE c.script_id = script.id), 4) END;

CREATE UNIQUE INDEX script_by_number ON script (number);

-- computed: the counts below are the script's summary. Entries of a computed
-- summary are thinned with time: thinned is how many are gone.
ALTER TABLE run_summary_head ADD COLUMN computed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE run_summary_head ADD COLUMN computed_id TEXT COLLATE BINARY NOT NULL DEFAULT '';
ALTER TABLE run_summary_head ADD COLUMN thinned BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run_summary ADD COLUMN computed BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE device (
    bucket              BIGINT NOT NULL,
    number              BIGINT NOT NULL,
    id                  TEXT COLLATE BINARY NOT NULL,
    changes             BIGINT NOT NULL,
    public_key          BLOB NOT NULL,
    enrollment_token_id TEXT COLLATE BINARY NOT NULL,
    instance            TEXT COLLATE BINARY NOT NULL, -- the agent's process that spoke last
    previous_instance   TEXT COLLATE BINARY NOT NULL,
    inventory_hash      TEXT COLLATE BINARY NOT NULL,
    system              BIGINT NOT NULL, -- as script.runs_on
    device_name         TEXT COLLATE BINARY NOT NULL,
    managed_device_name TEXT COLLATE BINARY NOT NULL,
    operating_system    TEXT COLLATE BINARY NOT NULL,
    os_version          TEXT COLLATE BINARY NOT NULL,
    manufacturer        TEXT COLLATE BINARY NOT NULL,
    model               TEXT COLLATE BINARY NOT NULL,
    serial_number       TEXT COLLATE BINARY NOT NULL,
    ethernet_mac        TEXT COLLATE BINARY NOT NULL,
    wifi_mac            TEXT COLLATE BINARY NOT NULL,
    user_id             TEXT COLLATE BINARY NOT NULL,
    user_principal_name TEXT COLLATE BINARY NOT NULL,
    user_display_name   TEXT COLLATE BINARY NOT NULL,
    email_address       TEXT COLLATE BINARY NOT NULL,
    category            TEXT COLLATE BINARY NOT NULL,
    notes               TEXT COLLATE BINARY NOT NULL,
    owner_type          TEXT COLLATE BINARY NOT NULL,
    role_scope_tag_ids  TEXT COLLATE BINARY NOT NULL, -- a JSON array
    is_encrypted        BOOLEAN NOT NULL,
    physical_memory     BIGINT NOT NULL,
    total_storage       BIGINT NOT NULL,
    free_storage        BIGINT NOT NULL,
    enrolled_at         BIGINT NOT NULL,
    last_sync_at        BIGINT NOT NULL,
    cloned_at           BIGINT,
    PRIMARY KEY (bucket, number)
);

CREATE UNIQUE INDEX device_by_id ON device (bucket, id);
CREATE INDEX device_by_number ON device (number);
CREATE INDEX device_by_name ON device (device_name, number);

-- Which keys are enrolled: of no bucket, so that none is twice.
CREATE TABLE device_key (
    public_key BLOB PRIMARY KEY,
    device_id  TEXT COLLATE BINARY NOT NULL,
    token_id   TEXT COLLATE BINARY NOT NULL
);

-- A set of devices: a group, or those that the rule of an assignment filter
-- selects.
CREATE TABLE device_set (
    number        BIGINT PRIMARY KEY,
    kind          TEXT COLLATE BINARY NOT NULL, -- group, filter; gone: being emptied
    id            TEXT COLLATE BINARY NOT NULL UNIQUE,
    changes       BIGINT NOT NULL,
    display_name  TEXT COLLATE BINARY NOT NULL,
    description   TEXT COLLATE BINARY,
    mail_nickname TEXT COLLATE BINARY NOT NULL,
    rule          TEXT COLLATE BINARY NOT NULL, -- '' where members are static
    paused        BOOLEAN NOT NULL,
    platform      TEXT COLLATE BINARY NOT NULL,
    scope_tags    TEXT COLLATE BINARY NOT NULL, -- a JSON array
    created_at    BIGINT NOT NULL,
    modified_at   BIGINT NOT NULL
);

CREATE TABLE device_set_member (
    bucket     BIGINT NOT NULL,
    device     BIGINT NOT NULL,
    device_set BIGINT NOT NULL,
    PRIMARY KEY (bucket, device, device_set)
) WITHOUT ROWID;

CREATE INDEX device_set_member_by_set ON device_set_member (device_set, device);

CREATE TABLE enrollment_token (
    id         TEXT COLLATE BINARY PRIMARY KEY,
    name       TEXT COLLATE BINARY NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    group_id   TEXT COLLATE BINARY NOT NULL, -- '' for none
    max_uses   BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE assignment (
    number          BIGINT PRIMARY KEY,
    id              TEXT COLLATE BINARY NOT NULL UNIQUE,
    script          BIGINT NOT NULL,
    target          TEXT COLLATE BINARY NOT NULL,
    device_set      BIGINT NOT NULL, -- of a group; 0 for none
    group_id        TEXT COLLATE BINARY NOT NULL,
    filter          BIGINT NOT NULL, -- 0 for none
    filter_id       TEXT COLLATE BINARY NOT NULL,
    filter_type     TEXT COLLATE BINARY NOT NULL,
    run_remediation BOOLEAN NOT NULL,
    schedule        TEXT COLLATE BINARY NOT NULL,
    run_interval    BIGINT NOT NULL,
    use_utc         BOOLEAN NOT NULL,
    run_time        BIGINT NOT NULL, -- ticks since midnight
    run_date        BIGINT,          -- ticks
    schedule_rank   BIGINT NOT NULL  -- of several that reach a device, the lowest holds
);

CREATE INDEX assignment_by_script ON assignment (script, number);
CREATE INDEX assignment_by_set ON assignment (device_set);
CREATE INDEX assignment_by_filter ON assignment (filter);

-- The latest run of each script on each device that it reaches. text tells
-- whether the output is another one: it is kept apart, as it seldom changes.
CREATE TABLE run_state (
    bucket     BIGINT NOT NULL,
    device     BIGINT NOT NULL,
    script     BIGINT NOT NULL,
    revision   BIGINT NOT NULL,
    state      BIGINT NOT NULL, -- as in Graph's runState
    sequence   BIGINT NOT NULL,
    ran_at     BIGINT NOT NULL, -- 0: never
    due_at     BIGINT NOT NULL, -- 0: unknown
    text       BIGINT NOT NULL, -- a hash of output and error; 0 for none
    assignment BIGINT NOT NULL, -- that reaches the device; 0: another runner reports it
    pushed     BOOLEAN NOT NULL, -- another runner reported it: it stays without an assignment
    PRIMARY KEY (bucket, device, script)
) WITHOUT ROWID;

CREATE INDEX run_state_by_script ON run_state (script, device);

CREATE TABLE run_output (
    bucket BIGINT NOT NULL,
    device BIGINT NOT NULL,
    script BIGINT NOT NULL,
    output TEXT COLLATE BINARY NOT NULL,
    error  TEXT COLLATE BINARY NOT NULL,
    PRIMARY KEY (bucket, device, script)
) WITHOUT ROWID;

-- How many rows of run_state there are of each kind. It has the script first: a
-- summary is then one range of rows. last_run is the latest run that was counted
-- here.
CREATE TABLE run_count (
    bucket   BIGINT NOT NULL,
    script   BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    state    BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    last_run BIGINT NOT NULL,
    PRIMARY KEY (script, bucket, revision, state)
) WITHOUT ROWID;

-- What is left to do in the background: all devices from the place (bucket,
-- device) on are to be held against a script's assignments, or a set's rule.
CREATE TABLE fleet_task (
    kind   TEXT COLLATE BINARY NOT NULL, -- script, set
    number BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    device BIGINT NOT NULL,
    PRIMARY KEY (kind, number)
);
