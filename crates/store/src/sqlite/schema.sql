-- What is known. Times are Unix seconds; bodies are JSON text; space '' is the shared one.

CREATE TABLE records (
    space   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB NOT NULL,
    UNIQUE (space, kind, id)
) STRICT;

CREATE TABLE edges (
    sequence  INTEGER PRIMARY KEY,
    space     TEXT NOT NULL,
    link      TEXT NOT NULL,
    from_id   TEXT NOT NULL,
    to_id     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    UNIQUE (space, link, from_id, to_id)
) STRICT;
CREATE INDEX edges_by_tail ON edges (space, link, from_id, at DESC, sequence DESC);
CREATE INDEX edges_by_head ON edges (space, link, to_id, at DESC, sequence DESC);

CREATE TABLE facets (
    space TEXT NOT NULL,
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (space, kind, name, value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX facets_by_object ON facets (space, kind, id);

CREATE TABLE counters (
    account TEXT NOT NULL,
    quota   TEXT NOT NULL,
    window  INTEGER NOT NULL,
    used    INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (account, quota, window)
) STRICT, WITHOUT ROWID;

-- A job is claimable when its moment has come; a claim moves the moment to the end of the lease.
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    stage      TEXT NOT NULL,
    space      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    class      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    died_of    TEXT,
    UNIQUE (stage, space, kind, subject)
) STRICT;
CREATE INDEX jobs_by_turn ON jobs (class, id) WHERE died_of IS NULL;
