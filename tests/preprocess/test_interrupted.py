"""Stages that are killed or run out of disk: nothing half-written under a final name, and the next run is whole."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairseq_hebrew.preprocess import binarize, clean, dedup, mix, shuffle, split, train_bpe
from fairseq_hebrew.stage import output as stage_output
from fairseq_hebrew.stage.errors import UserError

FINAL = {"shuffle": ["out.txt"], "binarize": ["o/train.bin", "o/train.idx"], "dedup": ["out.txt"], "clean": ["out.txt"]}


@pytest.fixture(scope="module")
def source(tmp_path_factory, documents, written):
    """About 3 MB of text."""
    made = documents(1000, seed=1, paragraphs=10)
    return written(tmp_path_factory.mktemp("source") / "a.txt", [[f"{n}", *lines] for n in range(5) for lines in made])


def arguments(name, source, tokenizer, folder):
    options = [name, "--input", source, "--output", folder / ("o" if name == "binarize" else "out.txt")]
    options += ["--tokenizer", tokenizer] if name == "binarize" else []
    options += {
        "shuffle": ["--memory", "1"],
        "binarize": ["--workers", "2"],
        "clean": ["--workers", "2"],
        "dedup": ["--near", "--unit", "paragraphs", "--workers", "2"],
    }.get(name, [])
    return [sys.executable, "-m", "fairseq_hebrew.cli", *map(str, options)]


@pytest.mark.parametrize("name", ["shuffle", "binarize", "clean", "dedup"])
def test_a_killed_stage_leaves_nothing_final_and_is_whole_the_next_time(tmp_path, source, tokenizer, name):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    for folder in (undisturbed, killed):
        folder.mkdir()
    subprocess.run(arguments(name, source, tokenizer, undisturbed), check=True, capture_output=True)
    wanted = {final: (undisturbed / final).read_bytes() for final in FINAL[name]}
    for delay in (0.0, 0.03, 0.1):
        process = subprocess.Popen(
            arguments(name, source, tokenizer, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not list(killed.rglob(".*.part")):
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not delay:
            assert any(killed.rglob(".*")), "killed in the middle"
        for final in FINAL[name]:
            if (killed / final).exists():
                assert (killed / final).read_bytes() == wanted[final], "partial under its final name"
    subprocess.run(arguments(name, source, tokenizer, killed), check=True, capture_output=True)
    assert {final: (killed / final).read_bytes() for final in FINAL[name]} == wanted
    left = [path for path in killed.rglob("*") if path.name.startswith(".")]
    assert left == [], "what kills left behind is gone"


CONFIG = """
input: [a1.txt, a2.txt]
workers: 2
memory: 1
clean: {boilerplate_repeats: 9}
split: {valid_bytes: 3000, test_bytes: 2000}
train-bpe: {vocab_size: 400}
"""


def contents(folder):
    """The bytes of all files, without what a manifest tells of a run: the time it took, and where its input stood."""
    made = {}
    for path in folder.rglob("*"):
        if path.is_file():
            made[str(path.relative_to(folder))] = path.read_bytes()
            if path.name.endswith(".manifest.json"):
                manifest = json.loads(path.read_text(encoding="utf-8"))
                del manifest["seconds"]
                for record in manifest["inputs"]:
                    record["path"] = Path(record["path"]).name
                made[str(path.relative_to(folder))] = manifest
    return made


def start_corpus(config, output):
    command = [sys.executable, "-m", "fairseq_hebrew.cli", "corpus", config, "--output", output]
    # A group of its own: its worker processes are killed with it.
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_corpus_killed_at_random_moments_is_in_the_end_that_of_an_undisturbed_run(tmp_path, documents, written):
    made = documents(600, seed=1, paragraphs=10)
    written(tmp_path / "a1.txt", made[:400])
    written(tmp_path / "a2.txt", made[300:])
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    start_corpus(config, tmp_path / "warm").communicate()
    begin = time.monotonic()
    undisturbed = start_corpus(config, tmp_path / "undisturbed")
    assert undisturbed.wait() == 0, undisturbed.stderr.read()
    seconds = time.monotonic() - begin
    wanted = contents(tmp_path / "undisturbed")
    choice = random.Random(1)
    kills = rounds = 0
    while kills < 15:
        rounds += 1
        folder = tmp_path / f"killed{rounds}"
        while True:
            # What is done already is skipped, so later runs come further in the same time.
            process = start_corpus(config, folder)
            try:
                told = process.communicate(timeout=choice.uniform(0.1, 0.7) * seconds)[1]
                assert process.returncode == 0, told
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
            for name, content in contents(folder).items():
                if not any(part.startswith(".") for part in Path(name).parts):
                    # A file that stands there without its manifest is whole as well.
                    assert content == wanted[name], name
        assert contents(folder) == wanted


def test_an_input_that_changed_between_runs_is_read_again(tmp_path, documents, written):
    made = documents(300, seed=1)
    written(tmp_path / "a1.txt", made[:200])
    written(tmp_path / "a2.txt", made[200:])
    (tmp_path / "config.yaml").write_text(CONFIG)
    for folder in ("changed", "fresh"):
        process = start_corpus(tmp_path / "config.yaml", tmp_path / folder)
        assert process.wait() == 0, process.stderr.read()
        written(tmp_path / "a2.txt", [["משפט אחר לגמרי שלא היה כאן קודם."], *made[200:]])
    process = start_corpus(tmp_path / "config.yaml", tmp_path / "changed")
    assert process.wait() == 0, process.stderr.read()
    assert contents(tmp_path / "changed") == contents(tmp_path / "fresh")


@pytest.mark.parametrize("name", ["clean", "dedup", "shuffle", "split", "mix", "train-bpe", "binarize"])
def test_an_input_that_changes_while_a_stage_reads_it_is_one_clear_line(tmp_path, source, tokenizer, monkeypatch, name):
    """Whatever the stage, and although the change comes when it has read all."""
    changing, folder = tmp_path / "a.txt", tmp_path / "made"
    changing.write_bytes(source.read_bytes()[:100_000].rpartition(b"\n\n")[0])
    folder.mkdir()
    real = stage_output.Outputs.__enter__

    def enter(outputs):
        def grow():
            with open(changing, "ab") as file:
                file.write("\n\nעוד מסמך\n".encode())

        made = real(outputs)
        outputs.path = lambda final, path=outputs.path: grow() or path(final)
        return made

    monkeypatch.setattr(stage_output.Outputs, "__enter__", enter)
    with pytest.raises(UserError, match=rf"a\.txt: was changed while {name} read it; run again when it is whole"):
        stages(changing, tokenizer, folder)[name]()
    # The dictionary beside the binaries comes from the tokenizer, not from this input.
    assert [path for path in folder.rglob("*") if path.is_file() and path.name != "dict.txt"] == []


def stages(source, tokenizer, folder):
    return {
        "clean": lambda: clean.clean(clean.Settings(input=[source], output=folder / "out.txt")),
        "boilerplate": lambda: clean.clean(
            clean.Settings(input=[source], output=folder / "out.txt", boilerplate_repeats=3)
        ),
        "dedup": lambda: dedup.dedup(dedup.Settings(input=[source], output=folder / "out.txt")),
        "near": lambda: dedup.dedup(dedup.Settings(input=[source], output=folder / "out.txt", near=True, workers=2)),
        "shuffle": lambda: shuffle.shuffle(shuffle.Settings(input=[source], output=folder / "out.txt")),
        "buckets": lambda: shuffle.shuffle(shuffle.Settings(input=[source], output=folder / "out.txt", memory=1)),
        "split": lambda: split.split(split.Settings(input=[source], output=folder / "o", valid_bytes=500)),
        "mix": lambda: mix.mix(
            mix.Settings(input=[f"a={source}"], output=folder / "out.txt", weights={"a": 1.0}, unit="words")
        ),
        "train-bpe": lambda: train_bpe.train_bpe(
            train_bpe.Settings(input=[source], output=folder / "o", vocab_size=300)
        ),
        "binarize": lambda: binarize.binarize(
            binarize.Settings(input=[source], tokenizer=tokenizer, output=folder / "o")
        ),
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the limit is set in a child process")
@pytest.mark.parametrize(
    "name",
    ["clean", "boilerplate", "dedup", "near", "shuffle", "buckets", "split", "mix", "train-bpe", "binarize"],
)
def test_a_full_disk_is_one_clear_line_and_nothing_is_left(tmp_path, source, tokenizer, name):
    """A limit on the size of files, which the system reports as it reports a full disk."""
    small = tmp_path / "a.txt"
    small.write_bytes(source.read_bytes()[:200_000].rpartition(b"\n\n")[0])
    folder = tmp_path / "made"
    folder.mkdir()
    process = subprocess.run(
        [sys.executable, "-c", LIMITED, str(small), str(tokenizer), str(folder), name],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    assert process.returncode == 1, process.stderr
    lines = process.stderr.splitlines()
    assert "Traceback" not in process.stderr and lines[-1].startswith("error: file too large while writing "), lines
    assert str(folder) in lines[-1] and "free some space" in lines[-1]
    assert [path for path in folder.rglob("*") if path.is_file()] == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
import test_interrupted
from fairseq_hebrew.stage.errors import run_command
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
source, tokenizer, folder, name = sys.argv[1:]
stage = test_interrupted.stages(Path(source), Path(tokenizer), Path(folder))[name]
sys.exit(run_command(stage, debug=False))
"""


def test_the_last_bytes_of_a_file_may_be_those_that_do_not_fit(tmp_path, monkeypatch, documents, written):
    """A buffered file reports a full disk when it is closed."""
    source = written(tmp_path / "a.txt", documents(5, seed=1))

    class Full(stage_output.HashedFile):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stage_output, "HashedFile", Full)
    command = ["--input", str(source), "--output", str(tmp_path / "out.txt")]
    assert dedup.COMMAND.main(command) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
