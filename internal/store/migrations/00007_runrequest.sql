-- The latest request to run the script on the device at once; 0 for none.
ALTER TABLE run_state ADD COLUMN requested BIGINT NOT NULL DEFAULT 0;
