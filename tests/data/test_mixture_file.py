"""The file of a mixture: what it says, and what is said of one that is wrong."""

import os
from fractions import Fraction
from pathlib import Path

import pytest

from fairseq_hebrew.data.mixture_file import read_mixture
from fairseq_hebrew.stage.errors import UserError

BILINGUAL = """\
# 60 % English, 40 % Hebrew
epoch_tokens: 1_000_000
corpora:
  english: {data: en/1:en/2, weight: 60}
  hebrew:
    data: he
    weight: 40
    min_document_tokens: 1024
"""


def written(folder: Path, text: str) -> str:
    (folder / "mixture.yaml").write_text(text, encoding="utf-8")
    return str(folder / "mixture.yaml")


def test_a_mixture(tmp_path):
    made = read_mixture(written(tmp_path, BILINGUAL))
    english, hebrew = made.corpora
    assert english.folders == (f"{tmp_path}/en/1", f"{tmp_path}/en/2") and english.min_document_tokens == 0
    assert (hebrew.name, hebrew.folders, hebrew.min_document_tokens) == ("hebrew", (f"{tmp_path}/he",), 1024)
    assert made.epoch_tokens == 1_000_000
    assert made.shares({"english": 1, "hebrew": 5}) == {"english": Fraction(3, 5), "hebrew": Fraction(2, 5)}


def test_folders_are_relative_to_the_file(tmp_path, monkeypatch):
    written(tmp_path, "corpora: {a: {data: he}, b: {data: /there}}")
    monkeypatch.chdir(tmp_path)
    assert [c.folders for c in read_mixture("mixture.yaml").corpora] == [("he",), ("/there",)]
    os.makedirs("elsewhere")
    monkeypatch.chdir("elsewhere")
    assert read_mixture("../mixture.yaml").corpora[0].folders == ("../he",)


def test_without_weights_sizes_say_the_shares(tmp_path):
    sizes = {"a": 400, "b": 100}
    plain = read_mixture(written(tmp_path, "corpora: {a: {data: x}, b: {data: y}}"))
    assert plain.shares(sizes) == {"a": Fraction(4, 5), "b": Fraction(1, 5)}
    warm = read_mixture(written(tmp_path, "temperature: 2\ncorpora: {a: {data: x}, b: {data: y}}"))
    assert warm.shares(sizes) == {"a": Fraction(2, 3), "b": Fraction(1, 3)}


WRONG = {
    "": r"mixture\.yaml: no `key: value` lines; a mixture is",
    "- a": r":1: no `key: value` lines; a mixture is",
    "corpora:\n\t- a": r":2: not a YAML file; a mixture is",
    "epoch_tokens: 5": r":1: no corpora are named; a mixture is",
    "corpora:\n": r":1: no corpora are named; a mixture is",
    "corpora: {}": r":1: no corpora are named; a mixture is",
    "corpora: he": r":1: corpora: no `key: value` lines; a mixture is",
    "corpora:\n  a: {data: x}\ncorpus: 1": r":3: unknown key 'corpus'; is 'corpora' meant\?",
    "corpora:\n  a:\n    data: x\n    wieght: 1": r":4: unknown key 'wieght'; is 'weight' meant\?",
    "corpora:\n  a: {data: x}\n  a: {data: y}": r":3: a stands here twice; leave one out",
    "corpora:\n  a b: {data: x}": r":2: 'a b' is no name of a corpus; take letters",
    "corpora:\n  12: {data: x}": r":2: 12 is no name of a corpus; take letters",
    "corpora:\n  [a]: {data: x}": r":2: None is no name of a corpus; take letters",
    "corpora:\n  a:": r":2: a: nothing is said of it; a mixture is",
    "corpora:\n  a: x": r":2: a: no `key: value` lines; a mixture is",
    "corpora:\n  a: {weight: 1}": r":2: a has no data; name a folder",
    "corpora:\n  a: {data: 12}": r":2: data: 12 is not text; put it in quotes",
    "corpora:\n  a: {data: [x]}": r":2: data: one value is wanted here; a mixture is",
    "corpora:\n  a: {data: x, weight: }": r":2: weight has no value; give one",
    "corpora:\n  a: {data: x, weight: much}": r":2: weight: 'much' is no number; give a number above 0",
    "corpora:\n  a: {data: x, weight: true}": r":2: weight: True is no number",
    "corpora:\n  a: {data: x, weight: 0}": r":2: weight: 0 is no number above 0; give a number above 0",
    "corpora:\n  a: {data: x, weight: .inf}": r":2: weight: inf is no number above 0",
    "corpora:\n  a: {data: x, weight: .nan}": r":2: weight: nan is no number above 0",
    "corpora:\n  a: {data: x, weight: 2001-99-99}": r":2: weight: '2001-99-99' is no number",
    "corpora:\n  a: {data: x, weight: !!python/name:os.system x}": r":2: weight: 'x' is no number",
    "corpora:\n  a: {data: x, min_document_tokens: 1.5}": r":2: min_document_tokens: 1.5 is no whole number",
    "epoch_tokens: -1\ncorpora:\n  a: {data: x}": r":1: epoch_tokens: -1 is no whole number above 0",
    "corpora:\n  a: {data: x, weight: 1}\n  b: {data: x}": r":3: b has no weight, a has one; give all a weight, or",
    "temperature: 2\ncorpora:\n  a: {data: x, weight: 1}": r":1: the weights say the shares already; leave out temp",
    "temperature: 0\ncorpora:\n  a: {data: x}": r":1: temperature: 0 is no number above 0",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_is_wrong(tmp_path, text):
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=WRONG[text]) as caught:
        read_mixture(path)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(path)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: no such file or directory; give the path of a mixture's"):
        read_mixture(str(tmp_path / "none.yaml"))
    (tmp_path / "latin.yaml").write_bytes(b"corpora: \xe0")
    with pytest.raises(UserError, match=r"latin\.yaml: not a YAML file"):
        read_mixture(str(tmp_path / "latin.yaml"))
