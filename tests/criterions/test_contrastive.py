"""The contrastive loss against cross-entropy written down for each query, in one process and in two."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from fairseq_hebrew.criterions.contrastive import AT_ONCE, ContrastiveCriterion, contrastive_loss
from fairseq_hebrew.stage.errors import UserError

WIDTH, PAD, HEAD = 6, 0, "embedding"
TEMPERATURE = 0.1


class Model(torch.nn.Module):
    """The mean of embeddings, of length 1."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.table = torch.nn.Parameter(torch.randn(50, WIDTH))

    def forward(self, src_tokens, src_lengths=None, head=None):
        assert head == HEAD
        real = src_tokens.ne(PAD).unsqueeze(-1)
        return F.normalize((self.table[src_tokens] * real).sum(1), dim=-1), {}


def criterion(**options):
    told = []
    task = SimpleNamespace(head=HEAD, head_kind=HEAD, description=SimpleNamespace(temperature=TEMPERATURE))
    task.counted = lambda log, sample, vectors: told.append(vectors) or {**log, "queries": len(vectors[0])}
    return ContrastiveCriterion(task, **options), told


def rows(texts, width=0):
    width = max([width, *map(len, texts)])
    return {"src_tokens": torch.tensor([list(text) + [PAD] * (width - len(text)) for text in texts])}


def batch(pairs, width=0):
    """pairs: (query, positive, negatives), each a tuple of ids; a passage is identified by what it holds."""
    passages = [positive for _, positive, _ in pairs] + [text for _, _, negatives in pairs for text in negatives]
    ids = [hash(text) for text in passages]
    relevant = [[hash(positive)] for _, positive, _ in pairs]
    return {
        "net_input": rows([query for query, _, _ in pairs], width),
        "passages": rows(passages, width)["src_tokens"],
        "passage_ids": torch.tensor(ids),
        "query_pairs": torch.arange(len(pairs)),
        "passage_places": torch.zeros(len(ids), 2, dtype=torch.int64),
        "own_step": 1,
        "relevant": torch.tensor(relevant),
        "ntokens": 1,
        "nsentences": len(pairs),
    }


def fixed(pairs, numbers, rows_in_all=7, each=3):
    """The pairs of these numbers in rows of three passages, as far as there are, among empty ones."""
    some = [pairs[number] for number in numbers]
    empty = [((), (), ())] * (rows_in_all - len(some))
    places, passages = [], []
    for row, (_, positive, negatives) in enumerate([*some, *empty]):
        texts = [positive, *negatives] if row < len(some) else []
        passages += [*texts, *[()] * (each - len(texts))]
        places += [[row, place] if place < len(texts) else [-1, -1] for place in range(each)]
    there = torch.arange(rows_in_all) < len(some)
    return {
        "net_input": rows([query for query, _, _ in [*some, *empty]], 5),
        "passages": rows(passages, 6)["src_tokens"],
        "passage_ids": torch.tensor([hash(text) if text else 0 for text in passages]),
        "query_pairs": torch.arange(rows_in_all).where(there, -1),
        "passage_places": torch.tensor(places),
        "own_step": each,
        "relevant": torch.tensor([[hash(positive) if positive else 0] * 2 for _, positive, _ in [*some, *empty]]),
        "ntokens": 1,
        "nsentences": len(some),
    }


PAIRS = [
    ((1, 2), (3, 4, 5), ((6, 7),)),
    ((8,), (9, 10), ()),
    ((11, 12, 13), (14,), ((15,), (16, 17))),
    ((18,), (3, 4, 5), ()),  # the passage of the first
    ((19, 20), (21,), ((9, 10),)),
]


def written_down(model, pairs, answers=None) -> torch.Tensor:
    """The loss of each query, its negatives gone through one by one."""
    passages = [positive for _, positive, _ in pairs] + [text for _, _, negatives in pairs for text in negatives]
    losses = []
    for query, positive, _ in pairs:
        known = (answers or {}).get(query, [positive])
        against = [text for text in passages if text not in known]
        vectors = [model(torch.tensor([text]), head=HEAD)[0][0] for text in (query, positive, *against)]
        scores = torch.stack([vectors[0] @ vector / TEMPERATURE for vector in vectors[1:]])
        losses.append(-scores.log_softmax(0)[0])
    return torch.stack(losses)


def test_the_loss_is_that_written_down():
    model = Model().train()
    loss, size, log = criterion()[0](model, batch(PAIRS))
    wanted = written_down(model, PAIRS)
    assert size == log["sample_size"] == 5
    torch.testing.assert_close(loss, wanted.sum())
    loss.backward()
    found, model.table.grad = model.table.grad, None
    wanted.sum().backward()
    torch.testing.assert_close(found, model.table.grad)


def test_empty_rows_and_passages_count_for_nothing():
    found = []
    for sample in (batch(PAIRS), fixed(PAIRS, range(5))):
        model = Model().train()
        loss, size, log = criterion()[0](model, sample)
        loss.backward()
        assert int(size) == int(log["sample_size"]) == 5
        found.append((loss.detach(), model.table.grad, log["correct"]))
    assert found[0][0] > 1
    torch.testing.assert_close(found[1], found[0])
    model = Model().train()
    loss, size, log = criterion()[0](model, fixed(PAIRS, []))
    loss.backward()
    assert (float(loss.detach()), int(size), int(log["correct"])) == (0, 0, 0)
    assert not model.table.grad.any()  # NaN would be true


