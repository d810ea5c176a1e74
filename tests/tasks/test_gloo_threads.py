"""Gloo's threads let go of tensors before the interpreter ends."""

import subprocess
import sys

from fairseq_hebrew.tasks import gloo_threads
from tests.conftest import ROOT

# Children that leave right after a collective of a tensor they still hold. Their gloo threads get a core only when
# nothing else wants it, as on a machine with too much to do: without the wait about a third of the children is aborted.
LEAVE = """
import os, sys, time, torch, torch.distributed as dist
from fairseq_hebrew.tasks import gloo_threads

for number in range(int(sys.argv[1])):
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
if child:
    sys.exit()
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}/{number}", rank=0, world_size=1)
sys.kept = torch.ones(3000)
dist.broadcast(sys.kept, 0)
core = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {core})
for thread in os.listdir("/proc/self/task"):
    if gloo_threads.NAME in open(f"/proc/self/task/{thread}/comm").read():
        os.sched_setaffinity(int(thread), {core})
        os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))

class Late:  # what a training leaves to the interpreter's end
    def __del__(self, sleep=time.sleep):
        sleep(0.3)

late = Late()
for _ in range(3):
    dist.broadcast(sys.kept, 0)
gloo_threads._leave()
"""


def test_a_process_that_leaves_at_once_is_not_aborted(tmp_path):
    arguments = (sys.executable, "-c", LEAVE, "8", tmp_path)
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.split() == ["0"] * 8, done.stderr[-2000:]


def test_they_must_rest_several_times_in_a_row():
    seen = ["SR", "SS", "SS", "RS", "SS", "SS", "SS", "never looked at"]
    gloo_threads.wait_until_they_rest(lambda: seen.pop(0))
    assert seen == ["never looked at"]


def test_threads_that_never_rest_are_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(gloo_threads, "PATIENCE", 0.05)
    looks = []
    gloo_threads.wait_until_they_rest(lambda: looks.append(1) or "R")
    assert len(looks) > 1


def test_states_are_read_whatever_a_threads_name(tmp_path):
    assert list(gloo_threads.states(tmp_path / "none")) == []
    for number, (name, state) in enumerate([("pt_gloo_runloop", "R"), ("a) S (b", "R"), ("pt_gloo_runloop", "S")]):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "stat").write_text(f"{number} ({name}) {state} 1 2 3")
    assert sorted(gloo_threads.states(tmp_path)) == ["R", "S"]
