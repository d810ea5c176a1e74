"""--tpu where it cannot be."""

import importlib.util

import pytest

from tests.conftest import the_error
from tests.tasks import runs
from tests.tasks.test_masked_lm import task


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return runs.binarized(folder / "a", 26), runs.plugin(folder)


@pytest.mark.skipif(importlib.util.find_spec("torch_xla") is not None, reason="torch_xla is installed here")
def test_without_torch_xla_there_is_one_line(place, tmp_path):
    line = the_error(runs.train(*place, tmp_path, "--tpu"))
    assert line.startswith("error: --tpu needs torch_xla 2.9, which is not installed; make setup-xla")


def test_what_was_trained_with_tpu_is_read_without_it(place):
    """As a checkpoint's task is set up to validate or to look at batches: of the same shapes, on the host."""
    made = task(place[0], tpu=True, sample_break_mode="eos", tokens_per_sample=64)
    made.load_dataset("train")
    batches = list(made.get_batch_iterator(made.dataset("train"), max_sentences=4).next_epoch_itr())
    assert {tuple(batch["net_input"]["src_tokens"].shape) for batch in batches} == {(4, 64)} and len(batches) == 7
    assert {batch["target"].device.type for batch in batches} == {"cpu"}


def test_fp16_and_tpu_exclude_each_other(place, tmp_path):
    line = the_error(runs.train(*place, tmp_path, "--tpu", "--fp16"))
    assert line == "error: Cannot combine --fp16 and --tpu, use --bf16 on TPUs; leave out one of them"
