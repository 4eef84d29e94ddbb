-- What a search for a part of a name reads, with regard to case or without: an
-- index has it by the number, in whose order a script's run states come.
ALTER TABLE device ADD COLUMN folded_name TEXT COLLATE BINARY NOT NULL DEFAULT ''; -- SQLite adds none without a default

UPDATE device SET folded_name = unicode_lower(device_name);

DROP INDEX device_by_number;
CREATE INDEX device_by_number ON device (number, folded_name, device_name, bucket);

-- With what tells the state. Every run changes an entry of this index anyway: so
-- the few that are pending, or are not any more, are found without another one.
DROP INDEX run_state_by_time;
CREATE INDEX run_state_by_time ON run_state (script, ran_at, device, bucket, state, revision);
