"""Claims: what one worker does no other does, on one machine or on many, by a table in the sweep's database.

Optuna alone does not give this. Its GridSampler may suggest a point that another worker runs: 4 processes made 15
trials of 12 points. Its queue hands out trials by SELECT ... FOR UPDATE, which SQLite does not know: of 60 trials that
4 processes asked for at once, 42 were different. Its heartbeat is bound to its own loop. Here a claim is a row with a
unique key: the database refuses the second INSERT. A claim of a worker that died is taken over by an UPDATE that names
the row as it was seen, so that only one of those who see it gets it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from fairseq_hebrew.stage.progress import log

GRACE = 120.0  # seconds without a beat after which a worker of another machine counts as dead
BEATS = 8  # in the time of grace
POLL = 1.0  # seconds between two looks at a claim that another has

TABLE = sqlalchemy.Table(
    "sweep_claims",
    sqlalchemy.MetaData(),
    sqlalchemy.Column("key", sqlalchemy.String(255), primary_key=True),
    sqlalchemy.Column("owner", sqlalchemy.String(255), nullable=False),
    sqlalchemy.Column("beats", sqlalchemy.Integer, nullable=False),
)


class Claim:
    """What a worker has. `lost` is set when another has taken it over: then nothing may be recorded for it."""

    def __init__(self, claims: Claims, key: str, owner: str) -> None:
        self.key, self.owner = key, owner
        self.lost = threading.Event()
        self._claims, self._seen_alive = claims, time.monotonic()

    def confirm(self) -> bool:
        """Tell the others that the worker lives; False where they have taken the claim over."""
        row = (TABLE.c.key == self.key) & (TABLE.c.owner == self.owner)
        if not self._claims.change(TABLE.update().where(row).values(beats=TABLE.c.beats + 1)):
            self.lost.set()
        self._seen_alive = time.monotonic()
        return not self.lost.is_set()

    def release(self) -> None:
        self._claims.forget(self)
        with contextlib.suppress(SQLAlchemyError):  # one left behind is taken over
            self._claims.change(TABLE.delete().where((TABLE.c.key == self.key) & (TABLE.c.owner == self.owner)))

    def beat(self, grace: float) -> None:
        """As `confirm`; who cannot reach the database for half the grace has lost the claim."""
        try:
            self.confirm()
        except SQLAlchemyError as error:
            log(f"sweep: the database was not reached ({str(error).splitlines()[0]})")
            if time.monotonic() - self._seen_alive > grace / 2:
                self.lost.set()


class Claims:
    """The claims of one process. `close` ends the thread that keeps them alive."""

    def __init__(self, engine: sqlalchemy.Engine, grace: float = GRACE) -> None:
        self._engine, self._grace = engine, grace
        self._machine, self._numbers = machine(), itertools.count()
        self._mine: set[Claim] = set()
        self._watched: dict[str, tuple[str, int, float]] = {}  # key: owner, beats, since when unchanged
        self._lock, self._ended = threading.Lock(), threading.Event()
        with engine.begin() as connection:
            connection.execute(CreateTable(TABLE, if_not_exists=True))
        threading.Thread(target=self._beat, daemon=True, name="claims").start()

    def change(self, statement: sqlalchemy.Executable) -> int:
        """The number of rows that a statement changed, in a transaction of its own."""
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount

    def acquire(self, key: str) -> Claim | None:
        """The claim, free or of a worker that died; None while another has it."""
        owner = f"{self._machine} {os.getpid()} {started(os.getpid())} {next(self._numbers)}"
        with self._engine.begin() as connection:
            row = connection.execute(TABLE.select().where(TABLE.c.key == key)).one_or_none()
        if row is None:
            try:
                self.change(TABLE.insert().values(key=key, owner=owner, beats=0))
            except IntegrityError:
                return None
        else:
            if not self._dead(row):
                return None
            seen = (TABLE.c.key == key) & (TABLE.c.owner == row.owner) & (TABLE.c.beats == row.beats)
            if self.change(TABLE.update().where(seen).values(owner=owner, beats=0)) != 1:
                return None
        claim = Claim(self, key, owner)
        with self._lock:
            self._mine.add(claim)
        return claim

    @contextlib.contextmanager
    def hold(self, key: str, stop: threading.Event | None = None) -> Iterator[Claim]:
        """The claim, waited for, released at the end; raises InterruptedError when `stop` is set meanwhile."""
        while (claim := self.acquire(key)) is None:
            if (stop or self._ended).wait(POLL):
                raise InterruptedError
        try:
            yield claim
        finally:
            claim.release()

    def forget(self, claim: Claim) -> None:
        with self._lock:
            self._mine.discard(claim)

    def close(self) -> None:
        self._ended.set()

    def _beat(self) -> None:
        while not self._ended.wait(self._grace / BEATS):
            with self._lock:
                mine = list(self._mine)
            for claim in mine:
                claim.beat(self._grace)

    def _dead(self, row: sqlalchemy.Row) -> bool:
        """Whether the worker that has a claim is dead: on this machine at once, elsewhere after the grace.

        The grace is measured by the clock of who waits: machines need not agree on the time.
        """
        where, pid, began, _ = row.owner.rsplit(" ", 3)
        if where == self._machine:
            return started(int(pid)) != began
        now = time.monotonic()
        owner, beats, since = self._watched.get(row.key, ("", -1, now))
        if (owner, beats) != (row.owner, row.beats):
            self._watched[row.key] = (row.owner, row.beats, now)
            return False
        return now - since > self._grace


def machine() -> str:
    """The name of a machine since it was started, and of a container on it: within it process ids are unique."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()} {boot} {os.stat('/proc/self/ns/pid').st_ino}"


def started(pid: int) -> str | None:
    """When a process was started, in the kernel's ticks; None where none of the number runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
