"""Which entries are the specials: stored, named by transformers' files, or known by name."""

import json

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import OWN, Specials
from fairseq_hebrew.text.specials import find_specials, missing, read_specials, stored_content
from tests.text.foreign import write_json

BERT = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "א": 5, "<s>": 6, "x": 7}


def test_usual_names(tmp_path):
    assert find_specials(tmp_path, {k: v for k, v in BERT.items() if k != "<s>"}) == Specials(2, 0, 3, 1, 4)
    fairseq = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4}
    assert find_specials(tmp_path, fairseq) == OWN, "no mask is none"
    assert find_specials(tmp_path, fairseq | {"<mask>": 5}).ids == (0, 1, 2, 3, 5)


def test_files_go_before_usual_names(tmp_path):
    write_json(tmp_path / "special_tokens_map.json", {"cls_token": {"content": "[CLS]"}, "mask_token": "א"})
    assert find_specials(tmp_path, BERT) == Specials(2, 0, 3, 1, 5)
    write_json(tmp_path / "tokenizer_config.json", {"mask_token": "x", "bos_token": "[SEP]", "eos_token": None})
    assert find_specials(tmp_path, BERT) == Specials(2, 0, 3, 1, 7), "cls goes before bos"


@pytest.mark.parametrize(
    "config, said",
    [
        ({"cls_token": "[NONE]"}, "cls_token is '[NONE]', which its tokenizer lacks"),
        ({"cls_token": "[SEP]"}, "<s> and </s> are one entry of the tokenizer, id 3"),
        ({"mask_token": "[PAD]"}, "<pad> and <mask> are one entry of the tokenizer, id 0"),
    ],
)
def test_names_that_cannot_be(tmp_path, config, said):
    write_json(tmp_path / "tokenizer_config.json", config)
    with pytest.raises(UserError) as error:
        find_specials(tmp_path, BERT)
    assert said in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize("lost, key", [("[CLS]", "cls"), ("[PAD]", "pad"), ("[SEP]", "sep"), ("[UNK]", "unk")])
def test_a_missing_one_is_told_with_the_remedy(tmp_path, lost, key):
    with pytest.raises(UserError, match=rf'names no {key}_token.* as "{key}_token" in tokenizer_config\.json'):
        find_specials(tmp_path, {k: v for k, v in BERT.items() if k not in (lost, "<s>")})
    assert "names no mask_token, which is fairseq's <mask>" in str(missing(tmp_path, "mask"))


@pytest.mark.parametrize("content", ["", "[]", "{", '"a"', "\xff"])
def test_damaged_files_are_one_clear_line(tmp_path, content):
    for name in ("special_tokens_map.json", "tokenizer_config.json", "specials.json"):
        (tmp_path / name).write_text(content, encoding="latin-1")
        with pytest.raises(UserError, match=name) as error:
            read_specials(tmp_path, BERT)
        assert "\n" not in str(error.value)
        (tmp_path / name).unlink()


def test_the_stored_map_comes_back_and_goes_before_all(tmp_path):
    specials = Specials(5, 4, 3, 2, 1, 100)
    (tmp_path / "specials.json").write_text(stored_content(specials))
    write_json(tmp_path / "tokenizer_config.json", {"mask_token": "[MASK]"})
    assert read_specials(tmp_path, BERT) == specials


@pytest.mark.parametrize(
    "change, said",
    [
        ({"<s>": 8}, "<s> is 8, no id of the tokenizer"),
        ({"<s>": -1}, "<s> is -1, no id"),
        ({"<s>": "0"}, "<s> is '0', no id"),
        ({"<s>": True}, "<s> is True, no id"),
        ({"<mask>": None}, "<mask> is None, no id"),
        ({"<mask>": 0}, "<pad> and <mask> are one entry"),
        ({"rows": 7}, "rows is 7, the tokenizer has ids up to 7"),
        ({"rows": None}, "rows is None"),
        ({"more": 1}, "has <s> <pad> </s> <unk> <mask> rows more, not"),
    ],
)
def test_a_damaged_map_is_one_clear_line(tmp_path, change, said):
    content = json.loads(stored_content(Specials(2, 0, 3, 1, 4, 8))) | change
    write_json(tmp_path / "specials.json", content)
    with pytest.raises(UserError) as error:
        read_specials(tmp_path, BERT)
    assert said in str(error.value) and "specials.json: " in str(error.value)
