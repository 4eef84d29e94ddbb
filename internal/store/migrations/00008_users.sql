-- People who sign in. Of passwords, links, cookies and codes there is a hash.
CREATE TABLE user_account (
    id           TEXT COLLATE BINARY PRIMARY KEY,
    name         TEXT COLLATE BINARY NOT NULL,
    folded       TEXT COLLATE BINARY NOT NULL UNIQUE, -- the name without the case of its letters
    permissions  TEXT COLLATE BINARY NOT NULL, -- a JSON array of names
    password     TEXT COLLATE BINARY NOT NULL, -- '' where none is set
    created_at   BIGINT NOT NULL,
    signed_in_at BIGINT
);

CREATE TABLE user_invitation (
    user_id    TEXT COLLATE BINARY PRIMARY KEY REFERENCES user_account (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE sign_in_session (
    hash       BLOB PRIMARY KEY,
    user_id    TEXT COLLATE BINARY NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sign_in_session_by_user ON sign_in_session (user_id);
CREATE INDEX sign_in_session_by_expiry ON sign_in_session (expires_at);

CREATE TABLE authorization_code (
    hash         BLOB PRIMARY KEY,
    session_hash BLOB NOT NULL REFERENCES sign_in_session (hash) ON DELETE CASCADE,
    client_id    TEXT COLLATE BINARY NOT NULL,
    redirect_uri TEXT COLLATE BINARY NOT NULL,
    challenge    TEXT COLLATE BINARY NOT NULL,
    nonce        TEXT COLLATE BINARY NOT NULL,
    scopes       TEXT COLLATE BINARY NOT NULL, -- a JSON array
    expires_at   BIGINT NOT NULL
);

CREATE INDEX authorization_code_by_session ON authorization_code (session_hash);

-- Wrong passwords since the last right one, by the hash of the folded name,
-- whether there is such a user or not.
CREATE TABLE sign_in_attempt (
    name         BLOB PRIMARY KEY,
    wrong        BIGINT NOT NULL,
    blocked_till BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);

CREATE INDEX sign_in_attempt_by_expiry ON sign_in_attempt (expires_at);

-- When the first of all users signed in. Until then a server that starts sees to
-- it that somebody can.
ALTER TABLE installation ADD COLUMN signed_in_at BIGINT;
