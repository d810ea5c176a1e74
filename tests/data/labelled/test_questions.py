"""Windows of questions: what stands where in them, and that answers come back from them as they were given."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.examples import Answer, Question, read_examples
from fairseq_hebrew.data.labelled import IGNORE, QuestionSamples
from fairseq_hebrew.data.labelled.questions import END, START
from fairseq_hebrew.hub.import_vocabulary import import_vocabulary
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.text.foreign import model_folder
from tests.text.hostile import hostile_lines

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "qa"
TASK = QuestionAnswering(name="q", files={}, metric="f1", max_tokens=64, max_question_tokens=24, stride=20)
LONG = "הירח מקיף את כדור הארץ. " * 12 + "דנה כהן גרה בעיר חיפה. " + "השמש זורחת במזרח. " * 12
HOSTILE = 'אמר\u200f שָׁלוֹם 🙂 👨‍👩‍👧 וְגַם\r\nצה״ל, ge\u0301ant \ufb2a\ufb4f "תל־אביב"  סוף.'


def question(context, text, asked="היכן גרה דנה?", count=0):
    start = context.index(text)
    for _ in range(count):
        start = context.index(text, start + 1)
    return Question("id", asked, context, (Answer(text, start),), "here")


def ends(sample) -> tuple[int, int]:
    """The positions that the target marks."""
    marks = sample.target.clamp(min=0).tolist()
    (first,) = (i for i, mark in enumerate(marks) if mark & START)
    (last,) = (i for i, mark in enumerate(marks) if mark & END)
    return first, last


def marked(sample) -> str:
    """What the target's answer is in the context."""
    first, last = ends(sample)
    if first == 0:
        return ""
    return sample.question.context[sample.places[first, 0] : sample.places[first : last + 1, 1].max()]


