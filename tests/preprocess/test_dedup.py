"""The command `dedup`: exact duplicates by default, the first is kept; all other searches by their options."""

import json
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from fairseq_hebrew.preprocess.dedup import Settings, dedup
from fairseq_hebrew.preprocess.duplicates.exact import exact_part
from fairseq_hebrew.preprocess.duplicates.signatures import signature_part


def test_the_first_is_kept_in_order_across_files(tmp_path, documents, written):
    made = documents(100, seed=1)
    first = written(tmp_path / "1.txt", [*made[:60], *made[20:40], *made[:3]])
    second = written(tmp_path / "2.txt", [*made[50:], made[0]])
    output = tmp_path / "out.txt"
    manifest = dedup(Settings(input=[tmp_path / "[12].txt"], output=output))
    assert output.read_bytes() == written(tmp_path / "wanted", made).read_bytes()
    assert manifest["counts"] == {"documents_in": 134, "documents_out": 100, "duplicates": 34}
    assert [record["path"] for record in manifest["inputs"]] == [str(first), str(second)]


@pytest.mark.parametrize("memory", [200_000, 20_000, 300])
def test_any_memory_gives_the_same_result(tmp_path, documents, written, memory):
    made = documents(300, seed=2) * 2
    source = written(tmp_path / "a.txt", made)
    signature_part(source, tmp_path / "signatures", None)
    counts = exact_part([tmp_path / "signatures"], tmp_path / "alive", memory)
    assert counts == {"documents_in": 600, "duplicates": 300}
    assert (tmp_path / "alive").read_bytes() == b"\1" * 300 + b"\0" * 300


def test_line_ends_blank_lines_and_a_missing_last_newline_make_no_difference(tmp_path):
    source = tmp_path / "a.txt"
    source.write_bytes(b"\xef\xbb\xbf\none\ntwo\n\n\n\none\r\ntwo\r\n\r\n \none\n\ntwo\n\none\ntwo")
    dedup(Settings(input=[source], output=tmp_path / "out.txt"))
    assert (tmp_path / "out.txt").read_bytes() == b"one\ntwo\n\none\n\ntwo\n\n"


def test_line_ends_that_were_converted_twice_are_line_ends(tmp_path):
    source = tmp_path / "a.txt"
    source.write_bytes(b"one\r\r\ntwo\r\r\n\r\r\none\ntwo\n\nthree\r")
    for documents in ("blank", "auto"):
        dedup(Settings(input=[source], output=tmp_path / "out.txt", documents=documents, near=True), force=True)
        assert (tmp_path / "out.txt").read_bytes() == b"one\ntwo\n\nthree\n\n"


def test_a_mark_within_a_text_is_a_character(tmp_path):
    """Files with byte-order marks that were joined; the first document is gone, the next begins with a mark."""
    source = tmp_path / "a.txt"
    source.write_bytes(b"\xef\xbb\xbf\n\xef\xbb\xbfone two\n\n\xef\xbb\xbfone two three\n")
    for unit in ("documents", "paragraphs"):
        dedup(Settings(input=[source], output=tmp_path / "out.txt", unit=unit, near=True), force=True)
        assert (tmp_path / "out.txt").read_text("utf-8") == "\ufeffone two\n\n\ufeffone two three\n\n"


def test_lines_as_documents(tmp_path):
    source = tmp_path / "a.txt"
    source.write_bytes(b"one\ntwo\n\none\nthree")
    dedup(Settings(input=[source], output=tmp_path / "out.txt", documents="lines"))
    assert (tmp_path / "out.txt").read_bytes() == b"one\n\ntwo\n\nthree\n\n"


def test_the_command(tmp_path, documents, written, command):
    made = documents(5, seed=3)
    source = written(tmp_path / "a.txt", [*made, *made])
    done = command("dedup", "--input", source, "--output", tmp_path / "out.txt", "--memory", "1")
    assert done.returncode == 0 and done.stdout == ""
    assert (tmp_path / "out.txt").read_bytes() == written(tmp_path / "wanted", made).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "out.txt", "out.txt.manifest.json", "wanted"]


def test_everything_at_once_with_any_workers_memory_and_files(tmp_path, documents, written, command):
    """Near-duplicates, evaluation data and paragraphs together: the kept text depends on the documents alone."""
    made = documents(150, seed=4, paragraphs=4, words=30)
    near = [[*lines[:-1], f"{lines[-1]} ..."] for lines in made[:40]]
    evaluation = next(line for lines in made[41:] for line in lines if len(line.split()) > 20)
    everything = [*made, *near, *made[100:110]]
    (tmp_path / "test.txt").write_text(evaluation + "\n", encoding="utf-8")
    options = ["--near", "--against", tmp_path / "test.txt", "--unit", "paragraphs", "--paragraph-characters", "40"]
    cuts = {"one": [0, 200], "three": [0, 1, 90, 200]}
    results = []
    for name, workers, memory in (("one", 1, 1000), ("three", 3, 1)):
        folder = tmp_path / name
        folder.mkdir()
        for number, (start, end) in enumerate(pairwise(cuts[name])):
            written(folder / f"{number}.txt", everything[start:end])
        inputs = ["--input", folder / "*.txt", "--output", folder / "out" / "kept.txt"]
        done = command("dedup", *inputs, *options, "--workers", str(workers), "--memory", str(memory))
        assert done.returncode == 0, done.stderr
        manifest = json.loads((folder / "out" / "kept.txt.manifest.json").read_text())
        report = json.loads((folder / "out" / "kept.txt.against.json").read_text())
        for evaluation in report["evaluation"]:
            for sample in evaluation["samples"]:
                sample.pop("file"), sample.pop("document")
        results.append(((folder / "out" / "kept.txt").read_bytes(), manifest["counts"], report))
        assert sorted(path.name for path in (folder / "out").iterdir()) == [
            "kept.txt",
            "kept.txt.against.json",
            "kept.txt.manifest.json",
        ]
    assert results[0] == results[1]
    counts = results[0][1]
    assert counts["documents_in"] == 200 and counts["duplicates"] == 10 and counts["near_duplicates"] == 40
    assert counts["overlapping"] >= 1 and counts["paragraphs_removed"] == 0 == counts["documents_without_paragraphs"]
    assert counts["documents_out"] == 200 - 10 - 40 - counts["overlapping"]
    assert counts["recall"]["0.9"] > 0.99 and counts["candidate_pairs"] >= counts["verified_pairs"] >= 40


