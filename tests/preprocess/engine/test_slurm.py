"""The Slurm executor without a cluster: a `sbatch` of this test keeps its scripts, and they are run as Slurm would."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fairseq_hebrew.preprocess.engine.backends import SlurmBackend, SlurmSettings, read_settings
from fairseq_hebrew.stage.errors import UserError
from tests.preprocess.engine import small_parts
from tests.preprocess.engine.conftest import ROOT

# Keeps the script and its options, and answers as sbatch does.
SBATCH = """#!/bin/bash
number=$(( $(ls {folder} | grep -c script) + 1 ))
cp "${{@: -1}}" {folder}/script$number
printf '%s\\n' "${{@:1:$#-1}}" > {folder}/options$number
echo "Submitted batch job $(( 1000 + number ))"
"""
# `srun -l -n 1 COMMAND...`
SRUN = """#!/bin/bash
[ "$1 $2 $3" = "-l -n 1" ] || exit 9
shift 3; exec "$@"
"""


def executable(path, content):
    path.write_text(content)
    path.chmod(0o755)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A folder in which a stand-in for sbatch keeps what is submitted."""
    folder, programs = tmp_path / "submitted", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    executable(programs / "sbatch", SBATCH.format(folder=folder))
    executable(programs / "srun", SRUN)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return folder


def submitted(folder):
    """(script, options) in the order of submission."""
    scripts = sorted(folder.glob("script*"), key=lambda path: int(path.name[6:]))
    return [(path, path.with_name(path.name.replace("script", "options")).read_text().split("\n")) for path in scripts]


def directives(script):
    return dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", script.read_text(), re.MULTILINE))


def run_jobs(folder):
    """Run every index of every array in order, as the dependencies ask; stops at the first failure as Slurm would."""
    for number, (script, options) in enumerate(submitted(folder), start=1):
        first, last = directives(script)["array"].partition("%")[0].split("-")
        for index in range(int(first), int(last) + 1):
            environment = {
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SLURM_JOB_ID": str(1000 + number),
                "SLURM_ARRAY_TASK_ID": str(index),
                "SLURM_NODELIST": "node1",
                "RUN_OFFSET": next(o for o in options if "RUN_OFFSET" in o).partition("RUN_OFFSET=")[2],
            }
            done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True)
            if done.returncode:
                return done
    return None


def on_slurm(**settings):
    return SlurmBackend(SlurmSettings(**{"partition": "cpu", "time": "2:00:00", **settings}))


def test_scripts_arrays_and_dependencies(run, slurm, capsys):
    settings = read_settings(
        SlurmSettings,
        {
            "partition": "long",
            "time": "1-00:00:00",
            "memory": 3,
            "workers": 2,
            "qos": "high",
            "environment": "module load python",
            "options": ["account=nlp", "exclusive"],
            "phases": {"total": {"memory": 60, "cpus": 8, "partition": "big"}},
        },
        "config.yaml: slurm",
        ("scatter", "gather", "total", "copy", "finish"),
    )
    run(backend=SlurmBackend(settings))
    jobs = submitted(slurm)
    assert [directives(script)["job-name"] for script, _ in jobs] == [
        f"corpus-{name}" for name in ("scatter", "gather", "total", "copy", "finish")
    ]
    for script, _ in jobs:
        assert subprocess.run(["bash", "-n", script]).returncode == 0
        assert "\nmodule load python\n" in script.read_text()
    assert [directives(script)["array"] for script, _ in jobs] == ["0-3%2", "0-2%2", "0-0%2", "0-0%2", "0-0%2"]
    waits = [[option for option in options if "dependency" in option] for _, options in jobs]
    assert waits == [[], *[[f"--dependency=afterok:{job}"] for job in range(1001, 1005)]]
    told = directives(jobs[0][0])
    assert told["partition"] == "long" and told["time"] == "1-00:00:00" and told["qos"] == "high"
    assert (told["cpus-per-task"], told["mem-per-cpu"], told["nodes"]) == ("1", "3G", "1")
    assert told["account"] == "nlp" and told["exclusive"] == "" and told["kill-on-invalid-dep"] == "yes"
    assert Path(told["output"]).parent.is_dir()
    big = directives(jobs[2][0])
    assert (big["cpus-per-task"], big["mem-per-cpu"], big["partition"]) == ("8", "60G", "big")
    said = capsys.readouterr().err
    assert "corpus: gather: job 1002, 3 in its array" in said and "corpus: submitted" in said


