"""The table of experiments: means and spreads by hand, and what damaged or missing files do."""

import json

import pytest

from fairseq_hebrew.eval.experiments import main, read_variants, spread, table
from fairseq_hebrew.stage.errors import UserError


def write_run(runs, variant, seed, own, common, f1=None):
    folder = runs / variant / str(seed)
    (folder / "nemo").mkdir(parents=True)
    (folder / "validation.json").write_text(json.dumps({"own": own, "common": common}))
    if f1 is not None:
        (folder / "nemo" / "scores.json").write_text(json.dumps({"f1": f1, "kind": "token"}))


@pytest.fixture
def runs(tmp_path):
    for name, title, size in (("a_first", "first", 4.0), ("b_second", "second", 5.0)):
        (tmp_path / name).mkdir()
        about = {"title": title, "updates": 100, "bytes_per_token": size}
        (tmp_path / name / "variant.json").write_text(json.dumps(about))
    write_run(tmp_path, "a_first", 1, 8.0, 10.0, 20.0)
    write_run(tmp_path, "a_first", 2, 9.0, 12.0, 23.0)
    write_run(tmp_path, "a_first", 3, 10.0, 14.0, 26.0)
    write_run(tmp_path, "b_second", 1, 7.5, 10.0)
    return tmp_path


def test_spread_is_the_deviation_of_a_sample():
    assert spread([10.0, 12.0, 14.0], 3) == "12.000 ± 2.000"
    assert spread([1.25], 2) == "1.25"
    assert spread([], 2) == "not run"


def test_table(runs):
    lines = table(read_variants(runs)).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "first", "3", "100", "9.000 ± 1.000", "12.000 ± 2.000", "3.000 ± 0.500", "23.00 ± 3.00"
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].strip("|").split("|")] == [
        "second", "1", "100", "7.500", "10.000", "2.000", "not run"
    ]  # fmt: skip


def test_the_command_writes_what_it_prints(runs, tmp_path, capsys):
    assert main([str(runs), "--output", str(tmp_path / "table.md")]) == 0
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{", "[]", '{"own": 1}'])
def test_a_damaged_file_is_named(runs, content):
    damaged = runs / "a_first" / "2" / "validation.json"
    damaged.write_text(content)
    with pytest.raises(UserError, match=r"validation\.json: does not tell own, common; remove it"):
        read_variants(runs)


def test_a_folder_without_runs(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "no variant.json in any folder here" in capsys.readouterr().err
