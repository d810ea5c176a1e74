"""--device tpu: one process a host, the published batch shared out among its devices.

The devices are counted by torch_xla, which this environment does without: what counts them is played here, and run in
tests/xla.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

# Rows a device holds x steps x devices: arXiv 2510.21372 names a TPUv4-128 (64 chips, 4 a host), the family's pipeline
# 64 x 2 x 64 for base and 32 x 4 x 64 for large.
CHIPS, HOSTS = 4, 16
COUNTS = """#!/bin/bash
if [ "$1 $2" = "-m fairseq_hebrew.xla.devices" ]; then
    {counts}
else
    exec {python} "$@"
fi
"""


@pytest.fixture
def on_a_host(tmp_path):
    """Runs a script of a clone without environments, on a host whose devices are counted by these shell commands."""
    clone, commands = tmp_path / "clone", tmp_path / "bin"
    clone.mkdir()
    commands.mkdir()
    shutil.copytree(ROOT / "train_scripts", clone / "train_scripts")
    (commands / "fairseq-train").write_text("#!/bin/bash\nexit 0\n")
    (commands / "fairseq-train").chmod(0o755)

    def run(counts: str, name: str, *arguments: object) -> subprocess.CompletedProcess:
        (commands / "python").write_text(COUNTS.format(counts=counts, python=shlex.quote(sys.executable)))
        (commands / "python").chmod(0o755)
        return subprocess.run(
            ["bash", clone / "train_scripts" / f"{name}.sh", *map(str, arguments)],
            env={**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def options_of(done):
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout)
    return {a[2:]: b for a, b in zip(words, [*words[1:], ""], strict=True) if a.startswith("--")}, words


@pytest.mark.parametrize("name, rows, steps", [("hallelubert_base", 64, 2), ("hallelubert_large", 32, 4)])
def test_the_published_run_on_the_hosts_of_a_pod(name, rows, steps, on_a_host):
    arguments = ["--device", "tpu", "--nodes", HOSTS, "--dry-run"]
    options, words = options_of(on_a_host(f"echo {CHIPS} {HOSTS}", name, "DATA", *arguments))
    assert words[:2] == ["fairseq-train", "DATA"]
    assert int(options["batch-size"]) == rows * CHIPS and int(options["update-freq"]) == steps
    assert int(options["batch-size"]) * int(options["update-freq"]) * HOSTS == 8192
    assert {"tpu", "fixed-shapes"} <= set(options) and "cpu" not in options
    assert options["xla-matmul-precision"] == "default" and "autocast" not in options


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_the_published_batch_on_one_host(devices, on_a_host):
    arguments = ["--device", "tpu", "--device-batch", 16, "--devices", devices, "--dry-run"]
    options, _ = options_of(on_a_host(f"echo {devices} 1", "neodictabert_phase1", "DATA", *arguments))
    assert int(options["batch-size"]) == 16 * devices
    assert int(options["batch-size"]) * int(options["update-freq"]) == 2048


def test_what_products_are_made_in(on_a_host):
    chosen = ["--device", "tpu", "--dry-run", "--matmul-precision", "highest"]
    options, _ = options_of(on_a_host("echo 4 1", "hallelubert_base", "DATA", *chosen))
    assert options["xla-matmul-precision"] == "highest"
    options, _ = options_of(on_a_host("echo 4 1", "hallelubert_base", "DATA", *chosen, "--precision", "bf16"))
    assert options["autocast"] == "bf16" and "bf16" not in options
    options, _ = options_of(on_a_host("echo 4 1", "neodictabert_phase1", "DATA", "--device", "tpu", "--dry-run"))
    assert options["autocast"] == "bf16"
    done = on_a_host("echo 4 1", "neodictabert_phase1", "DATA", "--device", "tpu", "--precision", "fp8", "--dry-run")
    assert done.returncode == 2 and "--precision fp8 is for Hopper GPUs" in done.stderr


def test_a_part_of_a_hosts_devices_is_refused(on_a_host):
    done = on_a_host("echo 4 1", "hallelubert_base", "DATA", "--device", "tpu", "--devices", 2)
    assert done.returncode == 1 and "takes all of the host's devices, here 4" in done.stderr


@pytest.mark.parametrize("given, hosts", [(["--nodes", 8], HOSTS), ([], HOSTS), (["--nodes", HOSTS], 1)])
def test_another_number_of_hosts_than_the_slice_has_is_refused(given, hosts, on_a_host):
    """The update would be of another size than the published one, and nothing else would show it."""
    done = on_a_host(f"echo {CHIPS} {hosts}", "hallelubert_base", "DATA", "--device", "tpu", *given, "--dry-run")
    nodes = given[1] if given else 1
    told = f"error: --nodes {nodes}: the devices here are those of {hosts} host(s); give --nodes {hosts}\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_without_torch_xla(on_a_host):
    """This environment's own answer: it does not have it."""
    real = f'exec {shlex.quote(sys.executable)} "$@"'
    done = on_a_host(real, "hallelubert_base", "DATA", "--device", "tpu", "--dry-run")
    assert done.returncode == 1 and done.stdout == ""
    assert [line for line in done.stderr.splitlines() if line] == [done.stderr.strip()]
    assert "torch_xla 2.9, which is not installed; make setup-xla" in done.stderr


def test_without_any_environment(on_a_host, tmp_path):
    (tmp_path / "bin" / "fairseq-train").unlink()
    os.symlink("/bin/bash", tmp_path / "bin" / "bash")
    done = subprocess.run(
        ["/bin/bash", tmp_path / "clone" / "train_scripts" / "hallelubert_base.sh", "DATA", "--device", "tpu"],
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"},
        capture_output=True,
        text=True,
    )
    if Path("/usr/bin/fairseq-train").exists() or Path("/bin/fairseq-train").exists():
        pytest.skip("the system itself has a fairseq-train")
    assert done.returncode == 1 and "run make setup-xla" in done.stderr
