"""Splits held out of the training file: by text, the same everywhere."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.described.texts import SequenceClassification
from fairseq_hebrew.data.examples import LabelledText, Question, TaggedSentence, held_out, read_examples, split_path
from fairseq_hebrew.data.examples.held_out import place, text_of
from fairseq_hebrew.stage.errors import UserError

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "sentiment" / "smcd_original"
TASK = SequenceClassification(
    name="t", files={"train": "a.tsv", "test": "a.tsv"}, metric="accuracy", labels={"0": "x"},
    held_out={"valid": 0.2, "more": 0.1},
)  # fmt: skip


def of_split(*given) -> list:
    return list(held_out.of_split(*given))


def examples(count, copies=1):
    return [LabelledText(i, f"תגובה {i % (count // copies)}", "0") for i in range(count)]


def test_parts_are_of_about_their_share_and_each_example_is_in_one():
    given = examples(3000)
    parts = {name: of_split(given, name, TASK) for name in ("train", "valid", "more")}
    assert sorted((e for its in parts.values() for e in its), key=lambda e: e.line) == given
    # 4 standard deviations of a binomial
    for name, share in (("train", 0.7), ("valid", 0.2), ("more", 0.1)):
        assert abs(len(parts[name]) - 3000 * share) < 4 * (3000 * share * (1 - share)) ** 0.5


def test_examples_of_one_text_are_on_one_side():
    parts = {name: {e.text for e in of_split(examples(3000, 3), name, TASK)} for name in ("train", "valid", "more")}
    assert sum(map(len, parts.values())) == 1000 == len(set.union(*parts.values()))
    # as a model reads it
    same = [LabelledText(1, "שָׁלוֹם  לך", "0"), LabelledText(2, " שלום לך\u200f", "0"), LabelledText(3, "שלום לכם", "0")]
    assert [text_of(e, TASK) for e in same] == ["שלום לך", "שלום לך", "שלום לכם"]
    bare = replace(TASK, normalize=False)
    assert [text_of(e, bare) for e in same] == ["שָׁלוֹם לך", "שלום לך\u200f", "שלום לכם"]


def test_what_stands_beside_an_example_and_in_what_order_changes_nothing():
    given = examples(300)
    few = given[::-3]
    for name in ("train", "valid", "more"):
        whole = of_split(given, name, TASK)
        assert of_split(few, name, TASK) == [e for e in few if e in whole]


def test_another_seed_is_another_split_and_a_larger_share_keeps_the_smaller():
    given = examples(300)
    first = of_split(given, "valid", TASK)
    assert of_split(given, "valid", replace(TASK, held_out_seed=2)) != first
    larger = of_split(given, "valid", replace(TASK, held_out={"valid": 0.4}))
    assert len(larger) > len(first) and all(e in larger for e in first)


def test_it_is_the_same_in_every_process():
    code = "from fairseq_hebrew.data.examples.held_out import place; print(place('שלום', 1))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) == place("שלום", 1) == 0.2501941969740282


def test_the_text_of_the_other_kinds():
    squad = QuestionAnswering(name="q", files={}, metric="f1")
    assert text_of(Question("1", "מי?", "דָּנָה גרה.", (), "here"), squad) == "דנה גרה."
    words = read_description("nemo")
    assert text_of(TaggedSentence(1, ["דנה", "גרה"], ["O", "O"]), words) == "דנה גרה"
    assert text_of(LabelledText(1, "א", "0", "ב"), TASK) == "א\nב"


def test_read_examples_gives_the_parts_and_refuses_what_is_empty(tmp_path):
    rows = "".join(f"תגובה {i}\t0\n" for i in range(60))
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + rows, encoding="utf-8")
    found = {split: read_examples(tmp_path, split, TASK) for split in ("train", "valid", "more")}
    assert sum(map(len, found.values())) == 60 and all(found.values())
    assert len(read_examples(tmp_path, "test", TASK)) == 60  # a file of its own
    assert split_path(tmp_path, "valid", TASK) == tmp_path / "a.tsv"
    tiny = replace(TASK, held_out={"valid": 0.0001})
    with pytest.raises(UserError, match=r"a.tsv: no example falls to valid; hold out another share"):
        read_examples(tmp_path, "valid", tiny)
    with pytest.raises(UserError, match="no split 'dev' in its description; it has train, test, valid, more"):
        read_examples(tmp_path, "dev", TASK)


GOOD = "name: t\nkind: sequence_classification\nfiles: {train: a.tsv}\nlabels: ['0']\nmetric: accuracy\n"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("held_out: {valid: 0}", "held_out: valid: 0 is no share between 0 and 1"),
        ("held_out: {valid: 1}", "held_out: valid: 1 is no share between 0 and 1"),
        ("held_out: {valid: .nan}", "held_out: valid: nan is no share between 0 and 1"),
        ("held_out: {valid: true}", "held_out: valid: True is no share"),
        ("held_out: {valid: '10 %'}", "held_out: valid: '10 %' is no share"),
        ("held_out: {valid: 0.5, test: 0.5}", "held_out: nothing is left to train on"),
        ("held_out: {train: 0.5}", "held_out: the split 'train' has a file of its own"),
        ("held_out: 0.1", "held_out: 0.1 is no mapping"),
        ("held_out_seed: x", "held_out_seed: 'x' is no whole number"),
    ],
)
def test_mistakes_of_descriptions(tmp_path, keys, told):
    (tmp_path / "t.yaml").write_text(GOOD + keys + "\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_description(str(tmp_path / "t.yaml"))
    assert told in str(raised.value)


def test_nothing_to_hold_it_out_of(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(GOOD.replace("train", "test") + "held_out: {valid: 0.1}\n")
    with pytest.raises(UserError, match="held_out: there is no training file to hold it out of"):
        read_description(str(path))
    path.write_text("name: t\nkind: retrieval\nfiles: {train: a.jsonl}\nmetric: mrr@10\nheld_out: {valid: 0.1}\n")
    with pytest.raises(UserError, match="held_out: retrieval has none"):
        read_description(str(path))


def test_descriptions_without_it_are_written_as_before():
    assert "held_out" not in read_description("smcd").to_json()
    kept = read_description(read_description("smcd_original").to_json())
    assert kept.held_out == {"valid": 0.1} and kept.splits == ["train", "test", "valid"]


@pytest.mark.skipif(not REAL.exists(), reason="the first release of SMCD is not here")
def test_the_first_release_of_smcd():
    description = read_description("smcd_original")
    found = {split: read_examples(REAL, split, description) for split in ("train", "valid", "test")}
    assert {split: len(its) for split, its in found.items()} == {"train": 9229, "valid": 1015, "test": 2560}
    texts = {split: {text_of(e, description) for e in its} for split, its in found.items()}
    assert not texts["train"] & texts["valid"]
    assert sum(text_of(e, description) in texts["train"] | texts["valid"] for e in found["test"]) == 1297
    assert Counter(e.label for e in found["valid"]) == {"0": 673, "1": 316, "2": 26}
