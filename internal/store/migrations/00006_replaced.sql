-- What the latest report replaced: the statement that writes a run state tells by
-- these what it no longer counts as.
ALTER TABLE run_state ADD COLUMN prev_revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN prev_state BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN prev_text BIGINT NOT NULL DEFAULT 0;
