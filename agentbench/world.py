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
SQL_VALUE_MAX = 10_000_000  # bytes of one value that a scenario's SQL may make
_OPS: dict[str, Literal["insert", "update", "delete"]] = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}
_READ_ACTIONS = {apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE}
# What would reach outside the trial's own copy, or end the transaction that its author is noted by.
_OUTSIDE_ACTIONS = {apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH, apsw.SQLITE_PRAGMA, apsw.SQLITE_TRANSACTION,
                    apsw.SQLITE_SAVEPOINT, apsw.SQLITE_CREATE_VTABLE, apsw.SQLITE_DROP_VTABLE}  # fmt: skip
_FUNCTIONS_DENIED = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "random", "randomblob"}


class World:
    """A database deserialised from a template, a clock to read, and the effects made so far.

    `epoch` is the wall-clock instant at which the trial's clock stands at 0 s. `Copies` gives `db`, a fresh copy, and
    what is known of all of its kind: `columns` of the tables, and queries that are `allowed`.
    """

    def __init__(
        self,
        template: bytes,
        *,
        epoch: datetime,
        clock: Callable[[], float] = lambda: 0.0,
        seed: str = "",
        db: apsw.Connection | None = None,
        columns: dict[str, list[str]] | None = None,
        allowed: set[str] | None = None,
    ) -> None:
        self.db = db or _opened(template)
        self.effects: list[Effect] = []
        self._epoch = epoch
        self._clock = clock
        self._seed = seed
        self._ids = 0
        self._columns = {} if columns is None else columns
        self._allowed = set() if allowed is None else allowed  # queries that the authorizer has let pass
        self._replayable = False
        self._at_s: float | None = None  # the instant of the change that is being made

    # -- what a tool may use ---------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The present instant of this world (UTC)."""
        return self._epoch + timedelta(seconds=self._clock() if self._at_s is None else self._at_s)

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

    @property
    def version(self) -> int:
        """A number that grows whenever a row changes."""
        return int(self.db.total_changes())

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
        self._at_s = at_s
        try:
            yield made
            self.db.execute("RELEASE change")  # may fail too: deferred constraints are checked here
        except BaseException:
            self.db.execute("ROLLBACK TO change; RELEASE change")
            raise
        else:
            changeset = session.changeset()
            if changeset:
                made.extend(self._read(changeset, author, at_s))
                self.effects.extend(made)
        finally:
            self._at_s = None
            session.close()

    @contextmanager
    def rehearsing(self) -> Iterator[int]:
        """Whatever is done in the block is undone at its end, and is in no ledger; ids that it drew stay reserved.

        Yields the number at which its ids begin, for `drawing`.
        """
        known = len(self.effects)
        self.db.execute("SAVEPOINT rehearsal")
        try:
            yield self._ids
        finally:
            self.db.execute("ROLLBACK TO rehearsal; RELEASE rehearsal")
            del self.effects[known:]

    @contextmanager
    def drawing(self, ids: int) -> Iterator[None]:
        """New ids in the block are those that a rehearsal drew, which began at `ids`."""
        now, self._ids = self._ids, ids
        try:
            yield
        finally:
            self._ids = max(now, self._ids)

    def revert(self, effect: Effect) -> bool:
        """Take one effect back inside `changing`; False where its row is no longer as the effect left it."""
        match = {**effect.key, **(effect.after or {})} if effect.op != "delete" else {}
        where = " AND ".join(f"{_quoted(name)} IS ?" for name in match)
        held = [_unpack(value) for value in match.values()]
        before = {name: _unpack(value) for name, value in (effect.before or {}).items()}
        table = _quoted(effect.table)
        self.db.execute("SAVEPOINT reversion")
        try:
            if effect.op == "insert":
                changed = self.execute(f"DELETE FROM {table} WHERE {where}", *held)
            elif effect.op == "update":
                sets = ", ".join(f"{_quoted(name)} = ?" for name in before)
                changed = self.execute(f"UPDATE {table} SET {sets} WHERE {where}", *before.values(), *held)
            else:
                names = ", ".join(_quoted(name) for name in before)
                marks = ", ".join("?" * len(before))
                changed = self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *before.values())
        except apsw.ConstraintError:  # something else hangs on the row
            self.db.execute("ROLLBACK TO reversion")
            changed = 0
        self.db.execute("RELEASE reversion")
        return changed == 1

    def serialize(self) -> bytes:
        """The whole state as the bytes of an SQLite file."""
        return bytes(self.db.serialize("main"))

    def digest(self) -> str:
        """A digest of every row of every table: equal states have equal digests, however they came about."""
        state = hashlib.sha256()
        for table in self._tables():
            rows = sorted(repr(row) for row in self.db.execute(f"SELECT * FROM {_quoted(table)}"))
            state.update(f"{table}\n".encode())
            state.update("\n".join(rows).encode("utf-8", "surrogatepass"))
        return state.hexdigest()

    def ask(self, sql: str) -> Any:
        """First column of the first row of a read-only query; raises `apsw.Error` when it tries to write.

        Also raised for what would take more than `SQL_STEPS_MAX` steps or make a value of more than `SQL_VALUE_MAX`.
        """
        # The authorizer is asked when a statement is prepared, and setting one has all of them prepared again.
        with self._guarded(None if sql in self._allowed else _read_only):
            first = self.db.execute(sql).fetchone()
        if ";" not in sql.rstrip("; \n"):  # a second statement is prepared only when the first gives no row
            self._allowed.add(sql)
        return first[0] if first else None

    def alter(self, sql: str) -> None:
        """Run a scenario's statements, which may change this world and nothing else; raises `apsw.Error`."""
        with self._guarded(_inside_only):
            self.db.execute(sql).fetchall()  # statements behind one that gives rows run only when these are taken

    def open_to_replay(self) -> None:
        """Let rows go in whatever the schema would do about it; triggers did what they do in the ledger already."""
        if not self._replayable:  # every change of these has all statements prepared again
            self.db.execute("PRAGMA foreign_keys = OFF")
            self.db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            self._replayable = True

    @contextmanager
    def taken_back(self) -> Iterator[None]:
        """Whatever is replayed in the block is undone at its end."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def replay(self, effects: Sequence[Effect]) -> None:
        """Apply ledger rows again: a template and its ledger give the state that the trial left."""
        self.open_to_replay()
        for group in _at_once(effects):
            # Old rows go before new ones come: two rows may have exchanged a unique value.
            fresh = [row for row in map(self._take_out, group) if row is not None]
            for table, row in fresh:
                names = ", ".join(_quoted(name) for name in row)
                marks = ", ".join("?" * len(row))
                self.db.execute(f"INSERT INTO {_quoted(table)} ({names}) VALUES ({marks})", tuple(row.values()))

    def _take_out(self, effect: Effect) -> tuple[str, dict[str, Any]] | None:
        """Delete the row as it was; returns the table and the row as it is to be, or None for a deletion."""
        after = {name: _unpack(value) for name, value in (effect.after or {}).items()}
        if effect.op == "insert":
            return effect.table, after
        where = " AND ".join(f"{_quoted(name)} IS ?" for name in effect.key)
        key = tuple(_unpack(value) for value in effect.key.values())
        row = self.row(f"SELECT * FROM {_quoted(effect.table)} WHERE {where}", *key)
        self.db.execute(f"DELETE FROM {_quoted(effect.table)} WHERE {where}", key)
        return None if effect.op == "delete" or row is None else (effect.table, {**row, **after})

    def _tables(self) -> list[str]:
        found = self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        # SQLite's own tables, such as the counters of AUTOINCREMENT, are no state that a ledger could show.
        return [str(name) for (name,) in found if not str(name).startswith("sqlite_")]

    @contextmanager
    def _guarded(self, authorizer: Callable[..., int] | None) -> Iterator[None]:
        longest = self.db.limit(apsw.SQLITE_LIMIT_LENGTH, SQL_VALUE_MAX)
        if authorizer is not None:
            self.db.authorizer = authorizer
        self.db.set_progress_handler(_Budget(), 1000)
        try:
            yield
        finally:
            if authorizer is not None:
                self.db.authorizer = None
            self.db.set_progress_handler(None)
            self.db.limit(apsw.SQLITE_LIMIT_LENGTH, longest)

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
            self._columns[table] = [row[1] for row in self.db.execute(f"PRAGMA table_info({_quoted(table)})")]
        return self._columns[table]


class Copies:
    """Private copies of one template, one after another: a copy that was given back is rolled back and used again.

    Opening one and preparing its statements anew costs more than most trials. A copy is used again only if it is the
    template byte for byte; one whose constraints are checked at a commit never is.
    """

    def __init__(self, template: bytes) -> None:
        self.template = template
        self._start = b""  # the template as SQLite writes it
        self._idle: apsw.Connection | None = None
        self._columns: dict[str, list[str]] = {}
        self._allowed: set[str] = set()

    def take(self, *, epoch: datetime, clock: Callable[[], float], seed: str) -> World:
        """A world that nobody else has."""
        db, self._idle = self._idle or _opened(self.template), None
        db.set_last_insert_rowid(0)
        self._start = self._start or bytes(db.serialize("main"))
        if not _deferring(db):
            db.execute("BEGIN")
        return World(self.template, epoch=epoch, clock=clock, seed=seed, db=db, columns=self._columns,
                     allowed=self._allowed)  # fmt: skip

    def give_back(self, world: World) -> None:
        """Take a world back, however it was left."""
        db = world.db
        try:
            if db.in_transaction:
                db.execute("ROLLBACK")
                self._idle = db if bytes(db.serialize("main")) == self._start else None
        except apsw.Error:
            self._idle = None


class _Budget:
    """Stops a query that takes more than `SQL_STEPS_MAX` steps; SQLite calls it every 1,000."""

    def __init__(self) -> None:
        self.left = SQL_STEPS_MAX // 1000

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def _denied(action: int, function: str | None) -> bool:
    return action == apsw.SQLITE_FUNCTION and (function or "").lower() in _FUNCTIONS_DENIED


def _read_only(action: int, one: str | None, two: str | None, _database: str | None, _trigger: str | None) -> int:
    allowed = action in _READ_ACTIONS and not _denied(action, two)
    return int(apsw.SQLITE_OK if allowed else apsw.SQLITE_DENY)


def _inside_only(action: int, one: str | None, two: str | None, _database: str | None, _trigger: str | None) -> int:
    # The session extension itself asks for the columns of a table that changes.
    asks_columns = action == apsw.SQLITE_PRAGMA and (one or "").lower() in {"table_info", "table_xinfo"}
    allowed = asks_columns or (action not in _OUTSIDE_ACTIONS and not _denied(action, two))
    return int(apsw.SQLITE_OK if allowed else apsw.SQLITE_DENY)


def _at_once(effects: Sequence[Effect]) -> Iterator[list[Effect]]:
    """Runs of effects by one author in which no row comes twice: each can be applied in any order."""
    group: list[Effect] = []
    seen: set[tuple[str, str]] = set()
    for effect in effects:
        row = (effect.table, repr(sorted(effect.key.items())))
        if group and (row in seen or effect.author != group[-1].author):
            yield group
            group, seen = [], set()
        group.append(effect)
        seen.add(row)
    if group:
        yield group


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _opened(template: bytes) -> apsw.Connection:
    db = apsw.Connection(":memory:")
    db.deserialize("main", template)
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _deferring(db: apsw.Connection) -> bool:
    """Whether constraints wait for a commit, which inside a longer transaction never comes."""
    return db.execute("SELECT 1 FROM sqlite_schema WHERE sql LIKE '%deferr%'").fetchone() is not None


def _present(names: Sequence[str], values: Sequence[Any] | None) -> dict[str, Any]:
    if values is None:
        return {}
    return {name: _pack(value) for name, value in zip(names, values, strict=True) if value is not apsw.no_change}


def _pack(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _unpack(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, Mapping) else value
