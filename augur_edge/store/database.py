"""The SQLite file under the store: opened, made, waited for, and its errors put into words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, TypeVar
from urllib.parse import quote

from augur_edge import console
from augur_edge.errors import AugurError, DataError, UsageError
from augur_edge.store import sql

_BUSY = ("database is locked", "database table is locked", "database schema is locked")
_BUSY_MS = 200  # SQLite waits this long by itself, then Python may see Ctrl-C
_TELL_AFTER_S = 1.0

Row = tuple[Any, ...]
T = TypeVar("T")


class Database:
    """One connection to the file at `path`, for one thread.

    create: make file and folders where missing; otherwise a missing file is an error.
    Every method waits while another process writes, telling `on_wait` once it takes longer than a second. Raises
    DataError (foreign, damaged or newer file), UsageError (no file) and AugurError (read-only, disk full).
    """

    def __init__(self, path: Path, *, create: bool, on_wait: Callable[[str], None] = console.talk) -> None:
        self.path = path
        self._on_wait = on_wait
        if create:
            _make_folder(path.parent)
        elif not path.exists():
            raise _absent(path)
        self._open(create)

    def close(self) -> None:
        """Close the connection; the file is complete without it."""
        self._db.close()

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of one query."""
        with self._in_words():
            return self._patiently(lambda: self._db.execute(query, values).fetchall())

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """The rows of one query as they are needed, for results that do not fit into memory."""
        with self._in_words():
            yield from self._patiently(lambda: self._db.execute(query, values))

    def write(self, query: str, values: Sequence[Any] = ()) -> None:
        """Run one statement inside a `transaction`."""
        self._db.execute(query, values)

    def write_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row, inside a `transaction`."""
        self._db.executemany(query, rows)

    def keep_pages(self, size: int) -> None:
        """Keep up to `size` bytes of the file in memory: a row goes to another place in each index."""
        self.read(f"PRAGMA cache_size = -{size >> 10}")

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """All of the block or nothing of it; inside another transaction, a part of that. write=False: one snapshot."""
        if self._db.in_transaction:
            yield
            return
        with self._in_words():
            self._patiently(lambda: self._db.execute("BEGIN IMMEDIATE" if write else "BEGIN"))
            try:
                yield
                self._patiently(lambda: self._db.execute("COMMIT"))
            except BaseException:
                if self._db.in_transaction:  # SQLite has already gone back when the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def _patiently(self, act: Callable[[], T]) -> T:
        start_s, told = time.monotonic(), False
        while True:
            try:
                return act()
            except sqlite3.OperationalError as err:
                if not str(err).startswith(_BUSY):
                    raise
            if not told and time.monotonic() - start_s >= _TELL_AFTER_S:
                self._on_wait(f"{self.path} is in use by another process; waiting for it")
                told = True

    def _open(self, create: bool) -> None:
        try:
            new = self._attach("rwc" if create else "rw")
        except DataError:
            raise
        except AugurError:
            # WAL needs a file beside the store; in a folder we may not write to, a store at rest can still be read.
            if create or self._journal_is_busy():
                raise
            new = self._attach("ro&immutable=1")
        if new and not create:
            self.close()
            raise _absent(self.path)
        if new:
            self._make_tables()
        else:
            self._upgrade()
        # A killed program loses nothing that was committed; only a power cut may take the last transactions, which
        # is worth a thousandfold fewer fsyncs beside a measurement. Without WAL, NORMAL could do damage.
        is_wal = self.read("PRAGMA journal_mode") == [("wal",)]
        self.read(f"PRAGMA synchronous = {'NORMAL' if is_wal else 'FULL'}")
        self.read("PRAGMA foreign_keys = ON")

    def _journal_is_busy(self) -> bool:
        journal = self.path.with_name(self.path.name + "-wal")
        return journal.exists() and journal.stat().st_size > 0

    def _attach(self, mode: str) -> bool:
        """Connect; returns whether the file has no tables yet."""
        uri = f"file:{quote(str(self.path.absolute()))}?mode={mode}"
        with self._in_words():
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_MS / 1000)
        try:
            return self._is_new()
        except BaseException:
            self.close()
            raise

    def _is_new(self) -> bool:
        """Whether the file has no tables yet. Raises DataError where it is not ours or of a newer version."""
        with self.transaction(write=False):  # one snapshot, lest another process makes the tables in between
            ((application,),) = self.read("PRAGMA application_id")
            ((version,),) = self.read("PRAGMA user_version")
            ((tables,),) = self.read("SELECT count(*) FROM sqlite_master")
        if application == 0 and version == 0 and tables == 0:
            return True
        if application != sql.APPLICATION_ID:
            raise DataError(f"{self.path}: an SQLite file of another program, not a store; name another with --store")
        if version > sql.VERSION:
            text = f"store of schema {version}, this program reads up to {sql.VERSION}; upgrade augur-edge"
            raise DataError(f"{self.path}: {text}")
        return False

    def _make_tables(self) -> None:
        # Some file systems (network shares, phones' SD cards) cannot do WAL: SQLite then keeps its rollback journal.
        self.read("PRAGMA journal_mode = WAL")
        with self.transaction():
            if not self._is_new():  # another process was faster
                return
            self._run_all(sql.TABLES)
            self.write(f"PRAGMA application_id = {sql.APPLICATION_ID}")
            self._upgrade_from(1)

    def _upgrade(self) -> None:
        """Bring the tables of an older program up to date; a store that cannot be written is read as it is."""
        if self._version() == sql.VERSION:
            return
        try:
            with self.transaction():
                self._upgrade_from(self._version())  # again: another process may have been faster
        except DataError:
            raise
        except AugurError:
            return

    def _upgrade_from(self, version: int) -> None:
        for number in range(version, sql.VERSION):
            self._run_all(sql.UPGRADES[number])
        self.write(f"PRAGMA user_version = {sql.VERSION}")

    def _version(self) -> int:
        return int(self.read("PRAGMA user_version")[0][0])

    def _run_all(self, statements: str) -> None:
        for statement in statements.split(";\n"):
            self.write(statement)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as err:
            raise _explained(self.path, err) from err


def _explained(path: Path, err: sqlite3.DatabaseError) -> Exception:
    """The error a user can act upon; `err` itself where it is a bug of ours."""
    text = str(err)
    if "not a database" in text:
        return DataError(f"{path}: not an SQLite file, so not a store; name another with --store")
    if "malformed" in text or "no such table" in text:
        return DataError(f"{path}: the store is damaged ({text}); move it away or restore a copy")
    if isinstance(err, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
        return err
    if "readonly" in text:
        return AugurError(f"{path}: the store cannot be written, it is read-only; name another with --store")
    if "full" in text:
        return AugurError(f"{path}: the disk is full; what was saved before is kept")
    return AugurError(f"{path}: the store cannot be used: {text}")


def _absent(path: Path) -> UsageError:
    return UsageError(f"{path}: there is no store yet; `augur-edge measure resnet18` makes one")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise AugurError(
            f"{folder}: cannot make the store's folder: {err.strerror}; name another with --store"
        ) from err
