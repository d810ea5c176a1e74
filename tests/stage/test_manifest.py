"""Manifests: what was done is skipped, what changed is done again."""

import json
import os

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import FORMAT, file_record, manifest_path, require_inputs, run_stage


@pytest.fixture
def stage(tmp_path):
    """A stage that copies its input in capitals to two files; `stage.runs` counts how often it worked."""
    source, output = tmp_path / "in.txt", tmp_path / "out" / "a.txt"
    source.write_text("abc")

    def run(name="copy", settings=None, inputs=None, force=False):
        def work(outputs):
            run.runs += 1
            finals = [output, output.with_name("b.txt")]
            for final in finals:
                with outputs.open(final) as file:
                    file.write((inputs or [source])[0].read_bytes().upper())
            return finals, {"lines": 1}

        return run_stage(name, output, inputs or [source], settings or {"x": 1}, work, force)

    run.runs, run.source, run.output = 0, source, output
    return run


def test_the_manifest_tells_what_was_done(stage):
    made = stage()
    written = json.loads(manifest_path(stage.output).read_text())
    assert made == written
    assert written["stage"] == "copy" and written["format"] == FORMAT and written["settings"] == {"x": 1}
    assert written["inputs"][0]["bytes"] == 3 and len(written["inputs"][0]["sha256"]) == 64
    assert [record["path"] for record in written["outputs"]] == ["a.txt", "b.txt"]
    assert written["counts"] == {"lines": 1} and written["seconds"] >= 0 and written["version"]


def test_the_same_work_is_skipped_and_the_output_untouched(stage, capsys):
    first = stage()
    before = os.stat(stage.output).st_mtime_ns
    assert stage() == first and stage.runs == 1
    assert os.stat(stage.output).st_mtime_ns == before
    assert "up to date, skipped" in capsys.readouterr().err


def test_a_moved_or_touched_input_is_the_same_input(stage, tmp_path):
    stage()
    moved = tmp_path / "moved.txt"
    stage.source.rename(moved)
    stage(inputs=[moved])
    os.utime(moved, (1, 1))
    stage(inputs=[moved])
    assert stage.runs == 1


def test_an_ending_that_says_what_a_file_is_makes_it_run_again(stage, tmp_path):
    stage()
    for runs, name in ((2, "in.jsonl"), (2, "other.jsonl"), (3, "in.jsonl.gz"), (4, "in.csv")):
        source = tmp_path / name
        source.write_text("abc")
        stage(inputs=[source])
        assert stage.runs == runs


def test_a_moved_output_folder_is_still_finished(stage, tmp_path):
    stage()
    (tmp_path / "out").rename(tmp_path / "other")
    moved = tmp_path / "other" / "a.txt"
    run_stage("copy", moved, [stage.source], {"x": 1}, lambda outputs: pytest.fail("ran again"))


@pytest.mark.parametrize(
    "change",
    ["input", "setting", "name", "format", "damaged", "shorter", "second", "missing", "manifest", "list", "empty"],
)
def test_anything_that_changed_makes_it_run_again(stage, monkeypatch, change):
    stage()
    arguments = {}
    manifest = manifest_path(stage.output)
    match change:
        case "input":
            stage.source.write_text("abd")
        case "setting":
            arguments["settings"] = {"x": 2}
        case "name":
            arguments["name"] = "other"
        case "format":
            monkeypatch.setattr("fairseq_hebrew.stage.manifest.FORMAT", FORMAT + 1)
        case "damaged":
            stage.output.write_text("ABX")
        case "shorter":
            stage.output.write_text("")
        case "second":
            stage.output.with_name("b.txt").write_text("X")
        case "missing":
            stage.output.unlink()
        case "manifest":
            manifest.write_text(manifest.read_text()[:-20])
        case "list":
            manifest.write_text("[1]")
        case "empty":
            manifest.write_bytes(b"\xff")
    stage(**arguments)
    assert stage.runs == 2
    assert stage.output.read_text() == stage.source.read_text().upper()


def test_force_runs_again(stage):
    stage()
    stage(force=True)
    assert stage.runs == 2


def test_a_failed_run_leaves_no_manifest_that_speaks_of_it(stage):
    stage()

    def fail(outputs):
        with outputs.open(stage.output) as file:
            file.write(b"half")
        raise UserError("bad")

    with pytest.raises(UserError):
        run_stage("copy", stage.output, [stage.source], {"x": 3}, fail)
    assert not manifest_path(stage.output).exists()
    assert stage.output.read_text() == "ABC"


def test_inputs_that_are_none(tmp_path):
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for given, said in [
        ([], "no input files"),
        ([tmp_path / "missing"], "no such file"),
        ([tmp_path / "dangling"], "no such file"),
        ([tmp_path], "is a folder"),
        ([tmp_path / "empty"], "the file is empty"),
        ([tmp_path / "pipe"], "no regular file"),
    ]:
        with pytest.raises(UserError, match=said) as error:
            require_inputs(given)
        assert all(str(path) in str(error.value) for path in given)


@pytest.mark.parametrize("change", ["longer", "same_size", "replaced", "gone"])
@pytest.mark.parametrize("again", [False, True])
def test_an_input_that_is_changed_while_it_is_read_is_an_error(stage, change, again):
    if again:
        stage()

    def work(outputs):
        with outputs.open(stage.output) as file:
            file.write(stage.source.read_bytes())
        match change:
            case "longer":
                stage.source.write_text("abcd")
            case "same_size":
                stage.source.write_text("xyz")
                os.utime(stage.source, (1, 1))
            case "replaced":
                other = stage.source.with_name("other")
                other.write_text("abc")
                other.replace(stage.source)
            case "gone":
                stage.source.unlink()
        return [stage.output], {}

    with pytest.raises(UserError, match=r"in\.txt: was changed while other read it; run again when it is whole"):
        run_stage("other", stage.output, [stage.source], {}, work)
    assert not manifest_path(stage.output).exists()
    assert [path for path in stage.output.parent.iterdir() if path.name.startswith(".")] == []
    assert stage.output.exists() == again, "what an earlier run made is not touched"


def test_outputs_are_recorded_as_they_are_however_they_were_written(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("abc")
    finals = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]

    def work(outputs):
        with outputs.open(finals[0]) as file:
            file.write(b"in order")
        with outputs.open(finals[1]) as file:
            file.write(b"xxxx")
            file.seek(0)
            file.write(b"seek")
        outputs.path(finals[2]).write_bytes(b"by name")
        return finals, {}

    made = run_stage("write", finals[0], [source], {}, work)
    for final, record in zip(finals, made["outputs"]):
        assert record == {**file_record(final), "path": final.name}
    run_stage("write", finals[0], [source], {}, lambda outputs: pytest.fail("ran again"))