def test_the_jobs_of_a_phase_are_one_array(run, made, slurm):
    """The next phase waits for the last array of a phase: a second one would be waited for alone."""
    folder = run("slurm", on_slurm(phases={"scatter": {"jobs": 2}}))
    jobs = submitted(slurm)
    assert [directives(script)["array"] for script, _ in jobs] == ["0-1", "0-2", "0-0", "0-0", "0-0"]
    assert run_jobs(slurm) is None and made(folder) == made(run("local"))


def test_the_scripts_do_the_work(run, made, slurm, capsys):
    folder = run("slurm", on_slurm(jobs=3))
    assert not made(folder), "nothing is run here"
    assert run_jobs(slurm) is None
    assert made(folder) == made(run("local")) and json.loads((folder / "corpus.manifest.json").read_text())
    before = len(submitted(slurm))
    capsys.readouterr()
    run("slurm", on_slurm(jobs=3))
    assert len(submitted(slurm)) == before and "up to date" in capsys.readouterr().err


def test_a_job_that_fails_and_what_is_submitted_then(run, made, slurm):
    folder = run("slurm", on_slurm(), last=small_parts.refuse)
    failed = run_jobs(slurm)
    assert failed.returncode and "a word too many; take it out" in failed.stderr
    for path in slurm.iterdir():
        path.unlink()
    run("slurm", on_slurm())
    # Of the first phase one task is left; that part is another one, so its markers are new.
    assert directives(submitted(slurm)[0][0])["array"] == "0-0"
    assert run_jobs(slurm) is None
    assert made(folder) == made(run("local"))


def test_a_job_of_an_earlier_submission_ends(run, made, slurm, tmp_path):
    run("slurm", on_slurm())
    (first, options), *_ = submitted(slurm)
    kept = (first.read_text(), options)
    run("slurm", on_slurm(), upper=True)
    for path in slurm.iterdir():
        path.unlink()
    (slurm / "script1").write_text(kept[0])
    (slurm / "options1").write_text("\n".join(kept[1]))
    # The pickled executor of the phase is that of the later submission only where the phase is the same.
    assert run_jobs(slurm) is None
    run("slurm", on_slurm())
    (tmp_path / "slurm" / "engine" / "run").write_text("another")
    failed = run_jobs(slurm)
    assert failed.returncode and "another run has begun on this output folder" in failed.stderr


def test_no_slurm_and_a_refusal(run, slurm, tmp_path, monkeypatch):
    executable(tmp_path / "programs" / "sbatch", "#!/bin/bash\necho 'sbatch: error: invalid partition' >&2; exit 1\n")
    with pytest.raises(UserError, match=r"sbatch refused the job of phase scatter \(exit status 1"):
        run("slurm", on_slurm())
    (tmp_path / "programs" / "sbatch").unlink()
    with pytest.raises(UserError, match="sbatch: no such command"):
        run("slurm", on_slurm())


def test_a_folder_with_a_blank_is_refused(run, slurm):
    with pytest.raises(UserError, match="a blank in its name"):
        run("my corpus", on_slurm())
    assert not submitted(slurm)


def test_a_path_finds_this_python(run, slurm):
    run("slurm", on_slurm())
    assert f"export PATH={Path(sys.executable).parent}:$PATH" in submitted(slurm)[0][0].read_text()


@pytest.mark.parametrize(
    "values, said",
    [
        (None, "slurm: the key 'partition' is missing"),
        ({"partition": "x"}, "slurm: the key 'time' is missing"),
        # YAML reads 24:00:00 as a number of seconds.
        ({"partition": "x", "time": 86400}, "slurm.time: 86400 is not text; put it in quotes"),
        ({"partition": "x", "time": "1:00", "memory": "4G"}, "slurm.memory: '4G' is not a number"),
        ({"partition": "x", "time": "1:00", "jobs": 0}, "slurm.jobs 0: at least 1"),
        ({"partition": "x", "time": "1:00", "options": "account=x"}, "slurm.options: expected a list"),
        ({"partition": "x", "time": "1:00", "phases": {"wrong": {}}}, "slurm.phases: no phase 'wrong'; the phases are"),
        ({"partition": "x", "time": "1:00", "phases": {"scatter": 4}}, "slurm.phases.scatter: expected"),
        ({"partition": "x", "time": "1:00", "phases": {"scatter": {"cpu": 4}}}, "slurm.phases.scatter: unknown key"),
        ({"partition": "x", "time": "1:00", "phases": []}, "slurm.phases: expected the name of a phase"),
        ("cpu", "slurm: expected `key: value` lines"),
    ],
)
def test_mistakes_in_the_section(values, said):
    with pytest.raises(UserError) as error:
        read_settings(SlurmSettings, values, "config.yaml: slurm", ("scatter",))
    assert said in str(error.value) and "\n" not in str(error.value)
