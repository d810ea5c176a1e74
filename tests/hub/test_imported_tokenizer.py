"""What transformers reads of an imported tokenizer that was exported again: the same ids, in either order."""

import json
import os

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported: nothing here may ask a hub

from fairseq_hebrew.hub.imported_tokenizer import original_order
from fairseq_hebrew.hub.tokenizer_files import tokenizer_files
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import dictionary_lines
from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.hub.test_import_vocabulary import ROWS, imported
from tests.text.foreign import HANDWRITTEN, KINDS, TEXTS, VOCABS, demo_lines, model_folder, real_lines, write_json

transformers = pytest.importorskip("transformers")

MORE = 3  # rows past the tokenizer's entries


@pytest.fixture(scope="module", params=KINDS)
def both(request, tmp_path_factory):
    """(kind, what was imported, its vocabulary, the model folder it came from)."""
    folder = tmp_path_factory.mktemp(request.param)
    source = model_folder(folder / "model", request.param)
    return request.param, *imported(source, ROWS[request.param] + MORE, folder / "tokenizer"), source


def read(vocabulary, folder, original=False, model_type="roberta"):
    """AutoTokenizer of what is exported."""
    folder.mkdir()
    for name, content in tokenizer_files(vocabulary, 512, original).items():
        (folder / name).write_text(content, encoding="utf-8")
    write_json(folder / "config.json", {"model_type": model_type, "vocab_size": len(vocabulary)})
    return transformers.AutoTokenizer.from_pretrained(folder)


def plain(tokenizer, lines):
    """Ids without specials, and without reading those that a text quotes."""
    return tokenizer(lines, add_special_tokens=False, split_special_tokens=True)["input_ids"]


@pytest.mark.parametrize("model_type", ["roberta", "modernbert", "bert"])
@pytest.mark.parametrize("original", [False, True])
def test_ids_are_ours_in_either_order(both, tmp_path, original, model_type):
    kind, _, vocabulary, _ = both
    theirs = read(vocabulary, tmp_path / "out", original, model_type)
    order = original_order(vocabulary) if original else np.arange(len(vocabulary))
    lines = [*demo_lines(), *real_lines(), *TEXTS]
    # A unigram model of the library finds a quoted special among its pieces.
    lines = [line for line in lines if kind != "unigram" or "<s>" not in line]
    assert theirs.is_fast and plain(theirs, lines) == [order[ids].tolist() for ids in vocabulary.encode_batch(lines)]
    ends = order[[vocabulary.bos, vocabulary.pad, vocabulary.eos, 3, vocabulary.mask]].tolist()
    names = ("bos", "pad", "eos", "unk", "mask", "cls", "sep")
    assert [getattr(theirs, f"{name}_token_id") for name in names] == [*ends, ends[0], ends[2]]
    assert theirs("ילד")["input_ids"] == [ends[0], *plain(theirs, ["ילד"])[0], ends[2]]
    assert set(theirs("ילד", "ילדה")) == {"input_ids", "attention_mask"}, "no model here knows segments"
    assert theirs.model_max_length == 512
    if not original:
        assert len(theirs) == len(vocabulary)


@pytest.mark.parametrize("original", [False, True])
def test_a_mask_that_is_written_is_the_mask(both, tmp_path, original):
    _, made, vocabulary, _ = both
    theirs = read(vocabulary, tmp_path / "out", original)
    expected = made.specials.mask if original else vocabulary.mask
    assert theirs(f"ילד {theirs.mask_token} ילדה")["input_ids"].count(expected) == 1


def test_with_their_own_ids_they_are_those_of_the_model_folder(both, tmp_path):
    kind, _, vocabulary, source = both
    if kind.startswith("wordpiece"):
        write_json(source / "config.json", {"model_type": "bert"})
    elif kind == "roberta-files":
        write_json(source / "config.json", {"model_type": "roberta"})
    before = transformers.AutoTokenizer.from_pretrained(source)
    after = read(vocabulary, tmp_path / "out", original=True)
    lines = [*demo_lines(), *real_lines(), *TEXTS]
    if kind == "metaspace-bpe":
        # It sets nothing around a text; what was exported does, for that is how models are trained here.
        assert after(lines, add_special_tokens=False)["input_ids"] == before(lines)["input_ids"]
        return
    assert after(lines)["input_ids"] == before(lines)["input_ids"]
    assert after(lines[:9], lines[9:18])["input_ids"] == before(lines[:9], lines[9:18])["input_ids"]
    for ids in before(lines[:50])["input_ids"]:
        assert after.decode(ids) == before.decode(ids)


def test_rows_go_back_where_they_were(both):
    _, made, vocabulary, _ = both
    theirs = np.random.default_rng(0).random((made.rows, 3))
    ours = theirs if made.order is None else theirs[made.order]
    back = np.zeros_like(theirs)
    back[original_order(vocabulary)] = ours
    assert np.array_equal(back, theirs)


