-- What lists of a script's run states are sorted and filtered by. Every report
-- changes the first of these, and one of another outcome the second: few states
-- are in it, so that most reports pass it by.

CREATE INDEX run_state_by_time ON run_state (script, ran_at, device);
CREATE INDEX run_state_by_fault ON run_state (script, revision, state, device) WHERE state = 2 OR state = 3;

-- What happened to a thing.
CREATE INDEX audit_event_by_object ON audit_event (object_id, id);
