-- The changes of scripts, numbered in the order in which they become visible:
-- scriptchange.go says how. A script has the number of its latest change.

CREATE TABLE script_change (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL -- the last number that was given
);

INSERT INTO script_change (id, sequence) SELECT 1, count(*) FROM script;

ALTER TABLE script ADD COLUMN change_sequence BIGINT NOT NULL DEFAULT 0; -- SQLite adds none without a default

UPDATE script SET change_sequence = numbered.sequence
FROM (SELECT id, row_number() OVER (ORDER BY modified_at, id) AS sequence FROM script) AS numbered
WHERE numbered.id = script.id;

CREATE UNIQUE INDEX script_change_sequence ON script (change_sequence);

-- A script that was deleted leaves this behind.
CREATE TABLE script_removed (
    sequence BIGINT PRIMARY KEY,
    id       TEXT COLLATE BINARY NOT NULL
);
