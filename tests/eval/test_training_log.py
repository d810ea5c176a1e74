import pytest

from fairseq_hebrew.eval.training_log import read_log
from fairseq_hebrew.stage.errors import UserError

LOG = """
2026-01-01 | INFO | fairseq_cli.train | task: x
{"epoch": 1, "loss": "9.5", "wpb": "4096", "num_updates": "10", "wall": "3"}
{"epoch": 1, "valid_loss": "9.1", "valid_f1": "12.5", "valid_num_updates": "10"}
{"epoch": 1, "train_loss": "9.5", "train_num_updates": "10"}
{"epoch": 2, "loss": "8.5", "num_upda
"""


def test_steps_and_validations_are_told_apart_and_broken_lines_passed_over(tmp_path):
    path = tmp_path / "train.log"
    path.write_text(LOG)
    records = read_log(path)
    assert records["train"] == [{"epoch": 1.0, "loss": 9.5, "wpb": 4096.0, "num_updates": 10.0, "wall": 3.0}]
    assert records["valid"] == [{"epoch": 1.0, "loss": 9.1, "f1": 12.5, "num_updates": 10.0}]


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(UserError, match="no such log"):
        read_log(tmp_path / "train.log")
