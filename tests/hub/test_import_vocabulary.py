"""A tokenizer of another origin becomes a vocabulary folder: every row has one place, and text its old ids."""

import json

import numpy as np
import pytest

from fairseq_hebrew.hub.import_vocabulary import import_vocabulary
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.text.dictionary import Specials
from fairseq_hebrew.text.tokenizer import open_tokenizer
from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.text.foreign import KINDS, TEXTS, VOCABS, demo_lines, model_folder, real_lines, write_json

ROWS = {"wordpiece": 799, "wordpiece-cased": 799, "unigram": 701, "roberta": 601, "roberta-files": 601}
ROWS |= {"metaspace-bpe": 904, "modern-bpe": 609}


def imported(source, rows, target):
    """What was imported, and the vocabulary in the folder that it was written to."""
    made = import_vocabulary(source, rows)
    with Outputs() as outputs:
        made.write(outputs, target)
    return made, Vocabulary(target)


@pytest.mark.parametrize("more", [0, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_every_row_has_one_place_and_text_its_old_ids(tmp_path, kind, more):
    source, rows = model_folder(tmp_path / "model", kind), ROWS[kind] + more
    made, vocabulary = imported(source, rows, tmp_path / "tokenizer")
    assert len(vocabulary) == rows and made.rows == rows and made.unused == more
    order = np.arange(rows) if made.order is None else made.order
    assert order.dtype == np.int64 and sorted(order.tolist()) == list(range(rows))
    plain = open_tokenizer(source)
    bos, pad, eos, unk, mask = plain.specials.ids
    ends = [vocabulary.bos, vocabulary.pad, vocabulary.eos, 3, vocabulary.mask]
    assert order[ends].tolist() == [bos, pad, eos, unk, mask] and ends == [0, 1, 2, 3, rows - 1]
    lines = [*TEXTS, *demo_lines(), *real_lines()]
    ours, theirs = vocabulary.encode_batch(lines), plain.encode_batch(lines)
    assert [order[ids].tolist() for ids in ours] == theirs
    for text, ids in zip(TEXTS, ours):
        assert vocabulary.encode_with_offsets(text)[0].tolist() == ids.tolist()
        assert vocabulary.decode([0, *ids, 1, 2, vocabulary.mask]) == plain.decode(theirs[TEXTS.index(text)])


def test_ids_stay_where_they_can(tmp_path):
    for kind, stays in (("roberta", True), ("unigram", True), ("wordpiece", False)):
        made = import_vocabulary(model_folder(tmp_path / kind, kind), ROWS[kind])
        assert (made.order is None) == stays, kind
        # One row more, and the mask is no longer last.
        assert import_vocabulary(tmp_path / kind, ROWS[kind] + 1).order is not None


def test_dict_txt_names_all_other_rows_in_order_and_has_no_padding(tmp_path):
    _, vocabulary = imported(model_folder(tmp_path / "model", "wordpiece"), 803, tmp_path / "tokenizer")
    expected = [str(i) for i in range(803) if i not in (0, 100, 101, 102, 103)]
    assert vocabulary.symbols == expected and "madeupword" not in (tmp_path / "tokenizer" / "dict.txt").read_text()
    assert vocabulary.tokenizer.specials == Specials(101, 0, 102, 100, 103, 803)
    assert vocabulary.decode([800, 801]) == "", "rows that no text reaches have none"


def test_the_file_is_copied_as_it_is(tmp_path):
    source = model_folder(tmp_path, "roberta")
    assert import_vocabulary(source, 601).files["tokenizer.json"] == (source / "tokenizer.json").read_bytes()


def test_what_the_tokenizer_changes_is_told(tmp_path):
    told = {k: set(import_vocabulary(model_folder(tmp_path / k, k), ROWS[k]).changes) for k in KINDS}
    assert "niqqud is taken out" in told["wordpiece"] and "capitals become small" in told["wordpiece"]
    assert told["unigram"] == told["modern-bpe"] == {"presentation forms become letters"}
    assert told["wordpiece-cased"] == told["roberta"] == told["metaspace-bpe"] == set()


def test_more_tokens_than_rows(tmp_path):
    with pytest.raises(UserError, match=r"has ids up to 798, the model's embedding 798 rows; take tokenizer and"):
        import_vocabulary(model_folder(tmp_path, "wordpiece"), 798)


@pytest.mark.parametrize("lost", ["mask", "pad", "cls"])
def test_a_missing_special_is_told_with_the_remedy_and_the_remedy_helps(tmp_path, lost):
    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", "א"]
    lines[lines.index(f"[{lost.upper()}]")] = "[unused0]"
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf'names no {lost}_token.*"{lost}_token" in tokenizer_config\.json'):
        import_vocabulary(tmp_path, 7)
    write_json(tmp_path / "tokenizer_config.json", {f"{lost}_token": "[unused1]"})
    made, vocabulary = imported(tmp_path, 7, tmp_path / "tokenizer")
    assert getattr(made.specials, lost.replace("cls", "bos")) == 5 and vocabulary.encode_batch(["א"])[0].tolist()


def test_blank_lines_and_those_that_stand_twice_keep_their_rows(tmp_path):
    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "א", "", "ב", "א"]
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made, vocabulary = imported(tmp_path, 9, tmp_path / "tokenizer")
    assert made.unused == 2 and len(vocabulary) == 9
    assert made.order[vocabulary.encode_batch(["א ב"])[0]].tolist() == [8, 7]


def test_damage_to_what_was_written_is_one_clear_line(tmp_path):
    imported(model_folder(tmp_path / "model", "wordpiece"), 799, tmp_path / "t")
    stored = json.loads((tmp_path / "t" / "specials.json").read_text())
    write_json(tmp_path / "t" / "specials.json", {**stored, "<mask>": 799})
    with pytest.raises(UserError, match=r"specials\.json: <mask> is 799, no id of the tokenizer"):
        Vocabulary(tmp_path / "t")
    write_json(tmp_path / "t" / "specials.json", stored)
    lines = (tmp_path / "t" / "dict.txt").read_text()
    for symbol in ("101", "799", "[CLS]"):
        (tmp_path / "t" / "dict.txt").write_text(f"{symbol} 0\n{lines}")
        with pytest.raises(UserError, match=r"dict\.txt:1: .* is no id of this tokenizer \(799 entries\)"):
            Vocabulary(tmp_path / "t")


@pytest.mark.parametrize(
    "name, rows, ids",
    [
        ("alephbert-base", 52_000, (2, 0, 3, 1, 4)),
        ("alephbertgimmel", 128_064, (1, 3, 2, 0, 4)),
        ("mbert_multi_cased", 119_547, (101, 0, 102, 100, 103)),
    ],
)
def test_published_vocabularies(tmp_path, name, rows, ids):
    path = VOCABS / f"{name}_vocab.txt"
    if not path.exists():
        pytest.skip("the folder shared/ with published vocabularies is not beside the project")
    (tmp_path / "vocab.txt").symlink_to(path)
    made, vocabulary = imported(tmp_path, rows, tmp_path / "tokenizer")
    assert made.specials.ids == ids and len(vocabulary) == rows
    assert made.unused == (64 if rows == 128_064 else 0)
    assert "niqqud is taken out" in made.changes, "no configuration says otherwise"
    lines = real_lines()
    plain = open_tokenizer(tmp_path).encode_batch(lines)
    assert [made.order[found].tolist() for found in vocabulary.encode_batch(lines)] == plain
