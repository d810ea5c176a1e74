"""Rows of a batch over the devices: who holds what, and which host writes checkpoints."""

import os
import subprocess
import sys

import pytest

from tests.tasks.runs import ROOT

# In a process of its own: SPMD and the number of devices are for good.
PROGRAM = """
import torch
from fairseq_hebrew.xla import mesh
mesh.use_spmd()
from fairseq_hebrew.xla.transfer import fetch, sync
devices = mesh.local_devices()
assert mesh.is_spmd() and mesh.processes() == (0, 1) and mesh.mesh().size() == devices == {devices}

rows = torch.arange(8 * 6).view(8, 6)
placed, targets, sizes = mesh.rows_to_devices([rows, rows[:, :2] + 1, rows[:, 0]])
assert mesh.local_shards(sizes) == [(8 // devices,)] * devices, "tensors of any number of axes"
assert mesh.local_shards(placed) == [(8 // devices, 6)] * devices, mesh.local_shards(placed)
assert mesh.local_shards(targets) == [(8 // devices, 2)] * devices
assert placed.shape == (8, 6) and torch.equal(fetch([placed])[0], rows)
assert int(placed.sum()) == int(rows.sum())

(weight,) = mesh.to_device([torch.randn(12, 4)])
assert mesh.local_shards(weight) == [(12, 4)] * devices
sync()
assert mesh.shard(weight) is True
assert mesh.local_shards(weight) == [(12 // devices, 4)] * devices
(embedding, odd, bias) = mesh.to_device([torch.randn(7, 8), torch.randn(7, 5), torch.randn(12)])
sync()
assert mesh.shard(embedding) is True and mesh.local_shards(embedding) == [(7, 8 // devices)] * devices
assert mesh.shard(odd) is False and mesh.shard(bias) is False

spread = mesh.spread_numbers(torch.tensor([3.0, 0.5]))
assert spread.shape == (devices, 2) and fetch([spread.sum(0)])[0].tolist() == [3.0, 0.5]
print("well")
"""


@pytest.mark.parametrize("devices", [2, 4])
def test_each_device_has_its_rows(devices):
    env = {**os.environ, "PJRT_DEVICE": "CPU", "CPU_NUM_DEVICES": str(devices)}
    program = PROGRAM.replace("{devices}", str(devices))
    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "well", done.stderr[-3000:]


def test_of_several_hosts_one_writes(monkeypatch):
    """Of several hosts, which one machine cannot be: the process' number decides."""
    from types import SimpleNamespace

    from fairseq.trainer import Trainer

    from fairseq_hebrew.xla import cures, mesh

    names = ("should_save_checkpoint_on_current_rank", "always_call_state_dict_during_save_checkpoint", "state_dict")
    for name in names:
        monkeypatch.setattr(Trainer, name, getattr(Trainer, name))
    monkeypatch.setattr(mesh, "is_spmd", lambda: True)
    cures.write_on_one_host()
    trainer = SimpleNamespace(tpu=True, is_fsdp=False, is_data_parallel_master=True, cfg=SimpleNamespace(model=None))
    for index, hosts, writes in ((0, 1, True), (0, 4, True), (1, 4, False), (3, 4, False)):
        monkeypatch.setattr(mesh, "processes", lambda index=index, hosts=hosts: (index, hosts))
        assert Trainer.should_save_checkpoint_on_current_rank.fget(trainer) is writes
        assert Trainer.always_call_state_dict_during_save_checkpoint.fget(trainer) is (hosts > 1)