def test_a_window_is_two_texts_as_roberta_reads_them(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    asked = question("דנה גרה בחיפה.", "חיפה")
    (sample,) = QuestionSamples(vocabulary, TASK, 64).samples(5, asked)
    one, other = (part.tolist() for part in vocabulary.encode_batch([asked.question, asked.context]))
    bos, eos = vocabulary.bos, vocabulary.eos
    assert sample.tokens.tolist() == [bos, *one, eos, eos, *other, eos]
    before = len(one) + 3
    # only the context can hold the answer, and <s>, which is none
    blanks = [i for i, token in enumerate(other) if vocabulary.decode([token]) == " "]
    possible = [0, *(before + i for i in range(len(other)) if i not in blanks)]
    assert (sample.target != IGNORE).nonzero().flatten().tolist() == possible
    assert (sample.example, sample.windows) == (5, 1)


def test_windows_cover_the_context_and_an_answer_cut_by_one_is_none_there(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    maker = QuestionSamples(vocabulary, TASK, 64)
    samples = maker.samples(0, question(LONG, "דנה כהן גרה בעיר חיפה"))
    context = vocabulary.encode_batch([LONG.strip()])[0].tolist()
    asked = vocabulary.encode_batch(["היכן גרה דנה?"])[0].tolist()
    room, read = 64 - 4 - len(asked), []
    for number, sample in enumerate(samples):
        own = sample.tokens.tolist()[len(asked) + 3 : -1]
        assert own == context[20 * number : 20 * number + room]
        assert len(sample.tokens) <= 64 and sample.windows == len(samples)
        read += own[len(read) - 20 * number :]
    assert read == context and len(samples) > 5 and maker.cut == 1
    texts = [marked(sample) for sample in samples]
    assert set(texts) == {"", "דנה כהן גרה בעיר חיפה"}
    whole = [i for i, text in enumerate(texts) if text]
    begin, end = LONG.index("דנה"), LONG.index("חיפה") + 4
    for i, sample in enumerate(samples):
        own = sample.places[sample.places[:, 1] > 0]
        assert (i in whole) == (own[0, 0] <= begin and own[-1, 1] >= end)


def test_an_unanswerable_question_has_no_answer_in_any_window(tokenizer_dir):
    maker = QuestionSamples(Vocabulary(tokenizer_dir), TASK, 64)
    samples = maker.samples(0, Question("id", "מה?", LONG, (), "here"))
    assert {ends(sample) for sample in samples} == {(0, 0)}


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("kind", ["own", "wordpiece", "wordpiece-cased", "unigram", "roberta"])
def test_every_span_comes_back_with_the_pieces_that_hold_it(tokenizer_dir, tmp_path, kind, normalize):
    """Of a hostile context each span of characters: no piece too few, none too many, nothing inside a letter cut."""
    folder = tokenizer_dir
    if kind != "own":
        rows = 803 if kind.startswith("wordpiece") else 2000
        with Outputs() as outputs:
            import_vocabulary(model_folder(tmp_path / "model", kind), rows).write(outputs, tmp_path / "tokenizer")
        folder = tmp_path / "tokenizer"
    maker = QuestionSamples(Vocabulary(folder), replace(TASK, normalize=normalize), 512)
    _, places = maker.context(HOSTILE)
    held = places[places[:, 1] > places[:, 0]]
    assert (held[1:, 0] >= held[:-1, 0]).all() and held.max() <= len(HOSTILE)
    # all that is more than blanks, marks and controls is in a piece
    covered = {i for begin, end in held for i in range(begin, end)}
    assert {HOSTILE[i] for i in set(range(len(HOSTILE))) - covered} <= set(" \r\n\u200f\u200d")
    for begin in range(len(HOSTILE)):
        for end in range(begin + 1, len(HOSTILE) + 1):
            text = HOSTILE[begin:end]
            asked = Question("id", "מה?", HOSTILE, (Answer(text, begin),), "here")
            (sample,) = maker.samples(0, asked)
            if not text.strip() or not covered & set(range(begin, end)):
                assert ends(sample) == (0, 0)
                continue
            first, last = ends(sample)
            inner = {i for i in range(begin, end) if i in covered and not HOSTILE[i].isspace()}
            found = range(sample.places[first, 0], sample.places[first : last + 1, 1].max())
            assert inner <= set(found)
            for place in (first, last):
                assert inner & set(range(*sample.places[place].tolist()))


def test_niqqud_that_is_stripped_is_in_the_answer(tokenizer_dir):
    maker = QuestionSamples(Vocabulary(tokenizer_dir), TASK, 64)
    context = "הוא אמר:\r\n שָׁלוֹם עֲלֵיכֶם\u200f 🙂 והלך"
    for text in ("שָׁלוֹם עֲלֵיכֶם", "🙂", "שָׁלוֹם עֲלֵיכֶם\u200f 🙂"):
        (sample,) = maker.samples(0, question(context, text))
        assert marked(sample) == text
    (sample,) = maker.samples(0, question(context, "שָׁלוֹם עֲלֵיכֶ"))  # without its last letter
    assert marked(sample).startswith("שָׁלוֹם עֲלֵיכֶ")


def test_blanks_around_an_answer_are_not_of_it(tokenizer_dir):
    maker = QuestionSamples(Vocabulary(tokenizer_dir), TASK, 64)
    (sample,) = maker.samples(0, question("היא גרה ב חיפה היום", " חיפה "))
    assert marked(sample) == "חיפה"


def test_what_is_inside_pieces_and_what_has_none_is_counted(tokenizer_dir):
    maker = QuestionSamples(Vocabulary(tokenizer_dir), TASK, 64)
    asked = question("ירושלים היא של כולם", "של", count=1)
    maker.samples(0, asked)
    assert (maker.answers_inside_pieces, maker.answers_without_pieces) == (0, 0)
    begin, end = next((b, e) for b, e in maker.context(asked.context)[1].tolist() if e - b > 1)
    inside = Question("id", "מה?", asked.context, (Answer(asked.context[begin + 1 : end], begin + 1),), "here")
    (sample,) = maker.samples(0, inside)
    assert maker.answers_inside_pieces == 1 and marked(sample) == asked.context[begin:end]
    maker.samples(0, question("אב \u200f\u200f גד", "\u200f\u200f"))
    assert maker.answers_without_pieces == 1


def test_long_questions_are_cut_and_counted(tokenizer_dir):
    vocabulary = Vocabulary(tokenizer_dir)
    maker = QuestionSamples(vocabulary, TASK, 64)
    samples = maker.samples(0, question(LONG, "חיפה", "מה שאלה ארוכה מאוד זו? " * 9))
    assert maker.questions_cut == 1
    assert all(sample.tokens.tolist().index(vocabulary.eos) == 25 for sample in samples)


@pytest.mark.parametrize("longest", [6, 7, 9, 20])
def test_short_samples_read_everything_all_the_same(tokenizer_dir, longest):
    maker = QuestionSamples(Vocabulary(tokenizer_dir), TASK, longest)
    samples = maker.samples(0, question(LONG, "חיפה"))
    assert max(len(sample.tokens) for sample in samples) <= longest
    found = {i for sample in samples for begin, end in sample.places.tolist() for i in range(begin, end)}
    assert {LONG[i] for i in set(range(len(LONG))) - found} <= {" "}


def test_samples_too_short_for_a_question_are_refused(tokenizer_dir):
    with pytest.raises(UserError, match="--max-tokens-per-sample 5: at least 6"):
        QuestionSamples(Vocabulary(tokenizer_dir), TASK, 5)


def test_contexts_of_nothing_the_tokenizer_keeps(tokenizer_dir):
    maker = QuestionSamples(Vocabulary(tokenizer_dir), TASK, 64)
    for context in ("\u200f", "\u05b0", *(line for line in hostile_lines(200, 7) if line.strip())):
        for sample in maker.samples(0, Question("id", "מה?", context, (), "here")):
            assert ends(sample) == (0, 0) and len(sample.places) == len(sample.tokens)


@pytest.mark.skipif(not SHARED.is_dir(), reason="HeQ is not here")
@pytest.mark.parametrize("longest", [384, 128])
def test_answers_of_heq_come_back_whole_or_a_piece_wider(tokenizer_dir, longest):
    """The first answer of each question, through a window and back: exactly, or with what the tokenizer has not parted
    from it, and these are counted."""
    description = replace(read_description("heq"), max_tokens=longest, stride=32, max_question_tokens=56)
    maker = QuestionSamples(Vocabulary(tokenizer_dir), description, longest)
    questions = [q for split in ("valid", "test") for q in read_examples(SHARED, split, description) if q.answers]
    asked = random.Random(1).sample(questions, 600)
    exact = wider = missed = 0
    for number, one in enumerate(asked):
        answer, inside = one.answers[0], maker.answers_inside_pieces
        samples = maker.samples(number, one)
        found = {(marked(sample), int(sample.places[ends(sample)[0], 0])) for sample in samples} - {("", 0)}
        if not found:
            missed += 1
            continue
        ((text, begin),) = found
        assert begin <= answer.start and answer.end <= begin + len(text) and answer.text in text
        assert (text != answer.text) == maker.answers_inside_pieces - inside
        exact += text == answer.text
        wider += text != answer.text
    assert exact + wider + missed == 600 and exact > 500 and missed <= (6 if longest == 128 else 0)
