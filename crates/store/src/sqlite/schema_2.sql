-- Second step: portions of counters that nodes hold, usage figures, jobs by stage.

-- What a node has taken from a counter and not handed out. Below `returns` nothing was handed out: that much goes back
-- to the counter when nobody extends the lease beyond `until`.
CREATE TABLE leases (
    node    TEXT NOT NULL,
    account TEXT NOT NULL,
    quota   TEXT NOT NULL,
    window  INTEGER NOT NULL,
    returns INTEGER NOT NULL CHECK (returns >= 0),
    until   INTEGER NOT NULL,
    PRIMARY KEY (node, account, quota, window)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    subject   TEXT NOT NULL,
    dimension TEXT NOT NULL,
    day       INTEGER NOT NULL,
    value     TEXT NOT NULL,
    amount    INTEGER NOT NULL,
    PRIMARY KEY (subject, dimension, day, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX tallies_by_day ON tallies (day);

-- Who claims, claims for some stages: work of other stages is not looked at.
DROP INDEX jobs_by_turn;
CREATE INDEX jobs_by_turn ON jobs (stage, class, id) WHERE died_of IS NULL;
