-- Format 1 of DATA/journal.sqlite. A changed table is a new format: raise user_version and FORMAT in sqlite_file.py.
BEGIN IMMEDIATE;
PRAGMA application_id = 0x44635131;
PRAGMA user_version = 1;

-- A row for each sale. (last, hash) is its end: it is the lock of the next flush, and makes a lost tail known.
CREATE TABLE sale (
    no          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    incarnation TEXT NOT NULL,
    seal        BLOB NOT NULL,           -- over the three above
    last        INTEGER NOT NULL,
    hash        BLOB NOT NULL
) STRICT;

-- A row for each flush, see chain.py. The index of commands stands in it, as a list, since a row for each command
-- would touch a page for each (ids are random): measured 8.4 ms a flush against 0.5. `body` comes last, so that
-- reading the columns before it does not read its pages.
CREATE TABLE batch (
    sale     INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    marks    BLOB NOT NULL,
    commands BLOB NOT NULL,
    body     BLOB NOT NULL,
    UNIQUE (sale, last)
) STRICT;

-- Private parts stand apart, so that one can be destroyed without touching what is hashed.
CREATE TABLE private (
    sale INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    part BLOB NOT NULL,
    PRIMARY KEY (sale, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE erased (
    sale INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (sale, seq)
) STRICT, WITHOUT ROWID;

-- A flush is one statement, an insert into this view: each statement more would have to win the interpreter's lock
-- back from the loop's thread, up to 5 ms each time.
-- `parts` holds the private parts end to end, `places` says where: [[seq, offset from 1, length], ...].
CREATE VIEW flush AS
    SELECT 0 AS sale, 0 AS first, 0 AS last, x'' AS previous, x'' AS hash, x'' AS marks, x'' AS commands,
           x'' AS body, '[]' AS places, x'' AS parts;

CREATE TRIGGER flush_all INSTEAD OF INSERT ON flush
BEGIN
    UPDATE sale SET last = NEW.last, hash = NEW.hash
        WHERE no = NEW.sale AND last = NEW.first - 1 AND hash = NEW.previous;
    SELECT RAISE(ABORT, 'conflict') WHERE changes() = 0;
    INSERT INTO batch (sale, first, last, hash, marks, commands, body)
        VALUES (NEW.sale, NEW.first, NEW.last, NEW.hash, NEW.marks, NEW.commands, NEW.body);
    INSERT INTO private (sale, seq, part)
        SELECT NEW.sale, json_extract(value, '$[0]'),
               substr(NEW.parts, json_extract(value, '$[1]'), json_extract(value, '$[2]'))
        FROM json_each(NEW.places);
END;
COMMIT;
