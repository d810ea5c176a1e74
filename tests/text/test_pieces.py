"""Words over pieces: the tables and their kernel against the words of the text itself."""

import random

import numpy as np
import pytest

from fairseq_hebrew.preprocess.train_bpe import Settings, train_bpe
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text import pieces, word_kernels
from fairseq_hebrew.text.dictionary import BOS, EOS, PAD, UNK
from fairseq_hebrew.text.huggingface import HuggingFace
from fairseq_hebrew.text.pieces import Kind, Pieces, pieces_of, read_pieces
from fairseq_hebrew.text.vocabulary import Vocabulary
from fairseq_hebrew.text.words import inside
from tests.conftest import HANDWRITTEN
from tests.text import foreign
from tests.text.hostile import COMMON, EVERY_CLASS, hostile_lines

OWN = ("bpe-gpt2", "bpe-hebrew", "sentencepiece-bpe", "sentencepiece-unigram")
# Byte-level ones and ▁: their pieces hold all of a text.
WHOLE = (*OWN, "unigram", "roberta", "roberta-files", "metaspace-bpe", "modern-bpe")
SAMPLES = [
    "שלום, עולם! הילדים הלכו אל הבית.",
    'אמר דובר צה"ל: "ג\'ירפה ברח\' הרצל 5, ת״א" וחה״כ הגיב',
    'הַיְלָדִים שָׁרוּ, וְצַהַ"ל; בית־ספר (ב-1948) עלה 1,234.5 ש"ח...',
    "The giraffe's don't 'quote' COVID19 — 12.5.2020, 50%",
    "  שני  רווחים\tוטאב 😀👨‍👩‍👧 漢字 \u05e9\u05c1\u05b8",
    "a'ב\"ג'ד.1,2'3\"ה״ו",
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A function that gives a vocabulary folder of a kind."""
    made = {}

    def folder(kind: str):
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("tokenizers") / kind
            if kind in OWN:
                model, _, pre_tokenizer = kind.partition("-") if kind.startswith("bpe") else (kind, "", "gpt2")
                files = sorted(HANDWRITTEN.glob("a0*.txt"))
                train_bpe(
                    Settings(input=files, output=made[kind], vocab_size=900, model=model, pre_tokenizer=pre_tokenizer)
                )
            else:
                foreign.model_folder(made[kind], kind)
                tokenizer = HuggingFace(made[kind])
                ids = [i for i in range(tokenizer.size) if i not in set(tokenizer.specials.ids)]
                (made[kind] / "dict.txt").write_text("".join(f"{i} 0\n" for i in reversed(ids)))
        return made[kind]

    return folder


def joined_by_offsets(vocabulary: Vocabulary, text: str) -> tuple[np.ndarray, list[bool]]:
    """The ids of a text, and which belong to the word of the one before them: by the words of the text alone."""
    ids, offsets = vocabulary.encode_with_offsets(text)
    within, reached, joined = inside(text), 0, []
    names = getattr(vocabulary.tokenizer, "tokens", {})
    blanks = {vocabulary.table[i] for name, i in names.items() if name == "▁"}
    for number, (i, (begin, end)) in enumerate(zip(ids, offsets)):
        if i in blanks:  # the library gives a blank that it adds the range of the character after it
            joined.append(False)
            continue
        # A piece that begins where another has not ended shares a character with it.
        joined.append(number > 0 and (begin < reached or bool(begin < len(text) and within[begin])))
        reached = max(reached, end)
    return ids, joined


def check(vocabulary: Vocabulary, found: Pieces, texts: list[str]) -> int:
    """Compare all texts as the documents of one batch; how many pieces there were."""
    made = [joined_by_offsets(vocabulary, text) for text in texts]
    lengths = np.array([len(ids) for ids, _ in made])
    tokens = np.concatenate([ids for ids, _ in made]).astype(np.int64)
    joined, ends = found.joined(tokens, lengths), np.cumsum(lengths)
    for text, (ids, wanted), end, length in zip(texts, made, ends, lengths):
        assert joined[end - length : end].tolist() == wanted, (text, [found.texts[i] for i in ids])
    return len(tokens)


def as_cut(vocabulary: Vocabulary, text: str) -> str:
    """The text as the tokenizer cuts it: offsets into another would tell of characters that its pieces do not have."""
    tokenizer = vocabulary.tokenizer
    if not isinstance(tokenizer, HuggingFace):
        return text
    changed = tokenizer.normalized(text)
    return changed.lstrip("▁").replace("▁", " ") if changed.startswith("▁") else changed


@pytest.mark.parametrize("kind", WHOLE)
def test_real_hebrew(folders, kind):
    vocabulary = Vocabulary(folders(kind))
    found = read_pieces(folders(kind))
    lines = [*SAMPLES, *foreign.demo_lines(), *foreign.real_lines(200_000)]
    lines = [as_cut(vocabulary, line) for line in lines]
    # What stands for `<unk>` cannot be told from the ids.
    known = [line for line, ids in zip(lines, vocabulary.encode_batch(lines)) if UNK not in ids]
    assert check(vocabulary, found, known) > 15_000 and len(known) > (0.4 if kind == "unigram" else 0.99) * len(lines)
    assert len(found) == len(vocabulary) and found.joined(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("pool", [EVERY_CLASS, COMMON, [*"אבג\"'״׳’.,12ab \u05b8"]], ids=["all", "common", "signs"])
def test_hostile_strings(folders, kind, pool):
    vocabulary = Vocabulary(folders(kind))
    check(vocabulary, read_pieces(folders(kind)), list(hostile_lines(4000, 5, pool, longest=14)))


def by_bytes(found: Pieces, tokens: list[int]) -> list[bool]:
    """The same from the bytes of a document's pieces, each byte that is no text a letter of its own."""
    data = b"".join(found.texts[i] for i in tokens)
    text = data.decode("utf-8", "surrogateescape")
    sizes = [1 if "\udc80" <= sign <= "\udcff" else len(sign.encode()) for sign in text]
    begins = dict(zip(np.cumsum([0, *sizes[:-1]]).tolist(), inside(text).tolist()))
    places = np.cumsum([0, *(len(found.texts[i]) for i in tokens)]).tolist()
    # Where no character begins, one is cut in two.
    return [begins.get(place, True) for place in places[:-1]]


def test_pieces_in_any_order_even_no_text():
    """Bytes that no text has, characters cut at every byte, signs that wait for what comes: in all orders."""
    texts = [
        *(bytes([byte]) for byte in b"\xd7\x90\xb3\xb4\xe2\x80\x9d\xf0\x9f\x98\xc0\xf5\xed\xa0"),
        *(sign.encode() for sign in "אבa1'\"״., -"),
        *(
            text.encode()
            for text in (" א", ' "', '".', "א'", "'s", "\u05b8,", '"א', "1.", " .", "א-א", "בגד", "abc", "  ")
        ),
        *(b"\x90\xd7", b"\x90 \xd7", b"\xd7\xb4\xd7", b"\x80a", b"a\xe2\x80", b"\xe2\x80", b"\xf0\x9f", b"\x98\x80"),
    ]
    found = pieces_of(texts)
    choice = random.Random(3)
    documents = [choice.choices(range(len(texts)), k=choice.randint(1, 9)) for _ in range(60_000)]
    joined = found.joined(
        np.concatenate(documents).astype(np.int64), np.array([len(document) for document in documents])
    )
    position = 0
    for document in documents:
        made = joined[position : position + len(document)].tolist()
        assert made == by_bytes(found, document), [texts[i] for i in document]
        position += len(document)


def test_a_word_never_crosses_documents_or_specials(folders):
    found = read_pieces(folders("bpe-gpt2"))
    vocabulary = Vocabulary(folders("bpe-gpt2"))
    ids = vocabulary.encode_batch(["שלו"])[0].astype(np.int64)
    alone = found.joined(ids, np.array([len(ids)]))
    assert len(ids) > 1 and alone.tolist() == [False] + [True] * (len(ids) - 1)
    both = np.concatenate([ids, ids])
    assert found.joined(both, np.array([len(both)])).sum() == 2 * len(ids) - 1
    assert found.joined(both, np.array([len(ids), 0, len(ids)])).tolist() == [*alone, *alone]
    for special in (BOS, EOS, PAD, vocabulary.mask):
        cut = found.joined(np.array([special, *ids, special, *ids]), np.array([2 * len(ids) + 2]))
        assert cut.tolist() == [False, *alone, False, *alone]
    # What the tokenizer could not write is a part of the word it stands in.
    assert found.joined(np.array([ids[0], UNK, ids[0]]), np.array([3])).tolist() == [False, True, True]


def test_wordpiece_words_are_its_own(folders):
    for kind in ("wordpiece", "wordpiece-cased"):
        vocabulary = Vocabulary(folders(kind))
        names = {i: token for token, i in vocabulary.tokenizer.tokens.items()}
        found = read_pieces(folders(kind))
        texts = [*SAMPLES, *foreign.demo_lines()]
        ids = vocabulary.encode_batch(texts)
        joined = found.joined(np.concatenate(ids).astype(np.int64), np.array([len(row) for row in ids]))
        raw = [i for text in texts for i in vocabulary.tokenizer.encode_batch([text])[0]]
        assert joined.tolist() == [names[i].startswith("##") for i in raw] and joined.sum() > 1000
        # No word of theirs is more than one of the text's.
        for text in texts:
            row, wanted = joined_by_offsets(vocabulary, as_cut(vocabulary, text))
            told = found.joined(row.astype(np.int64), np.array([len(row)]))
            assert not (told & ~np.array(wanted, dtype=bool)).any()


def test_kinds_and_sentence_ends(folders):
    texts = ["", "א", " א", " (", "!", " ", "  ", "12", " '", "...", '."', " ?!»", "א.", ".א", "…”)", "׃", ",", '"']
    found = pieces_of([text.encode() for text in texts] + [b"\xd7", b"\x90\xd7"], ends=(1,))
    S, B, C, P, W = Kind
    assert found.kinds.tolist() == [S, C, B, P, P, W, W, C, P, P, P, P, C, P, P, P, P, P, C, C]
    ends = {texts[i] for i in np.flatnonzero(found.sentence_ends)}
    assert ends == {"א", "!", "...", '."', " ?!»", "א.", "…”)", "׃"}
    real = read_pieces(folders("bpe-gpt2"))
    vocabulary = Vocabulary(folders("bpe-gpt2"))
    point = vocabulary.encode_batch(["סוף."])[0][-1]
    assert real.sentence_ends[[point, EOS]].all() and not real.sentence_ends[[BOS, PAD, vocabulary.mask]].any()
    assert real.kinds[[BOS, PAD, EOS, vocabulary.mask]].tolist() == [Kind.SPECIAL] * 4
    assert (real.kinds == Kind.STARTS).sum() > 100


def test_the_kernel_knows_the_same_partial():
    assert word_kernels.PARTIAL == pieces.PARTIAL


def test_tokenizers_that_do_not_fit(folders, tmp_path):
    other = tmp_path / "dict.txt"
    other.write_text("4 1\n99999 1\n")
    with pytest.raises(UserError, match=r"dict\.txt:2: '99999' is no id of this tokenizer"):
        read_pieces(folders("bpe-gpt2"), other)
    with pytest.raises(UserError, match=r"no tokenizer\.json or sentencepiece\.model there"):
        read_pieces(tmp_path, other)


def test_a_tokenizer_whose_pieces_do_not_tell_words(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a</w>", "b"]
    made = Tokenizer(
        models.BPE({name: i for i, name in enumerate(names)}, [], unk_token="<unk>", end_of_word_suffix="</w>")
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "dict.txt").write_text("5 1\n6 1\n")
    with pytest.raises(UserError, match=r"tokenizer\.json: its pieces do not tell where words begin .*; mask tokens"):
        read_pieces(tmp_path)