def test_an_export_can_be_imported_and_its_ids_stay(both, tmp_path):
    _, _, vocabulary, _ = both
    read(vocabulary, tmp_path / "out")
    made, again = imported(tmp_path / "out", len(vocabulary), tmp_path / "again")
    assert made.order is None
    lines = [*demo_lines(), *TEXTS]
    for ours, theirs in zip(vocabulary.encode_batch(lines), again.encode_batch(lines), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_a_dictionary_counted_from_a_corpus_can_be_exported_with_its_ids_alone(tmp_path):
    model_folder(tmp_path / "model", "wordpiece")
    text = sorted(HANDWRITTEN.glob("a0*.txt"))
    binarize(Settings(input=text, tokenizer=tmp_path / "model", output=tmp_path / "data", dict="from-corpus"))
    vocabulary = Vocabulary(tmp_path / "model", tmp_path / "data" / "dict.txt")
    assert len(vocabulary) % 8 == 1 and vocabulary.symbols[-1].startswith("madeupword")
    theirs = read(vocabulary, tmp_path / "out")
    assert len(theirs) == len(vocabulary) and theirs.mask_token_id == vocabulary.mask
    lines = demo_lines()
    assert plain(theirs, lines) == [ids.tolist() for ids in vocabulary.encode_batch(lines)]
    with pytest.raises(UserError, match=r"dict\.txt: names other rows than the model had"):
        tokenizer_files(vocabulary, 512, original=True)


def test_a_tokenizer_without_a_mask_gets_fairseqs(tmp_path):
    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "א", "##ב", "ב"]
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "dict.txt").write_text("\n".join(f"{i} 0" for i in (6, 4, 5)) + "\n")
    vocabulary = Vocabulary(tmp_path)
    theirs = read(vocabulary, tmp_path / "out")
    assert theirs("אב <mask> ב")["input_ids"] == [0, 5, 6, 7, 4, 2] and theirs.mask_token_id == vocabulary.mask == 7


def test_a_dictionary_that_leaves_tokens_out_is_refused(both, tmp_path):
    _, _, vocabulary, _ = both
    short = tmp_path / "dict.txt"
    short.write_text("\n".join(f"{symbol} 0" for symbol in vocabulary.symbols[5:]) + "\n")
    for original, said in ((False, "lacks 5 of the tokenizer's entries"), (True, "names other rows than the model")):
        with pytest.raises(UserError, match=said):
            tokenizer_files(Vocabulary(vocabulary.folder, short), 512, original)


def test_a_tokenizer_of_ours_has_no_other_ids(tokenizer_dir):
    with pytest.raises(UserError, match="has no other ids than those of dict"):
        tokenizer_files(Vocabulary(tokenizer_dir), 64, original=True)


def test_a_file_whose_ends_are_others_gets_a_template(tmp_path):
    source = model_folder(tmp_path / "model", "roberta")
    content = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    for wrong in (None, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}):
        write_json(source / "tokenizer.json", content | {"post_processor": wrong})
        _, vocabulary = imported(source, 601, tmp_path / "tokenizer")
        ids = json.loads(tokenizer_files(vocabulary, 512)["tokenizer.json"])["post_processor"]
        assert ids["type"] == "TemplateProcessing"
        assert {name: told["ids"] for name, told in ids["special_tokens"].items()} == {"<s>": [0], "</s>": [2]}


def test_the_counts_of_a_dictionary_leave_the_specials_out(both):
    _, made, vocabulary, _ = both
    lines = dictionary_lines([1] * made.rows, vocabulary.tokenizer.specials)
    assert {line.split()[0] for line in lines if "madeup" not in line} == set(vocabulary.symbols)


def test_the_published_unigram_of_250002_pieces(tmp_path):
    path = VOCABS / "xlmr_base_pieces_scores.tsv"
    if not path.exists():
        pytest.skip("the folder shared/ with published vocabularies is not beside the project")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n")]
    source = model_folder(tmp_path / "model", "unigram")
    content = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"] = [["<s>", 0.0], *([piece, float(score)] for piece, _, score in rows)]
    content["added_tokens"][-1]["id"] = 250_001
    write_json(source / "tokenizer.json", content)
    made, vocabulary = imported(source, 250_002, tmp_path / "tokenizer")
    assert made.order is None and vocabulary.mask == 250_001
    before = transformers.AutoTokenizer.from_pretrained(source)
    after = read(vocabulary, tmp_path / "out")
    lines = real_lines()
    ids = before(lines)["input_ids"]
    assert after(lines)["input_ids"] == ids and sum(map(len, ids)) > 10_000
    assert [[0, *found, 2] for found in map(np.ndarray.tolist, vocabulary.encode_batch(lines))] == ids
