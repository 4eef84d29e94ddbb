-- The SHA-256 of a script's content, which every agent is told, beside the script:
-- the content itself is only read by those that fetch it.
ALTER TABLE script ADD COLUMN content_hash BLOB NOT NULL DEFAULT '';

UPDATE script SET content_hash = sha256(coalesce(
    (SELECT c.content FROM script_content c WHERE c.script_id = script.id), CAST('' AS BLOB)));
