"""One trial's private world: an in-memory SQLite database whose changesets are the ledger of effects.

Invariant: nothing changes a world outside `World.changing`, so every changed row has an author.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

import apsw

from agentbench import seeds
from agentbench.record import Effect

SQL_STEPS_MAX = 2_000_000  # virtual-machine steps that one query of a scenario may take: some 0.1 s
_OPS: dict[str, Literal["insert", "update", "delete"]] = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}
_READ_ACTIONS = {apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE}


class World:
    """A database deserialised from a template, a clock to read, and the effects made so far.

    `epoch` is the wall-clock instant at which the trial's clock stands at 0 s.
    """

    def __init__(
        self, template: bytes, *, epoch: datetime, clock: Callable[[], float] = lambda: 0.0, seed: str = ""
    ) -> None:
        self.db = apsw.Connection(":memory:")
        self.db.deserialize("main", template)
        self.db.execute("PRAGMA foreign_keys = ON")
        self.effects: list[Effect] = []
        self._epoch = epoch
        self._clock = clock
        self._seed = seed
        self._ids = 0
        self._columns: dict[str, list[str]] = {}

    # -- what a tool may use ---------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The present instant of this world (UTC)."""
        return self._epoch + timedelta(seconds=self._clock())

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """All rows of a query as dictionaries."""
        cursor = self.db.execute(sql, parameters)
        try:
            names = [column[0] for column in cursor.get_description()]
        except apsw.ExecutionCompleteError:  # a query without rows is over before it can be described
            return []
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, *parameters: Any) -> dict[str, Any] | None:
        """The first row of a query, or None."""
        found = self.rows(sql, *parameters)
        return found[0] if found else None

    def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row, or None."""
        first = self.db.execute(sql, parameters).fetchone()
        return first[0] if first else None

    def execute(self, sql: str, *parameters: Any) -> int:
        """Run one statement that writes; returns how many rows it changed."""
        before = self.db.total_changes()
        self.db.execute(sql, parameters)
        return int(self.db.total_changes() - before)

    def new_id(self, prefix: str) -> str:
        """A fresh id such as `TRF-9C41A7E2`, the same in every execution of the same trial."""
        self._ids += 1
        return f"{prefix}-{seeds.digest('id', self._seed, prefix, self._ids)[:8].upper()}"

    # -- what the testbed uses -------------------------------------------------------------------------

    @contextmanager
    def changing(self, author: str, at_s: float) -> Iterator[list[Effect]]:
        """A transaction whose changes are entered in the ledger under `author`; rolled back on any exception.

        Yields the list that holds the new effects once the block has ended.
        """
        made: list[Effect] = []
        session = apsw.Session(self.db, "main")
        session.attach()
        self.db.execute("SAVEPOINT change")
        try:
            yield made
        except BaseException:
            self.db.execute("ROLLBACK TO change; RELEASE change")
            raise
        else:
            self.db.execute("RELEASE change")
            changeset = session.changeset()
            if changeset:
                made.extend(self._read(changeset, author, at_s))
                self.effects.extend(made)
        finally:
            session.close()

    def serialize(self) -> bytes:
        """The whole state as the bytes of an SQLite file."""
        return bytes(self.db.serialize("main"))

    def digest(self) -> str:
        """A digest of every row of every table: equal states have equal digests, however they came about."""
        state = hashlib.sha256()
        for (table,) in self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
            rows = sorted(repr(row) for row in self.db.execute(f'SELECT * FROM "{table}"'))
            state.update(f"{table}\n".encode())
            state.update("\n".join(rows).encode("utf-8", "surrogatepass"))
        return state.hexdigest()

    def ask(self, sql: str) -> Any:
        """First column of the first row of a read-only query; raises `apsw.Error` when it tries to write."""
        self.db.authorizer = _read_only
        self.db.set_progress_handler(_Budget(), 1000)
        try:
            first = self.db.execute(sql).fetchone()
        finally:
            self.db.authorizer = None
            self.db.set_progress_handler(None)
        return first[0] if first else None

    def replay(self, effects: Sequence[Effect]) -> None:
        """Apply ledger rows again: a template and its ledger give the state that the trial left."""
        self.db.execute("PRAGMA foreign_keys = OFF")
        for effect in effects:
            where = " AND ".join(f'"{name}" IS ?' for name in effect.key)
            key = tuple(_unpack(value) for value in effect.key.values())
            after = {name: _unpack(value) for name, value in (effect.after or {}).items()}
            match effect.op:
                case "insert":
                    names = ", ".join(f'"{name}"' for name in after)
                    marks = ", ".join("?" * len(after))
                    self.db.execute(f'INSERT INTO "{effect.table}" ({names}) VALUES ({marks})', tuple(after.values()))
                case "update":
                    sets = ", ".join(f'"{name}" = ?' for name in after)
                    self.db.execute(f'UPDATE "{effect.table}" SET {sets} WHERE {where}', (*after.values(), *key))
                case "delete":
                    self.db.execute(f'DELETE FROM "{effect.table}" WHERE {where}', key)

    def _read(self, changeset: bytes, author: str, at_s: float) -> Iterator[Effect]:
        for change in apsw.Changeset.iter(changeset):
            names = self._names(change.name)
            old = _present(names, change.old)
            new = _present(names, change.new)
            keys = [names[index] for index in sorted(change.pk_columns)]
            source = new if change.op == "INSERT" else old
            key = {name: source[name] for name in keys}
            # An update lists the key among the old values; only what changed belongs to before and after.
            before = {name: value for name, value in old.items() if change.op == "DELETE" or name in new}
            yield Effect(
                at_s=at_s,
                author=author,
                table=change.name,
                op=_OPS[change.op],
                key=key,
                before=before or None,
                after=new or None,
            )

    def _names(self, table: str) -> list[str]:
        if table not in self._columns:
            self._columns[table] = [row[1] for row in self.db.execute(f'PRAGMA table_info("{table}")')]
        return self._columns[table]


class _Budget:
    """Stops a query that takes more than `SQL_STEPS_MAX` steps; SQLite calls it every 1,000."""

    def __init__(self) -> None:
        self.left = SQL_STEPS_MAX // 1000

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def _read_only(action: int, one: str | None, two: str | None, _database: str | None, _trigger: str | None) -> int:
    if action == apsw.SQLITE_FUNCTION and (two or "").lower() in {"load_extension", "readfile", "writefile"}:
        return int(apsw.SQLITE_DENY)
    return int(apsw.SQLITE_OK if action in _READ_ACTIONS else apsw.SQLITE_DENY)


def _present(names: Sequence[str], values: Sequence[Any] | None) -> dict[str, Any]:
    if values is None:
        return {}
    return {name: _pack(value) for name, value in zip(names, values, strict=True) if value is not apsw.no_change}


def _pack(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _unpack(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, Mapping) else value
