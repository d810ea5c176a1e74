"""--fixed-shapes and --length-buckets in fairseq's own command: the losses of a run without them, and bad options."""

import json
import random
import re

import pytest

from fairseq_hebrew.stage.errors import UserError
from tests.conftest import the_error
from tests.tasks import runs
from tests.tasks.test_masked_lm import binarized, losses, task, train

LINES = 53  # 14 batches of 4 rows, the last of one; 12 to validate on
NEO = ("--arch", "neodictabert_tiny")
EOS = ("--sample-break-mode", "eos", "--batch-size", 5, "--batch-size-valid", 7)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return runs.binarized(tmp_path_factory.mktemp("data") / "a", LINES)


@pytest.fixture(scope="module")
def place(data, tmp_path_factory):
    return data, runs.plugin(tmp_path_factory.mktemp("plugin"))


def counted(done, kind: str) -> list[tuple]:
    """(loss, tokens and samples of a batch, updates) of each epoch or validation."""
    rows = [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", done.stdout + done.stderr)]
    return [tuple(float(row[f"{kind}_{name}"]) for name in ("loss", "wpb", "bsz", "num_updates")) for row in rows]


@pytest.mark.parametrize("more", [(), NEO, ("--attention-backend", "static"), (*NEO, "--attention-backend", "static")])
def test_a_short_last_batch_changes_no_loss_and_no_count(data, tmp_path, more):
    """53 samples, 5 a batch; two epochs with validation. Losses are logged to three digits."""
    still = (*EOS, *more, "--no-save", "--max-epoch", 2, "--dropout", 0, "--attention-dropout", 0)
    plain, shaped = (train(data, tmp_path, *still, *fixed, updates=99) for fixed in ((), ("--fixed-shapes",)))
    assert len(losses(plain)) == 22 and losses(shaped) == pytest.approx(losses(plain), abs=2e-3)
    for kind in ("train", "valid"):
        wanted, found = counted(plain, kind), counted(shaped, kind)
        assert len(found) == 2
        for one, other in zip(found, wanted):
            assert one[0] == pytest.approx(other[0], abs=2e-3) and one[1:] == other[1:]
    told = shaped.stdout + shaped.stderr
    assert "length 64: 53 samples, batches: 11 of 5 rows" in told and "length 64: 12 samples, batches: 2 of 7" in told


def test_packed_rows_and_several_batches_an_update(tmp_path):
    chance = random.Random(4)
    lines = [part for _ in range(60) for part in (chance.choices(range(4, 32), k=chance.randint(1, 60)), [])]
    folder = binarized(tmp_path / "data", train=lines)
    more = (
        "--sample-break-mode", "packed", "--batch-size", 5, "--update-freq", 3, "--no-save", "--max-epoch", 2,
        "--dropout", 0, "--attention-dropout", 0, *NEO,
    )  # fmt: skip
    plain, shaped = (train(folder, tmp_path / "s", *more, *fixed, updates=99) for fixed in ((), ("--fixed-shapes",)))
    samples = int(re.search(r"into (\d+) rows of 64 tokens", plain.stdout + plain.stderr)[1])
    assert samples % 5, "the last batch is short"
    assert len(losses(plain)) >= 4 and losses(shaped) == pytest.approx(losses(plain), abs=2e-3)
    assert [row[1:] for row in counted(shaped, "train")] == [row[1:] for row in counted(plain, "train")]


def test_length_buckets_read_every_sample_once_and_shuffle_the_batches(place, tmp_path):
    more = ("--fixed-shapes", "--length-buckets", "16,32", "--max-epoch", 2, "--update-freq", 1)
    done = runs.train(*place, tmp_path, *more)
    assert done.returncode == 0, done.stderr[-3000:]
    told = re.findall(r"length (\d+): (\d+) samples, batches: (\d+) of (\d+) rows", done.stdout + done.stderr)[:3]
    lengths, samples, counts, rows = (list(map(int, column)) for column in zip(*told))
    assert lengths == [16, 32, 64] and sum(samples) == LINES and rows == [4] * 3
    assert counts == [-(-count // 4) for count in samples] and 4 * sum(counts) > LINES
    found = [ids for _, _, ids, _ in runs.records(tmp_path)]
    assert len(found) == 2 * sum(counts) and {len(ids) for ids in found} == {4}
    first, second = found[: sum(counts)], found[sum(counts) :]
    for epoch in (first, second):
        assert sorted(i for ids in epoch for i in ids if i >= 0) == list(range(LINES))
    made = task(place[0], sample_break_mode="eos", tokens_per_sample=64, fixed_shapes=True, length_buckets="16,32")
    made.load_dataset("train")
    sizes, shapes = made.dataset("train").sizes, made.dataset("train").shapes
    for order in (first, second):
        of_batches = [{shapes.length(sizes[i]) for i in ids if i >= 0} for ids in order]
        assert all(len(one) == 1 for one in of_batches)
        assert of_batches != sorted(of_batches, key=min), "batches are in the order of their lengths"
    assert first != second


def test_resuming_in_the_middle_of_an_epoch_changes_nothing(place, tmp_path):
    """Also what the batches of the second epoch are, and dropout on, to the last bit."""
    more = ("--fixed-shapes", "--length-buckets", "16,32", "--dropout", 0.1)
    stops = (3, 7, 13)
    runs.train_in_turn(
        [
            runs.arguments(*place, tmp_path / "whole", *more, "--max-update", stops[-1]),
            *(runs.arguments(*place, tmp_path / "parts", *more, "--max-update", stop) for stop in stops),
        ]
    )
    assert runs.records(tmp_path / "parts") == runs.records(tmp_path / "whole")
    ends = [runs.state_of(tmp_path / name / "checkpoint_last.pt") for name in ("parts", "whole")]
    assert runs.same_state(*ends) and ends[0]["extra_state"]["train_iterator"]["epoch"] == 2


def test_max_tokens_give_each_length_its_rows(data, tmp_path):
    more = ("--sample-break-mode", "eos", "--fixed-shapes", "--length-buckets", "16,32", "--max-tokens", 160)
    done = train(data, tmp_path, *more, "--batch-size", 9, "--no-save", updates=2)
    told = re.findall(r"length (\d+): \d+ samples, batches: \d+ of (\d+) rows", done.stdout + done.stderr)[:3]
    assert told == [("16", "9"), ("32", "5"), ("64", "2")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--length-buckets", "32,16", "--fixed-shapes"),
            "--length-buckets 32,16: give ascending numbers from 2 to 64",
        ),
        (("--length-buckets", "16,128", "--fixed-shapes"), "--length-buckets 16,128: give ascending numbers from 2 to"),
        (("--length-buckets", "a", "--fixed-shapes"), "--length-buckets a: give ascending numbers from 2 to 64"),
        (("--length-buckets", "16"), "--length-buckets is of fixed shapes; add --fixed-shapes or leave it out"),
        (
            ("--length-buckets", "16", "--fixed-shapes", "--sample-break-mode", "packed"),
            "--length-buckets: packed rows have one length; leave it out",
        ),
        (("--max-tokens", 63, "--fixed-shapes"), "--max-tokens 63 holds no row of 64 tokens; give at least 64"),
        (
            ("--fixed-shapes", "--criterion", "masked_lm"),
            "--criterion masked_lm knows no fixed shapes; give --criterion hebrew_masked_lm",
        ),
    ],
)
def test_bad_options_get_one_line(data, tmp_path, options, told):
    done = train(data, tmp_path / "save", "--sample-break-mode", "eos", *options)
    assert told in the_error(done)
    assert not list(tmp_path.rglob("*.pt"))


def test_no_number_of_rows(data):
    made = task(data, sample_break_mode="eos", tokens_per_sample=64, fixed_shapes=True)
    made.load_dataset("train")
    with pytest.raises(UserError, match=r"^fixed shapes need a number of rows; give --batch-size or --max-tokens$"):
        made.get_batch_iterator(made.dataset("train"))
