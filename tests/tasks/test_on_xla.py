"""--tpu where there is no torch_xla, and batches of fixed shapes by the real command."""

import importlib.util
import json
import re

import pytest

from tests.conftest import the_error
from tests.tasks import runs


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """26 samples: no multiple of the 4 of a batch."""
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 26), runs.plugin(folder)


STILL = ("--dropout", 0, "--attention-dropout", 0, "--max-epoch", 2, "--update-freq", 1)


def told(done) -> list[dict]:
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(row) for row in re.findall(r"\| (?:train_inner|valid) \| (\{.*\})", done.stdout + done.stderr)]


@pytest.mark.skipif(importlib.util.find_spec("torch_xla") is not None, reason="torch_xla is installed here")
def test_without_torch_xla_there_is_one_line(place, tmp_path):
    line = the_error(runs.train(*place, tmp_path, "--tpu"))
    assert line.startswith("error: --tpu needs torch_xla 2.9, which is not installed; make setup-xla")


def test_rows_that_are_missing_change_no_loss_and_no_count(place, tmp_path):
    plain = told(runs.train(*place, tmp_path / "plain", *STILL, validate=True))
    fixed = told(runs.train(*place, tmp_path / "fixed", *STILL, "--fixed-shapes", validate=True))
    assert len(plain) == len(fixed) == 16  # twice 7 updates and a validation
    for one, other in zip(plain, fixed):
        for name in one.keys() & other.keys():
            if name.endswith(("loss", "wpb", "bsz", "masked_accuracy", "masked_share", "num_updates", "gnorm")):
                assert float(other[name]) == pytest.approx(float(one[name]), abs=2e-3), name


def test_length_buckets_train_on_every_sample_once(place, tmp_path):
    done = runs.train(*place, tmp_path, *STILL, "--fixed-shapes", "--length-buckets", "16,32", "--max-epoch", 1)
    told(done)
    ids = [index for line in runs.records(tmp_path) for index in line[2] if index >= 0]
    assert sorted(ids) == list(range(26))
    said = done.stdout + done.stderr
    assert len(re.findall(r"samples of up to (?:16|32|64) tokens, 4 a batch: [\d.]+ % padding", said)) == 6, (
        "training, validation"
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--length-buckets", "16"), "--length-buckets is of fixed shapes; add --fixed-shapes or leave it out"),
        (("--fixed-shapes", "--length-buckets", "32,16"), "--length-buckets 32,16: give ascending numbers"),
        (("--fixed-shapes", "--criterion", "masked_lm"), "--criterion masked_lm reads no batches of fixed shapes"),
        (("--fp16", "--tpu"), "Cannot combine --fp16 and --tpu, use --bf16 on TPUs; leave out one of them"),
    ],
)
def test_options_that_cannot_be(place, tmp_path, options, line):
    assert line in the_error(runs.train(*place, tmp_path, *options))
