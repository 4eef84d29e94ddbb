-- What lists of scripts are sorted and filtered by. Where a column may be NULL,
-- the index has to say where NULLs stand, as the lists do.

CREATE INDEX script_by_display_name ON script (display_name, id);
CREATE INDEX script_by_created_at ON script (created_at, id);
CREATE INDEX script_by_modified_at ON script (modified_at, id);
CREATE INDEX script_by_publisher ON script (publisher NULLS FIRST, id);