def test_a_change_of_evaluation_files_runs_the_stage_again(tmp_path, documents, written, capsys):
    source = written(tmp_path / "a.txt", documents(20, seed=5))
    other = tmp_path / "test.txt"
    other.write_text("מילים שאינן בקורפוס כלל ולא היו בו מעולם גם לפני כן או אחרי כן כאן\n", encoding="utf-8")
    settings = Settings(input=[source], output=tmp_path / "out.txt", against=[other])
    first = dedup(settings)
    assert first["counts"]["overlapping"] == 0 and first["counts"]["documents_out"] == 20
    assert [record["path"] for record in first["inputs"]] == [str(source), str(other)]
    capsys.readouterr()
    dedup(settings)
    assert "skipped" in capsys.readouterr().err
    other.write_text(source.read_text(encoding="utf-8").split("\n\n")[3] + " ועוד מילים שיהיו מספיק ארוכות\n", "utf-8")
    assert dedup(settings)["counts"]["documents_out"] <= 20 and "skipped" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, said",
    [
        (["--near", "--near-threshold", "1.5"], "--near-threshold 1.5: a Jaccard above 0 and up to 1 is needed"),
        (["--near", "--bands", "20", "--rows", "20"], "--bands 20 of --rows 20: a signature has 128 values"),
        (["--near-ngram", "0"], "--near-ngram 0: at least 1 is needed"),
        (["--workers", "0"], "--workers 0: at least 1 is needed"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, refused, options, said):
    (tmp_path / "a.txt").write_text("א\n\n", encoding="utf-8")
    status = 2
    assert said in refused("dedup", "--input", tmp_path / "a.txt", "--output", tmp_path / "b", *options, status=status)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_nothing_left_and_bad_evaluation_files_are_told(tmp_path, refused):
    source, other = tmp_path / "a.txt", tmp_path / "test.json"
    line = " ".join(f"מילה{number}" for number in range(20))
    source.write_text(line + "\n\n", encoding="utf-8")
    call = ["dedup", "--input", source, "--output", tmp_path / "out.txt", "--against", other]
    assert "test.json: no such file" in refused(*call)
    other.write_text("{", encoding="utf-8")
    assert "test.json:1: not JSON" in refused(*call)
    other.write_text("[1, 2]", encoding="utf-8")
    assert "test.json: no text is in it" in refused(*call)
    other.write_text(json.dumps([line]), encoding="utf-8")
    assert "every document overlaps the evaluation data" in refused(*call)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "test.json"]


def test_blank_lines_only_are_told_whatever_is_asked_for(tmp_path, refused):
    (tmp_path / "a.txt").write_bytes(b"\n \n\n")
    (tmp_path / "test.txt").write_text("מילה " * 20, encoding="utf-8")
    call = ["dedup", "--input", tmp_path / "a.txt", "--output", tmp_path / "out.txt"]
    for options in ([], ["--near"], ["--near", "--unit", "paragraphs", "--against", tmp_path / "test.txt"]):
        assert "a.txt: holds blank lines only" in refused(*call, *options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "test.txt"]


def test_killed_at_random_moments_the_next_run_is_as_an_undisturbed_one(tmp_path, documents, written):
    made = documents(3000, seed=8, paragraphs=8)
    source = written(tmp_path / "a.txt", [*made, *([*lines, "תוספת"] for lines in made[:900])])
    evaluation = next(line for lines in made for line in lines if len(line.split()) == 12)
    (tmp_path / "test.txt").write_text(evaluation, encoding="utf-8")
    options = ["--near", "--unit", "paragraphs", "--workers", "2", "--against", tmp_path / "test.txt"]

    def call(output):
        call = [sys.executable, "-m", "fairseq_hebrew.cli", "dedup", "--input", source, "--output", output, *options]
        return list(map(str, call))

    started = time.monotonic()
    subprocess.run(call(tmp_path / "wanted" / "out.txt"), check=True, capture_output=True)
    took = time.monotonic() - started
    choice = random.Random(1)
    output = tmp_path / "killed" / "out.txt"
    for _ in range(8):
        process = subprocess.Popen(call(output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(choice.uniform(0.2, 1) * took)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Files appear at the end, one after the other: what is there is whole.
        for path in output.parent.glob("out.txt*"):
            assert "manifest" in path.name or path.read_bytes() == (tmp_path / "wanted" / path.name).read_bytes()
    subprocess.run(call(output), check=True, capture_output=True)
    names = ["out.txt", "out.txt.against.json", "out.txt.manifest.json"]
    assert sorted(path.name for path in output.parent.iterdir()) == names
    for name in names[:2]:
        assert (output.parent / name).read_bytes() == (tmp_path / "wanted" / name).read_bytes()
