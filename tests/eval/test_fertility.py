import pytest

from fairseq_hebrew.eval.fertility import WORD, fertility
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.tokenizer import open_tokenizer
from tests.text.foreign import model_folder


def test_words_keep_gershayim_geresh_points_and_hyphens_inside():
    text = 'צה"ל, רח\' ג\'ירפה (שָׁלוֹם) "מרכאות" אל-על 3.5 מ"מ.'
    assert WORD.findall(text) == ['צה"ל', "רח'", "ג'ירפה", "שָׁלוֹם", "מרכאות", "אל-על", "3", "5", 'מ"מ']


def test_counts_by_hand(tmp_path, tokenizer_dir):
    path = tmp_path / "text.txt"
    path.write_text("של בית\n\nקרטוגרפיה\n", encoding="utf-8")
    tokenizer = open_tokenizer(tokenizer_dir)
    sizes = [len(ids) for ids in tokenizer.encode_batch([" של", " בית", " קרטוגרפיה"])]
    found = fertility(tokenizer_dir, path)
    assert found["words"] == 3
    assert found["tokens_per_word"] == round(sum(sizes) / 3, 3)
    assert found["words_kept_whole_percent"] == round(100 * sizes.count(1) / 3, 2)
    tokens = sum(len(ids) for ids in tokenizer.encode_batch(["של בית", "קרטוגרפיה"]))
    assert found["running_tokens"] == tokens
    assert found["bytes_per_token"] == round(len("של ביתקרטוגרפיה".encode()) / tokens, 3)


def test_a_text_without_words_is_refused(tmp_path, tokenizer_dir):
    path = tmp_path / "text.txt"
    path.write_text("... !\n", encoding="utf-8")
    with pytest.raises(UserError, match="no words"):
        fertility(tokenizer_dir, path)


def test_a_tokenizer_of_another_origin_needs_no_dictionary(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("שלום לכל הילדים\nשלום, ילדים!\n", encoding="utf-8")
    for kind in ("wordpiece", "unigram"):
        found = fertility(model_folder(tmp_path / kind, kind), path)
        tokenizer = open_tokenizer(tmp_path / kind)
        words = ["שלום", "לכל", "הילדים", "שלום", "ילדים"]
        pieces = sum(len(ids) for ids in tokenizer.encode_batch(words))
        assert found["words"] == 5 and found["tokens_per_word"] == round(pieces / 5, 3)
