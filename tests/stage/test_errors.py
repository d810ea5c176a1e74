"""What a user sees of an error: one line, and the exit status."""

import argparse
import errno

import pytest

from fairseq_hebrew.stage.errors import UserError, at, clear_line_of, parser, run_command


def failing(error):
    def work():
        raise error

    return work


def test_a_user_error_is_one_line_and_status_1(capsys):
    assert run_command(failing(at("a.txt", 3, "bad", "mend it")), debug=False) == 1
    assert capsys.readouterr().err == "error: a.txt:3: bad; mend it\n"


def test_success_is_silent(capsys):
    assert run_command(lambda: None, debug=False) == 0
    assert capsys.readouterr() == ("", "")


def test_debug_keeps_the_traceback():
    with pytest.raises(UserError):
        run_command(failing(UserError("x")), debug=True)


def test_a_program_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_command(failing(ZeroDivisionError()), debug=False)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_line_that_names_the_file(number, capsys):
    error = OSError(number, "Words of the System")
    error.filename = "out.txt"
    assert run_command(failing(error), debug=False) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "while writing out.txt; free some space" in said and said.count("\n") == 1


def test_other_system_errors_name_the_file(capsys):
    assert run_command(failing(PermissionError(errno.EACCES, "Permission denied", "x.txt")), debug=False) == 1
    assert capsys.readouterr().err == "error: x.txt: Permission denied; check the path and its permissions\n"


def test_interruption(capsys):
    assert run_command(failing(KeyboardInterrupt()), debug=False) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_the_clear_line_is_found_in_a_chain_even_a_circular_one():
    outer = RuntimeError("outer")
    outer.__cause__ = UserError("inner")
    assert clear_line_of(outer) == "inner"
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    assert clear_line_of(first) is None


def test_every_parser_has_debug():
    assert parser("x", "y").parse_args(["--debug"]).debug


def test_wrong_usage_is_told_in_two_lines(capsys):
    with pytest.raises(SystemExit) as error:
        parser("x", "y").parse_args(["--wrong"])
    assert error.value.code == 2
    said = capsys.readouterr().err
    assert said == "usage: x [options]; x --help lists them\nerror: unrecognized arguments: --wrong\n"


def test_help_tells_what_is_required_and_the_defaults_that_say_something():
    made = parser("x", "y")
    made.add_argument("--a", required=True, help="one")
    made.add_argument("--b", nargs="+", default=[1, 2], help="two")
    made.add_argument("--c", nargs="+", default=[], help="three")
    made.add_argument("--d", action=argparse.BooleanOptionalAction, default=True, help="four")
    said = " ".join(made.format_help().split())
    for wanted in ("one (required)", "two (default: 1 2)", "three --d", "four (default: yes)"):
        assert wanted in said
    assert "False" not in said and "None" not in said
