"""Claims: one worker each, however many ask at once; those of the dead are taken over, and only those."""

import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy

from fairseq_hebrew.sweep import claims as module
from fairseq_hebrew.sweep.claims import BEATS, TABLE, Claims

RACER = """
import sqlalchemy, sys
from fairseq_hebrew.sweep.claims import Claims

claims = Claims(sqlalchemy.create_engine(sys.argv[1], connect_args={"timeout": 60}))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    if claims.acquire(f"point {number}") is not None:
        print(number, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'claims.db'}"


@pytest.fixture
def made(url):
    """Makes the claims of a process, as if it ran on a machine of the given name."""
    opened = []

    def make(machine="here", grace=120.0):
        claims = Claims(sqlalchemy.create_engine(url), grace)
        claims._machine = machine
        opened.append(claims)
        return claims

    yield make
    for one in opened:
        one.close()


def rows(url):
    with sqlalchemy.create_engine(url).begin() as connection:
        return {row.key: row.owner for row in connection.execute(TABLE.select())}


def racers(url, count, points):
    """Processes that all ask for all points at once; what each got, and the processes, that still have it."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url, str(points)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


def test_of_those_who_ask_at_once_one_gets_it(url):
    processes = racers(url, 4, 40)
    got = [process.communicate("end\n", timeout=60)[0].split() for process in processes]
    assert sorted(int(number) for one in got for number in one) == list(range(40)), got


def test_what_a_killed_process_had_is_taken_over_at_once_by_one(url):
    (process,) = racers(url, 1, 3)
    assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
    claims = Claims(sqlalchemy.create_engine(url))
    assert claims.acquire("point 0") is None  # it lives
    process.kill()
    process.wait()
    assert claims.acquire("point 0") is not None and claims.acquire("point 0") is None
    claims.close()
    processes = racers(url, 3, 3)
    got = [one.communicate("end\n", timeout=60)[0].split() for one in processes]
    assert sorted(number for one in got for number in one) == ["1", "2"], got


def test_a_zombie_is_dead(url, made):
    (process,) = racers(url, 1, 1)
    assert process.stdout.readline() == "0\n"
    process.kill()
    deadline = time.monotonic() + 10
    while (claim := made(module.machine()).acquire("point 0")) is None:  # not waited for: it stays a zombie
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert claim.key == "point 0"
    process.communicate()


def test_another_machine_is_dead_after_the_grace_and_not_before(made):
    slow = made("there")  # beats every 15 seconds
    claim = slow.acquire("a")
    here = made("here", grace=0.3)
    assert here.acquire("a") is None
    assert claim.confirm()  # a sign of life begins the grace anew
    assert here.acquire("a") is None
    deadline = time.monotonic() + 10
    while (taken := here.acquire("a")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Who comes back finds that it has lost.
    assert not claim.confirm() and claim.lost.is_set()
    claim.release()
    assert taken.confirm()


def test_a_worker_that_beats_is_never_taken_for_dead(made):
    there = made("there", grace=0.4)
    assert there.acquire("a") is not None
    here = made("here", grace=0.4)
    end = time.monotonic() + 4 * 0.4
    while time.monotonic() < end:
        assert here.acquire("a") is None
        time.sleep(0.4 / BEATS)


def test_a_process_that_has_the_number_of_a_dead_one_is_another(url, made, monkeypatch):
    claims = made(module.machine())
    assert claims.acquire("a") is not None
    other = made(module.machine())
    assert other.acquire("a") is None
    monkeypatch.setattr(module, "started", lambda pid: "another tick")
    assert other.acquire("a") is not None


def test_released_claims_are_free_and_hold_waits_for_them(url, made, monkeypatch):
    monkeypatch.setattr(module, "POLL", 0.01)
    first, second = made("here"), made("there")
    claim, order = first.acquire("a"), []
    waiting = threading.Thread(target=lambda: _hold(second, order))
    waiting.start()
    time.sleep(0.1)
    order.append("released")
    claim.release()
    waiting.join(timeout=10)
    assert order == ["released", "held"] and rows(url) == {}
    stop = threading.Event()
    stop.set()
    assert first.acquire("a") is not None
    with pytest.raises(InterruptedError), second.hold("a", stop):
        pass


def _hold(claims, order):
    with claims.hold("a"):
        order.append("held")


def test_a_database_that_is_not_reached_costs_the_claim_after_half_the_grace(made, monkeypatch):
    claims = made("here", grace=1000.0)
    claim = claims.acquire("a")

    def unreachable(statement):
        raise sqlalchemy.exc.OperationalError("UPDATE", {}, Exception("no route to host"))

    monkeypatch.setattr(claims, "change", unreachable)
    claim.beat(1000.0)
    assert not claim.lost.is_set()
    claim._seen_alive -= 501
    claim.beat(1000.0)
    assert claim.lost.is_set()
