-- How many devices there are: under the script 0, which there is none of, beside
-- the counts of run states.
INSERT INTO run_count (bucket, script, revision, state, n, last_run)
SELECT bucket, 0, 0, 0, count(*), 0 FROM device GROUP BY bucket;
