"""Fine-tuning with --tpu: losses and scores of the CPU, no graph after the first epoch, checkpoints for any device."""

import itertools
import json
import math
import re

import numpy as np
import pytest

from fairseq_hebrew.eval import score
from fairseq_hebrew.predict import command as predict
from fairseq_hebrew.tasks.ranks import measures_of, ranks
from tests.tasks import runs, test_retrieval
from tests.xla.tuning import KINDS, PAIRS, begin, ended, made

DEVICES = ("--tpu", "--cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return made(tmp_path_factory.mktemp("tuning"))


@pytest.fixture(scope="module", params=KINDS)
def tuned(request, place, tokenizer_dir, tmp_path_factory):
    """(kind, {device: folder}, {device: what was said}) of the same run on both."""
    kind, folder = KINDS[request.param], tmp_path_factory.mktemp("save")
    running = {at: begin(kind, place, tokenizer_dir, folder / at, device=at) for at in DEVICES}
    said = {at: ended(process, folder / at, at) for at, process in running.items()}
    return kind, {at: folder / at for at in DEVICES}, said


def rows(said: str, kind: str) -> list[dict]:
    return [json.loads(row) for row in re.findall(rf"\| {kind} \| (\{{.*\}})", said)]


def test_losses_and_scores_are_those_of_the_cpu(tuned):
    kind, folders, said = tuned
    ours, theirs = (json.loads((folders[at] / "losses").read_text()) for at in DEVICES)
    assert len([loss for loss in theirs if loss]) >= 12 and ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    ours, theirs = (rows(said[at], "valid") for at in DEVICES)
    assert len(ours) == len(theirs) == 2
    for one, other in zip(ours, theirs):
        assert one.keys() - {"valid_wps"} == other.keys() - {"valid_wps"}
        for name in (f"valid_{kind.metric}", "valid_loss", "valid_wpb", "valid_bsz"):
            assert float(one[name]) == pytest.approx(float(other[name]), abs=2e-3), name


def test_no_graph_is_compiled_after_the_first_epoch(tuned):
    """A graph for each length in training (for each place in an update), and one for each in validation."""
    kind, _, said = tuned
    first, second = said["--tpu"].split("| valid | ", 1)
    assert "XLA compiled" not in second
    found = re.findall(r"\| (update|validation)(?: \d+)?: XLA compiled (\d+) graphs?", first)
    steps = [step for step, _ in found]
    assert steps.count("update") == steps.count("validation") == kind.lengths, found
    assert [new for step, new in found if step == "validation"] == ["1"] * kind.lengths


def test_a_batch_of_a_validation_is_fetched_at_once(tuned):
    """Its numbers, and what its counts are made of."""
    _, folders, _ = tuned
    asked = json.loads((folders["--tpu"] / "fetched").read_text())
    for epoch in (1, 2):
        counts = [count for begun, count in asked if begun == epoch]
        assert len(counts) > 2 and {b - a for a, b in itertools.pairwise(counts)} == {1}


def test_the_checkpoint_is_read_on_the_cpu(tuned, tmp_path):
    kind, folders, said = tuned
    best = max(float(row[f"valid_{kind.metric}"]) for row in rows(said["--tpu"], "valid"))
    checkpoint = folders["--tpu"] / "checkpoint_best.pt"
    if kind.task == "retrieval":  # predict searches with faiss, which is not installed beside torch_xla
        assert mrr(checkpoint) == pytest.approx(best, abs=0.1)
        return
    given = (checkpoint, "--split", "valid", "--output", tmp_path / "p.jsonl")
    assert predict.main([*map(str, given)]) == 0
    assert score.main([str(tmp_path / "p.jsonl"), "--output", str(tmp_path / "scores.json")]) == 0
    found = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))[kind.metric]
    if "--crf" in kind.options:  # chooses the tags of a whole sentence here, of each window there
        assert math.isfinite(found)
    else:
        assert found == pytest.approx(best, abs=0.1)  # a correlation of almost nothing hangs on the last digits


def mrr(checkpoint) -> float:
    """Of all pairs of the split, in percent."""
    model, task = test_retrieval.loaded(checkpoint)
    pairs = test_retrieval.pairs(PAIRS)
    passages = list(dict.fromkeys(text for pair in pairs for text in (pair["positive"], *pair["negatives"])))
    made = (task.query_samples([pair["query"] for pair in pairs]), task.passage_samples(passages))
    queries, matrix = (test_retrieval.vectors(model, task, samples, 8) for samples in made)
    own = [np.array([passages.index(pair["positive"])]) for pair in pairs]
    found = [measures_of(ranks(scores, row), np.ones(1)) for scores, row in zip(queries @ matrix.T, own)]
    return 100 * sum(measures["mrr@10"] for measures in found) / len(found)


@pytest.mark.parametrize("tuned", ["tags, mean"], indirect=True)
def test_another_run_begins_with_it_and_counts_what_is_not_finite(tuned, place, tokenizer_dir, tmp_path):
    """The second and the third update: weights and state stay, the next is like any other."""
    kind, folders, _ = tuned
    (tmp_path / "nan").write_text("[2, 3]")
    more = ("--finetune-from-model", folders["--tpu"] / "checkpoint_last.pt", "--max-epoch", 1)
    said = ended(begin(kind, place, tokenizer_dir, tmp_path, *more, device="--tpu"), tmp_path, "--tpu")
    lines = [json.loads(line) for line in (tmp_path / "nonfinite.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["update"], line["in_a_row"]) for line in lines] == [(2, 1), (3, 2)]
    assert "update 2 is skipped: its loss or gradient is not finite" in said
    told = rows(said, "train_inner")
    assert told[-1]["skipped"] == "2" and all(math.isfinite(float(row["loss"])) for row in told)
    losses = json.loads((tmp_path / "losses").read_text())
    before = json.loads((folders["--tpu"] / "losses").read_text())
    assert [math.isnan(loss) for loss in losses[:4]] == [False, True, True, False]
    assert losses[0] < before[0] / 2, "from the weights that were trained"
    state = runs.state_of(tmp_path / "checkpoint_last.pt")["model"]
    assert all(value.isfinite().all() and value.device.type == "cpu" for value in state.values())
