"""A stage as a command."""

from dataclasses import dataclass

import pytest

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import setting


@dataclass
class Settings:
    size: int = setting(help="how many", least=1)


def run(settings, force):
    if settings.size == 13:
        raise UserError("an unlucky number")
    print(settings.size, force)


COMMAND = StageCommand("count", "Count.", Settings, run)


def test_settings_reach_the_stage(capsys):
    assert COMMAND.main(["--size", "3", "--force"]) == 0
    assert capsys.readouterr().out == "3 True\n"


def test_user_errors_are_lines_and_status_1_or_2_for_wrong_usage(capsys):
    assert COMMAND.main(["--size", "13"]) == 1
    assert COMMAND.main(["--size", "0"]) == 2
    assert capsys.readouterr().err == "error: an unlucky number\nerror: --size 0: at least 1 is needed\n"
    with pytest.raises(UserError):
        COMMAND.main(["--size", "13", "--debug"])


@pytest.mark.parametrize("arguments", [[], ["--size", "many"], ["--size", "1", "--unknown"]])
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        COMMAND.main(arguments)
    assert ended.value.code == 2 and "usage: fairseq-hebrew count" in capsys.readouterr().err
