"""The file of the SQLite journal: made, recognised, found readable; and its errors in plain words."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from coordinator.errors import CannotStart, NewerFile

FORMAT = 1  # user_version of the file: raised with every change of schema.sql
APPLICATION = 0x44635131  # "DcQ1": tells our file from any other SQLite file
FILE_NAME = "journal.sqlite"
BUSY_S = 5.0  # another process may hold the file for a moment (a reader that recovers the log)


def prepare(file: Path, uri: str) -> None:
    """Make the tables where there are none; refuse a file that is not ours. The folder's lock is held."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables:
            _check_format(connection, file)
        connection.execute("PRAGMA journal_mode = WAL")
        if not tables:
            connection.executescript(Path(__file__).with_name("schema.sql").read_text("utf-8"))
    finally:
        connection.close()
    file.chmod(0o600)  # it holds what people said


def readable(file: Path) -> str:
    """The address to read a journal at, while another process may write it, in a folder that may be read-only."""
    plain = file.absolute().as_uri()
    uri = f"{plain}?mode=ro"
    log = file.with_name(f"{file.name}-wal")
    try:
        _probe(uri, file)
    except sqlite3.OperationalError:
        # A log and its index can neither be found nor made. Without a log nobody writes, and the file is all.
        if log.exists() and log.stat().st_size:
            raise
        uri = f"{plain}?mode=ro&immutable=1"
        _probe(uri, file)
    return uri


def _probe(uri: str, file: Path) -> None:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        _check_format(connection, file)
    finally:
        connection.close()


def _check_format(connection: sqlite3.Connection, file: Path) -> None:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise CannotStart(f"{file} is not a Dropcue journal: name another folder with --data, or move the file away")
    if version > FORMAT:
        raise NewerFile(
            f"{file} was written by a newer Dropcue (format {version}, this one knows {FORMAT}): update this one, or start "
            "it on a backup that was made before the update"
        )


def reason(error: sqlite3.Error | OSError | UnicodeError, data: Path) -> str:
    """The error in plain words, with what to do."""
    full = f"the disk of {data} is full: make room there, then it goes on by itself"
    readonly = f"{data} cannot be written: check its owner, its rights and whether the disk is mounted read-only"
    if isinstance(error, OSError):
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return full
        return readonly if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM} else f"{data}: {error}"
    if isinstance(error, UnicodeError):  # text in the file that is no text
        return f"{data / FILE_NAME} is damaged: run `dropcue verify`, restore a backup"
    plain = {
        sqlite3.SQLITE_FULL: full,
        sqlite3.SQLITE_READONLY: readonly,
        sqlite3.SQLITE_CANTOPEN: f"a file in {data} cannot be opened: check that the folder is there, and its rights",
        sqlite3.SQLITE_IOERR: f"the disk of {data} answers with errors (or is full): check it before going on",
        sqlite3.SQLITE_BUSY: f"another program holds {data / FILE_NAME}: stop it",
        sqlite3.SQLITE_CORRUPT: f"{data / FILE_NAME} is damaged: run `dropcue verify`, restore a backup",
        sqlite3.SQLITE_NOTADB: f"{data / FILE_NAME} is not an SQLite file: restore a backup, or move it away",
    }
    return plain.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, f"{data / FILE_NAME}: {error}")