def test_what_answers_a_query_in_another_pair_is_no_negative():
    model = Model()
    answers = {PAIRS[1][0]: [(9, 10), (14,)]}
    sample = batch(PAIRS[1:3])
    sample["relevant"] = torch.tensor([[hash((9, 10)), hash((14,))], [hash((14,))] * 2])
    loss = criterion()[0](model.train(), sample)[0]
    torch.testing.assert_close(loss, written_down(model, [PAIRS[1], PAIRS[2]], answers).sum())
    alone = criterion()[0](model, batch([(*PAIRS[0][:2], ()), PAIRS[3]]))[0]
    assert alone == 0  # two queries of one passage: nothing is left to be told from


def test_padding_changes_nothing():
    model = Model().train()
    losses = [criterion()[0](model, batch(PAIRS, width))[0] for width in (0, 9)]
    torch.testing.assert_close(losses[0], losses[1])


def test_right_are_those_nearest_to_their_own():
    queries, candidates = torch.eye(3), torch.eye(3)[[0, 2, 1]]
    none = torch.zeros(3, 3, dtype=torch.bool)
    _, right = contrastive_loss(queries, candidates, torch.tensor([0, 1, 1]), none, 1.0)
    assert right == 2
    own_too = contrastive_loss(queries, candidates, torch.tensor([0, 1, 1]), ~none, 1.0)
    assert own_too[0] == 0 and own_too[1] == 3


def test_half_precision_around_it_changes_nothing():
    torch.manual_seed(2)
    queries, candidates = F.normalize(torch.randn(4, 9), dim=-1), F.normalize(torch.randn(7, 9), dim=-1)
    given = (queries, candidates, torch.arange(4), torch.zeros(4, 7, dtype=torch.bool), 0.02)
    with torch.autocast("cpu", torch.bfloat16):
        half = contrastive_loss(*given)[0]
    assert torch.equal(half, contrastive_loss(*given)[0])


def test_validation_hands_on_the_vectors(monkeypatch):
    model = Model().eval()
    made, told = criterion()
    with torch.no_grad():
        loss, _, log = made(model, batch(PAIRS))
        monkeypatch.setattr("fairseq_hebrew.criterions.contrastive.AT_ONCE", 2)
        again = made(model, batch(PAIRS))[0]
    assert AT_ONCE > 2 and log["queries"] == 5 and log["loss"] == loss
    torch.testing.assert_close(loss, again)
    assert [tuple(vectors.shape) for vectors in told[0]] == [(5, WIDTH), (9, WIDTH)]
    for one, other in zip(*told):
        torch.testing.assert_close(one, other)


def test_other_tasks_are_refused():
    with pytest.raises(UserError, match="give --criterion classification"):
        ContrastiveCriterion(SimpleNamespace(head="labels", head_kind="token"))


# What each of two processes does with its share of the pairs: the losses, and the gradient summed over both.
PROCESS = """
import json, sys
import torch
import torch.distributed as dist
from tests.criterions.test_contrastive import Model, PAIRS, batch, criterion, fixed

dist.init_process_group("gloo")
rank = dist.get_rank()
told = {}
for name, shares, options in json.load(open(sys.argv[1])):
    sample = fixed(PAIRS, shares[rank]) if name == "fixed" else batch([PAIRS[i] for i in shares[rank]])
    if name == "ignored" and rank == 1:
        sample["ignored"] = True
    model = Model().train()
    loss = criterion(**options)[0](model, sample)[0]
    (loss * 0 if "ignored" in sample else loss).backward()
    losses, gradient = loss.detach().clone(), model.table.grad.clone()
    if "ignored" in sample:
        losses.zero_()
    dist.all_reduce(losses)
    dist.all_reduce(gradient)
    told[name] = {"loss": float(losses), "gradient": gradient.tolist()}
if rank == 0:
    json.dump(told, open(sys.argv[2], "w"))
dist.destroy_process_group()
"""


def test_two_processes_are_one_with_the_whole_batch(tmp_path):
    """Shares of other sizes, among empty rows too, a batch that stands in for a missing one, and processes that keep to
    themselves."""
    cases = [
        ("whole", [[0, 1, 2], [3, 4]], {}),
        ("ignored", [[0, 2, 4], [1, 3]], {}),
        ("apart", [[0, 1, 2], [3, 4]], {"no_cross_device_negatives": True}),
        ("fixed", [[0, 1, 2], [3, 4]], {}),
    ]
    (tmp_path / "program.py").write_text(PROCESS, encoding="utf-8")
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    torchrun = Path(sys.executable).with_name("torchrun")
    launch = [torchrun, "--nproc-per-node", 2, "--master-port", random.randint(20000, 30000)]
    command = [*launch, tmp_path / "program.py", tmp_path / "cases.json", tmp_path / "told.json"]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(part) for part in command], cwd=root, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads((tmp_path / "told.json").read_text())
    wholes = {"whole": [[0, 1, 2, 3, 4]], "ignored": [[0, 2, 4]], "apart": [[0, 1, 2], [3, 4]]}
    wholes["fixed"] = wholes["whole"]
    for name, parts in wholes.items():
        model = Model().train()
        loss = sum(criterion()[0](model, batch([PAIRS[i] for i in part]))[0] for part in parts)
        loss.backward()
        assert told[name]["loss"] == pytest.approx(loss.item(), rel=1e-6), name
        torch.testing.assert_close(torch.tensor(told[name]["gradient"]), model.table.grad, msg=name)
    assert told["whole"]["loss"] != pytest.approx(told["apart"]["loss"], rel=1e-3)
