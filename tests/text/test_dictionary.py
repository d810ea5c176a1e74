"""dict.txt: the order of its lines, and reading it back."""

import numpy as np
import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import UNK, dictionary_lines, read_symbols, to_dictionary


def test_order_is_by_count_then_by_symbol_as_a_string_then_what_never_occurred():
    counts = np.zeros(13, dtype=np.int64)
    counts[[4, 5, 9, 10, 11]] = [3, 7, 3, 3, 7]
    counts[:4] = 99  # specials are never lines
    assert dictionary_lines(counts) == [
        *("11 7", "5 7", "10 3", "4 3", "9 3"),
        *("6 0", "7 0", "8 0", "12 0"),
        *("madeupword0000 0", "madeupword0001 0", "madeupword0002 0"),
    ]


@pytest.mark.parametrize("entries, lines", [(52_000, 52_004), (256, 260), (259, 260), (260, 260), (261, 268)])
def test_the_published_arithmetic(entries, lines):
    made = dictionary_lines(np.ones(entries + 4, dtype=np.int64))
    assert len(made) == lines and (len(made) + 4) % 8 == 0
    # 4 specials before, the mask after: 52,009 embeddings.
    assert entries != 52_000 or len(made) + 4 + 1 == 52_009


def test_ids_map_to_the_lines_of_their_symbols(tmp_path):
    path = tmp_path / "dict.txt"
    path.write_text("5 9\n4 1\nmadeupword0000 0\n")
    table = to_dictionary(read_symbols(path), 7, path)
    assert table.tolist() == [0, 1, 2, 3, 5, 4, UNK] and table.dtype == np.int32


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is empty"),
        (b"5 9\n4\n", ":2: expected `symbol count`"),
        (b"5 9\n4 x\n", ":2: expected `symbol count`"),
        (b"5 9\n\n4 1\n", ":2: expected `symbol count`"),
        (b"5 9\n5 1\n", ":2: symbol '5' stands twice"),
        (b"\xff\xfe 9\n", "not UTF-8"),
        (b"5 9\nword 1\n", ":2: 'word' is no id"),
        (b"5 9\n7 1\n", ":2: '7' is no id of this tokenizer (7 entries)"),
        (b"3 9\n", ":1: '3' is no id"),
        ("² 9\n".encode(), ":1: '²' is no id"),
        (b"05 9\n", ":1: '05' is no id"),
        (b"-5 9\n", ":1: '-5' is no id"),
    ],
)
def test_a_damaged_dictionary_is_one_clear_line(tmp_path, content, said):
    path = tmp_path / "dict.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        to_dictionary(read_symbols(path), 7, path)
    assert said in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_dictionary(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_symbols(tmp_path / "dict.txt")
