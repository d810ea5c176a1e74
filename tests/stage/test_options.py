"""Settings as options of a command and as keys of a configuration."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import add_arguments, expand, from_arguments, from_mapping, recorded, setting


@dataclass
class Settings:
    input: list[Path] = setting(help="files", changes_result=False)
    size: int = setting(help="how many", least=2)
    kind: str = setting("a", "which", ("a", "b"))
    share: float = setting(0.5, "share", least=0)
    flag: bool = setting(False, "whether")
    other: Path = setting(None, "another file")
    more: list[Path] = setting([], "more files")
    hidden: int = 7


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser, Settings)
    return from_arguments(Settings, parser.parse_args(arguments))


def test_options_and_keys_give_the_same_settings():
    parsed = parse("--input", "x", "y", "--size", "3", "--kind", "b", "--share", "1", "--flag", "--other", "z")
    values = {"size": 3, "kind": "b", "share": 1, "flag": True, "other": "z"}
    assert parsed == from_mapping(Settings, values, "here", input=[Path("x"), Path("y")])
    assert isinstance(parsed.share, float)
    assert parse("--input", "x", "--size", "3", "--no-flag").flag is False


def test_only_what_changes_the_result_is_recorded():
    assert set(recorded(parse("--input", "x", "--size", "3"))) == {"size", "kind", "share", "flag", "other", "more"}


def test_keys_may_be_written_with_dashes_or_underscores():
    @dataclass
    class Long:
        two_words: int = setting(1, "x")

    assert from_mapping(Long, {"two-words": 2}, "w") == from_mapping(Long, {"two_words": 2}, "w") == Long(2)


@pytest.mark.parametrize(
    "values, said",
    [
        ({"size": 3, "wrong": 1}, "unknown key 'wrong'"),
        ({"size": 3, "input": "x"}, "unknown key 'input'"),
        ({"size": 3, "hidden": 1}, "unknown key 'hidden'"),
        ({"size": 3, 5: 1}, "unknown key 5"),
        ({"size": "three"}, "'three' is not a number"),
        ({"size": True}, "True is not a number"),
        ({"size": 3.5}, "3.5 is not a whole number"),
        ({"size": float("inf")}, "inf is not a whole number"),
        ({"size": float("nan")}, "nan is not a whole number"),
        ({"size": [3]}, "[3] is not a number"),
        ({"size": 1}, "at least 2"),
        ({"size": None}, "has no value"),
        ({"size": 3, "share": float("nan")}, "at least 0"),
        ({"size": 3, "share": -0.1}, "at least 0"),
        ({"size": 3, "flag": "yes please"}, "neither true nor false"),
        ({"size": 3, "flag": 1}, "neither true nor false"),
        ({"size": 3, "kind": "c"}, "none of a, b"),
        ({"size": 3, "kind": 5}, "5 is not text"),
        ({"size": 3, "kind": ["a"]}, "is not text"),
        ({"size": 3, "more": 5}, "more: 5 is not text"),
        ({"size": 3, "more": {"a": "b"}}, "is not text"),
        ({"size": 3, "more": ["a", None]}, "more: has no value"),
        ({"kind": "a"}, "'size' is missing (how many)"),
        (["size"], "expected `key: value` lines"),
        ("size", "expected `key: value` lines"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(values, said):
    with pytest.raises(UserError) as error:
        from_mapping(Settings, values, "config.yaml: part", input=[])
    assert said in str(error.value) and "config.yaml: part" in str(error.value) and "\n" not in str(error.value)


def test_a_list_of_one_may_stand_without_brackets():
    alone, listed = (
        from_mapping(Settings, {"size": 3, "more": more}, "w", input=[]) for more in ("a*.txt", ["a*.txt"])
    )
    assert alone == listed and alone.more == [Path("a*.txt")]


@dataclass
class Pair:
    low: int = setting(1, "low")
    high: int = setting(2, "high")

    def __post_init__(self):
        if self.low > self.high:
            raise UserError(f"--low {self.low}: more than --high {self.high}")


def test_settings_that_do_not_go_together_name_their_section():
    with pytest.raises(UserError, match=r"^config\.yaml: pair: --low 3: more than --high 2$"):
        from_mapping(Pair, {"low": 3}, "config.yaml: pair")


def test_a_value_that_may_be_absent_may_be_null():
    assert from_mapping(Settings, {"size": 3, "other": None}, "w", input=[]).other is None


@pytest.mark.parametrize("arguments", [("--size", "1"), ("--size", "3", "--share", "nan")])
def test_numbers_out_of_range_are_refused_on_the_command_line(arguments):
    with pytest.raises(UserError, match="at least"):
        parse("--input", "x", *arguments)


@dataclass
class Shares:
    shares: dict[str, float] = setting(help="of each")


def test_names_with_values():
    def given(*pairs):
        parser = argparse.ArgumentParser()
        add_arguments(parser, Shares)
        return from_arguments(Shares, parser.parse_args(["--shares", *pairs]))

    assert given("a=1", "b=0.5").shares == from_mapping(Shares, {"shares": {"a": 1, "b": 0.5}}, "w").shares
    assert given("a=1").shares == {"a": 1.0} and isinstance(given("a=1").shares["a"], float)
    with pytest.raises(UserError, match="--shares: a name is given twice"):
        given("a=1", "a=1")
    for wrong in ("a", "=1", "a=", "a=x"):
        with pytest.raises(SystemExit) as error:
            given(wrong)
        assert error.value.code == 2
    for wrong, said in ((5, "expected `name: value` pairs, found 5"), ({"a": "x"}, "w.shares.a: 'x' is not a number")):
        with pytest.raises(UserError, match=said):
            from_mapping(Shares, {"shares": wrong}, "w")


@dataclass
class Several:
    shares: list[float] = setting([0.5], "of each")
    weights: dict[str, float] = setting(None, "of each name")


@pytest.mark.parametrize(
    "values, said",
    [
        ({"shares": "0.5"}, "w.shares: '0.5' is not a number"),
        ({"shares": {"a": 1}}, "w.shares: {'a': 1} is not a number"),
        ({"shares": [0.5, None]}, "w.shares: has no value"),
        ({"weights": {"a": None}}, "w.weights.a: has no value"),
    ],
)
def test_lists_that_are_none(values, said):
    with pytest.raises(UserError) as error:
        from_mapping(Several, values, "w")
    assert said in str(error.value)


def test_expand_sorts_and_refuses_patterns_without_a_match(tmp_path):
    for name in ("b2.txt", "b10.txt", "b1.txt", "a.txt"):
        (tmp_path / name).touch()
    names = [path.name for path in expand([tmp_path / "b*.txt", tmp_path / "a.txt"])]
    assert names == ["b1.txt", "b10.txt", "b2.txt", "a.txt"]
    assert expand([Path("b?.txt")], base=tmp_path) == [tmp_path / "b1.txt", tmp_path / "b2.txt"]
    with pytest.raises(UserError, match="no file matches"):
        expand([tmp_path / "nothing*"])


def test_partial_files_are_never_taken_for_input(tmp_path):
    (tmp_path / ".a.txt.part").touch()
    os.mkdir(tmp_path / ".a.txt.scratch")
    (tmp_path / "a.txt").touch()
    assert expand([tmp_path / "*"]) == [tmp_path / "a.txt"]


def test_a_name_with_a_bracket_in_it_is_a_name(tmp_path):
    (tmp_path / "a[1].txt").touch()
    assert expand([Path("a[1].txt")], base=tmp_path) == [tmp_path / "a[1].txt"]


def test_an_unknown_key_names_the_one_that_was_meant():
    with pytest.raises(UserError, match=r"^here: unknown key 'shar'; is 'share' meant\?$"):
        from_mapping(Settings, {"size": 3, "shar": 1}, "here")
    with pytest.raises(UserError, match="unknown key 'zzz'; known keys: flag, "):
        from_mapping(Settings, {"size": 3, "zzz": 1}, "here", input=[])


def test_one_of_several_needs_no_brackets():
    assert from_mapping(Settings, {"size": 3, "input": "ab.txt"}, "here").input == [Path("ab.txt")]


def test_settings_that_do_not_go_together_name_the_section():
    @dataclass
    class Pair:
        low: int = setting(1, "x")

        def __post_init__(self) -> None:
            raise UserError("--low: too low")

    with pytest.raises(UserError, match=r"^a\.yaml: pair: --low: too low$"):
        from_mapping(Pair, {"low": 0}, "a.yaml: pair")
