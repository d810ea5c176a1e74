"""The tokenizer files of a folder: which one is read, and what is said where none can be."""

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.tokenizer import model_file, model_files, open_tokenizer
from fairseq_hebrew.text.tokenizer_source import read_source, source_file
from tests.text.foreign import TEXTS, demo_lines, model_folder, write_json


def test_one_file_or_the_older_two_say_the_same(tmp_path):
    one, two = (open_tokenizer(model_folder(tmp_path / kind, kind)) for kind in ("roberta", "roberta-files"))
    lines = [*demo_lines(), *TEXTS]
    assert one.tokens == two.tokens and one.encode_batch(lines) == two.encode_batch(lines)


def test_which_files_decide_the_ids(tmp_path):
    def names(kind):
        return [path.name for path in model_files(model_folder(tmp_path / kind, kind))]

    assert names("wordpiece") == ["vocab.txt"]
    assert names("wordpiece-cased") == ["vocab.txt", "tokenizer_config.json"]
    assert names("roberta") == ["tokenizer.json", "special_tokens_map.json"]
    assert names("roberta-files") == ["vocab.json", "tokenizer_config.json", "merges.txt"]


def test_tokenizer_json_goes_before_the_others(tmp_path):
    model_folder(tmp_path, "wordpiece")
    model_folder(tmp_path, "modern-bpe")
    assert source_file(tmp_path).name == "tokenizer.json" and len(read_source(tmp_path).tokens) == 609


def test_what_is_missing_is_told(tmp_path):
    with pytest.raises(UserError, match=r"no tokenizer\.json, vocab\.txt or vocab\.json there; save it once with"):
        read_source(tmp_path)
    with pytest.raises(UserError, match=r"no tokenizer\.json or sentencepiece\.model there"):
        model_file(tmp_path)
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"")
    with pytest.raises(UserError, match=r"sentencepiece\.bpe\.model alone cannot be read; save it once with"):
        read_source(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    with pytest.raises(UserError, match=r"vocab\.json: its merges\.txt is missing"):
        read_source(tmp_path)
    (tmp_path / "merges.txt").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"merges\.txt: not UTF-8"):
        read_source(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"model": ', b'{"model": []}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_one_clear_line(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(UserError, match=r"tokenizer\.json: not ") as error:
        read_source(tmp_path)
    assert "\n" not in str(error.value)


def test_tokens_added_beside_the_older_files(tmp_path):
    folder = model_folder(tmp_path, "wordpiece")
    write_json(folder / "added_tokens.json", {"[ENT]": 800, "צה״ל": 799})
    decoder = {"801": {"content": "<br>", "special": True}, "103": {"content": "[MASK]", "lstrip": True}}
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder, "mask_token": "[MASK]"})
    tokenizer = open_tokenizer(folder)
    assert tokenizer.size == 802 and tokenizer.tokens["<br>"] == 801
    (ids,) = tokenizer.encode_batch(["דובר צה״ל [ENT] <br> [MASK]"])
    assert 799 in ids and 800 in ids and 801 not in ids and 103 not in ids, "ordinary ones are found, specials are not"
    added = {token["content"]: token for token in read_source(folder).content["added_tokens"]}
    assert added["[MASK]"]["lstrip"] and added["[MASK]"]["special"] and not added["[ENT]"]["special"]
    assert [path.name for path in model_files(folder)] == ["vocab.txt", "tokenizer_config.json", "added_tokens.json"]


@pytest.mark.parametrize(
    "name, content",
    [
        ("added_tokens.json", {"[ENT]": "800"}),
        ("added_tokens.json", {"[ENT]": 5}),
        ("added_tokens.json", [1]),
        ("tokenizer_config.json", {"added_tokens_decoder": {"x": {"content": "[ENT]"}}}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"800": "[ENT]"}}),
        ("tokenizer_config.json", {"added_tokens_decoder": [1]}),
    ],
)
def test_tokens_that_cannot_be_added(tmp_path, name, content):
    folder = model_folder(tmp_path, "wordpiece")
    write_json(folder / name, content)
    with pytest.raises(UserError) as error:
        open_tokenizer(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
