"""Rankings by a model: the commands, and that nothing but the texts decides the order."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.examples.retrieval_set import Passages, read_retrieval_set
from fairseq_hebrew.eval import score
from fairseq_hebrew.predict import command as predict
from fairseq_hebrew.predict.checkpoint import load_model, read_checkpoint
from fairseq_hebrew.predict.nearest import plain_nearest
from fairseq_hebrew.predict.retrieval import rankings
from tests.conftest import run

NAMES = ["דנה", "יעל", "רות", "נועה", "מיכל", "שירה", "תמר", "אורלי"]
THINGS = ["ספר", "כלב", "בית", "שולחן"]
TASK = """
name: things
kind: retrieval
format: {format}
files: {{train: {file}, valid: {file}, test: {file}}}
metric: mrr@10
max_tokens: 48
max_query_tokens: 24
"""


def written(path, records):
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Who has what: 32 pairs, and the same in BEIR's form among passages about others."""
    folder = tmp_path_factory.mktemp("things")
    pairs = [
        (f"q{i}", f"למי יש {thing} של {name}?", f"זה סיפור ארוך על {name} ועל {thing} " + "מאוד " * (i % 7))
        for i, (name, thing) in enumerate((name, thing) for name in NAMES for thing in THINGS)
    ]
    written(folder / "pairs.jsonl", [{"query": query, "positive": passage} for _, query, passage in pairs])
    corpus = [{"_id": f"d{i}", "title": "", "text": passage} for i, (_, _, passage) in enumerate(pairs)]
    others = [{"_id": f"x{i}", "text": f"דבר אחר, מספר {i}, בלי איש " + "ועוד " * (i % 9)} for i in range(60)]
    copies = [{"_id": f"c{i}", "text": corpus[i]["text"]} for i in range(8)]
    written(folder / "corpus.jsonl", [*corpus[:10], *others, *corpus[10:], *copies])
    written(folder / "queries.jsonl", [{"_id": name, "text": query} for name, query, _ in pairs])
    rows = [f"q{i}\td{i}\t1\n" for i in range(len(pairs))]
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), encoding="utf-8")
    (folder / "pairs.yaml").write_text(TASK.format(format="pairs", file="pairs.jsonl"), encoding="utf-8")
    (folder / "beir.yaml").write_text(TASK.format(format="beir", file="qrels.tsv"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(data, tokenizer_dir, tmp_path_factory):
    """(the checkpoint of a model that has seen the pairs some times, what its log says of validation)."""
    save = tmp_path_factory.mktemp("save")
    done = run(
        *("fairseq-train", data, "--user-dir", "fairseq_hebrew", "--task", "retrieval", "--criterion", "contrastive"),
        *("--description", data / "pairs.yaml", "--tokenizer-dir", tokenizer_dir, "--arch", "hallelubert_tiny"),
        *("--dropout", "0", "--attention-dropout", "0", "--batch-size", "32", "--optimizer", "adam", "--lr", "5e-4"),
        *("--lr-scheduler", "fixed", "--cpu", "--num-workers", "0", "--seed", "1", "--save-dir", save),
        *("--max-epoch", "12", "--validate-interval", "12", "--no-epoch-checkpoints", "--no-last-checkpoints"),
        *("--best-checkpoint-metric", "mrr@10", "--maximize-best-checkpoint-metric", "--log-format", "json"),
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (logged,) = re.findall(r"\| valid \| (\{.*\})", done.stdout + done.stderr)
    return save / "checkpoint_best.pt", json.loads(logged)


@pytest.fixture(scope="module")
def best(trained):
    return trained[0]


def predicted(checkpoint, output, *options) -> list[dict]:
    """What the command writes; in this process, which has read fairseq already."""
    assert predict.main([str(part) for part in (checkpoint, "--output", output, *options)]) == 0
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


def order(records):
    return [[item["id"] for item in record["ranking"]] for record in records]


@pytest.fixture(scope="module")
def loaded(best, data):
    """(model, task, what is searched)."""
    state = read_checkpoint(best)
    model, task = load_model(best, state, {})
    description = replace(read_description(str(data / "beir.yaml")), name="things")
    return model, task, read_retrieval_set(data, "test", description)


def test_the_commands(best, data, tmp_path):
    made = tmp_path / "p.jsonl"
    records = predicted(best, made, "--description", data / "beir.yaml", "--top", 50)
    assert [record["id"] for record in records] == [f"q{i}" for i in range(32)]
    first = records[3]
    assert first["gold"] == {"d3": 1} and first["passages"] == 100 and first["top"] == len(first["ranking"]) == 50
    # of copies the first in the corpus stands first
    for record in records:
        places = {item["id"]: place for place, item in enumerate(record["ranking"])}
        for i in range(8):
            if f"c{i}" in places:
                assert places[f"d{i}"] == places[f"c{i}"] - 1
    output = tmp_path / "s.json"
    assert score.main([str(made), "--output", str(output)]) == 0
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["queries"] == 32 and found["mrr@10"] > 30 and "recall@100" not in found


def test_a_training_file_is_searched_for_its_own_passages_as_in_validation(trained, tmp_path):
    checkpoint, logged = trained
    records = predicted(checkpoint, tmp_path / "p.jsonl", "--split", "valid")
    assert len(records) == 32 and records[0]["passages"] == 32 and len(records[0]["ranking"]) == 32
    found = score.score(tmp_path / "p.jsonl")
    names = ("mrr@10", "ndcg@10", "ndcg@20", "recall@20", "recall@100")
    assert {name: float(logged[f"valid_{name}"]) for name in names} == {name: found[name] for name in names}


def test_the_size_of_batches_and_chunks_changes_no_order(loaded):
    model, task, searched = loaded
    whole = list(rankings(model, task, searched, 40, batch_size=200, device="cpu"))
    for batch_size, chunk in ((1, 16384), (7, 33), (200, 99), (32, 41)):
        again = list(rankings(model, task, searched, 40, batch_size=batch_size, device="cpu", chunk=chunk))
        scores = [np.array([[item["score"] for item in record["ranking"]] for record in one]) for one in (whole, again)]
        assert np.abs(scores[0] - scores[1]).max() < 3e-6
        # what is padded may move the last digit of a score, and so exchange neighbours that differ by it alone
        for one, other, row in zip(order(whole), order(again), scores[0]):
            moved = [i for i in range(40) if one[i] != other[i]]
            assert all(min(abs(row[i] - row[j]) for j in (i - 1, i + 1) if 0 <= j < 40) < 3e-6 for i in moved)


def test_the_ranking_is_a_plain_sort_of_all_products(loaded):
    from fairseq_hebrew.predict.answers import outputs

    model, task, searched = loaded
    passages = list(searched.passages)
    queries, vectors = (
        np.stack([vector.numpy() for vector in outputs(model, task, samples, 50, "cpu")])
        for samples in (
            task.query_samples([query.text for query in searched.queries]),
            task.passage_samples([passage.text for passage in passages]),
        )
    )
    np.testing.assert_allclose((vectors**2).sum(1), 1, atol=1e-5)
    scores, rows = plain_nearest(queries, vectors, 12)
    found = list(rankings(model, task, searched, 12, batch_size=50, device="cpu"))
    assert order(found) == [[passages[row].id for row in its] for its in rows]
    assert [[item["score"] for item in record["ranking"]] for record in found] == scores.tolist()


def test_the_corpus_is_read_a_chunk_at_a_time(loaded):
    model, task, searched = loaded
    alive, most = [0], [0]

    class Counted(str):
        def __init__(self, _):
            alive[0] += 1
            most[0] = max(most[0], alive[0])

        def __del__(self):
            alive[0] -= 1

    def again():
        for passage in searched.passages:
            yield passage._replace(text=Counted(passage.text))

    streamed = replace(searched, passages=Passages(again, len(searched.passages)))
    list(rankings(model, task, streamed, 5, batch_size=8, device="cpu", chunk=10))
    assert most[0] <= 21  # a chunk, and that before it


def test_what_is_cut_is_told(loaded, capsys):
    model, task, searched = loaded
    long = replace(searched, queries=[query._replace(text=query.text * 9) for query in searched.queries[:3]])
    list(rankings(model, task, long, 5, batch_size=8, device="cpu"))
    assert "predict: 3 of 3 queries are longer than 24 tokens and are cut" in capsys.readouterr().err


def test_vectors_that_are_no_numbers_are_refused(best, tmp_path, capsys):
    import torch

    state = torch.load(best, weights_only=False)
    for value in state["model"].values():
        value.fill_(float("nan"))
    torch.save(state, tmp_path / "bad.pt")
    assert predict.main([str(tmp_path / "bad.pt"), "--output", str(tmp_path / "p.jsonl")]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert told == ["error: things: what the model says is not finite; take an earlier checkpoint"]
    assert not (tmp_path / "p.jsonl").exists()


def test_mistakes(best, data, tmp_path, capsys):
    def refused(*options):
        capsys.readouterr()
        status = predict.main([*map(str, (best, "--output", tmp_path / "p.jsonl", *options))])
        return status, capsys.readouterr().err

    given = ("--description", data / "beir.yaml")
    assert refused(*given, "--device", "nowhere")[0] == 2
    status, told = refused(*given, "--data", tmp_path)
    assert status == 1 and "no such file" in told
    status, told = refused("--bm25", *given, "--data", data)
    assert status == 2 and "--bm25 is a baseline without a model" in told
    status, told = refused("--description", "smcd", "--data", data)
    assert status == 1 and "was trained for retrieval" in told
    assert not Path(tmp_path / "p.jsonl").exists()
