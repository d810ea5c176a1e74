"""The corpus generator: agreement, determinism, variety, dirt and the command."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from demo.generator import foreign, generate, soil
from demo.generator.chance import Chance
from demo.generator.choosing import noun_named
from demo.generator.dirt import BIDI_MARKS, SHARES
from demo.generator.documents import count_words, write_document
from demo.generator.entities import Group, Person
from demo.generator.genres import GENRES
from demo.generator.lexicon import (
    ABSENT,
    adjectives,
    inflected,
    nouns,
    people,
    slot_of,
    verbs,
    word_lists,
)
from demo.generator.numerals import counting_words, number_words, ordinal_words
from demo.generator.phrase import Name, NounPhrase, conjugate, inflect
from demo.generator.slots import Slots
from demo.generator.spelling import ARTICLE, JOINT, spell
from demo.generator.stage import Stage, sentences
from demo.generator.template import Choice, Slot, expand, parse

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "demo" / "build_corpus.py"


@pytest.fixture(scope="module")
def documents() -> list[list[str]]:
    return list(generate(1, 60_000))


@pytest.fixture(scope="module")
def text_sentences(documents) -> list[str]:
    return [s for document in documents for text in document for s in sentences(text)]


def phrase(lemma: str, *words: str, gender: str = "m", **features) -> NounPhrase:
    chosen = tuple(adjectives()[word] for word in words)
    return NounPhrase(noun_named(lemma, gender), adjectives=chosen, **features)


# The lexicon.


def test_the_lexicon_is_as_large_as_promised():
    assert len(nouns()) + 2 * len(people()) >= 220
    assert len(adjectives()) >= 130
    assert len(verbs()) >= 120


def test_every_form_is_hebrew_without_niqqud():
    forms = [f for a in adjectives().values() for f in a.forms]
    forms += [f for v in verbs().values() for f in v.past + v.present + v.future + (v.infinitive,)]
    forms += [f for n in nouns().values() for f in (n.lemma, n.plural, n.construct)]
    forms += [f for pair in people().values() for n in pair for f in (n.lemma, n.plural)]
    wrong = [f for f in forms if f != ABSENT and not re.fullmatch('[א-ת]+("[א-ת]+)?', f)]
    assert wrong == []


def test_every_entry_has_all_its_forms():
    assert all(len(a.forms) == 4 for a in adjectives().values())
    assert all((len(v.past), len(v.present), len(v.future)) == (3, 4, 3) for v in verbs().values())
    assert all(len(forms) == 4 for forms in inflected().values())


def test_regular_adjective_endings():
    for adjective in adjectives().values():
        _, feminine, men, women = adjective.forms
        assert men.endswith("ים") and women.endswith("ות"), adjective.forms
        assert feminine[-1] in "הת", adjective.forms


def test_future_and_past_prefixes():
    for verb in verbs().values():
        assert verb.future[0][0] == "י" and verb.future[1][0] == "ת", verb.future
        assert verb.future[2][0] == "י" and verb.future[2][-1] == "ו", verb.future
        assert verb.past[1][-1] == "ה" and verb.past[2][-1] == "ו", verb.past
        assert verb.infinitive == ABSENT or verb.infinitive[0] == "ל", verb.infinitive


# Phrases worked out by hand.


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (phrase("מורה", "חדש", gender="f", number="pl", marked=True), "המורות החדשות"),
        (phrase("מורה", "חדש", gender="m", number="pl"), "מורים חדשים"),
        (phrase("בית", "גדול", marked=True), "הבית הגדול"),
        (phrase("עיר", "רחוק", number="pl"), "ערים רחוקות"),
        (phrase("כוס", "גדול", number="pl", marked=True), "הכוסות הגדולות"),
        (phrase("בית_ספר", "ישן", marked=True), "בית הספר הישן"),
        (phrase("בית_ספר", "ישן", number="pl"), "בתי ספר ישנים"),
        (phrase("תחנת_רכבת", "חדש", marked=True), "תחנת הרכבת החדשה"),
        (phrase("ראש", "חדש", complement=phrase("עירייה", marked=True)), "ראש העירייה החדש"),
        (
            phrase("ראש", "חדש", gender="f", complement=phrase("עירייה", marked=True)),
            "ראש העירייה החדשה",
        ),
        (phrase("עירייה", "חדש", complement=Name("חיפה")), "עיריית חיפה החדשה"),
        (phrase("מנהל", gender="f", complement=phrase("ספרייה")), "מנהלת ספרייה"),
        (phrase("ועדה", marked=True), "הוועדה"),
        (phrase("ילד", quantity=3, number="pl"), "שלושה ילדים"),
        (phrase("ילד", gender="f", quantity=3, number="pl"), "שלוש ילדות"),
        (phrase("ילד", quantity=3, number="pl", marked=True), "שלושת הילדים"),
        (phrase("ילד", gender="f", quantity=3, number="pl", marked=True), "שלוש הילדות"),
        (phrase("ספר", "טוב", quantity=2, number="pl"), "שני ספרים טובים"),
        (phrase("תמונה", quantity=2, number="pl", marked=True), "שתי התמונות"),
        (phrase("תוכנית", "חדש", quantity=1), "תוכנית חדשה אחת"),
        (phrase("שעה", quantity=2, number="pl"), "שעתיים"),
        (phrase("שנה", quantity=30, number="pl", digits=True), "30 שנה"),
        (phrase("שקל", quantity=15, number="pl"), "חמישה עשר שקלים"),
        (phrase("בית", "גדול", demonstrative=True), "הבית הגדול הזה"),
        (phrase("תמונה", number="pl", demonstrative=True), "התמונות האלה"),
        (phrase("ספר", "ישן", marked=True, owner=Person("רות", "כץ", "f")), "הספר הישן שלה"),
        (phrase("תלמיד", marked=True, number="pl", quantifier="כל"), "כל התלמידים"),
        (phrase("תלמיד", marked=True, number="pl", quantifier="חלק מ"), "חלק מהתלמידים"),
        (phrase('מנכ"ל', "חדש", gender="f", marked=True), 'המנכ"לית החדשה'),
    ],
)
def test_hand_worked_phrases(made, expected):
    assert str(made) == expected


@pytest.mark.parametrize(
    ("number", "gender", "expected"),
    [
        (3, "f", "שלוש"),
        (3, "m", "שלושה"),
        (11, "f", "אחת עשרה"),
        (12, "m", "שנים עשר"),
        (20, "m", "עשרים"),
        (21, "f", "עשרים ואחת"),
        (100, "m", "מאה"),
        (110, "m", "מאה ועשרה"),
        (123, "f", "מאה עשרים ושלוש"),
        (218, "m", "מאתיים ושמונה עשר"),
        (1948, "f", "אלף תשע מאות ארבעים ושמונה"),
        (3000, "m", "שלושת אלפים"),
    ],
)
def test_numbers_in_words(number, gender, expected):
    assert number_words(number, gender) == expected


def test_counting_and_ordinal_words():
    assert counting_words(2, "f") == "שתי"
    assert counting_words(7, "m", definite=True) == "שבעת"
    assert ordinal_words(2, "f") == "שנייה"
    with pytest.raises(ValueError):
        number_words(0, "m")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (f"ב{JOINT}{ARTICLE}בית", "בבית"),
        (f"ל{JOINT}{ARTICLE}ועדה", "לוועדה"),
        (f"מ{JOINT}{ARTICLE}בית", "מהבית"),
        (f"כש{JOINT}{ARTICLE}ילד", "כשהילד"),
        (f"ו{JOINT}{ARTICLE}ורד", "והוורד"),
        (f"וב{JOINT}{ARTICLE}ספר", "ובספר"),
        (f"ב{JOINT}12 ביוני", "ב-12 ביוני"),
        (f"ל{JOINT}Lumo", "ל-Lumo"),
        (f"{JOINT}ועדה", "ועדה"),
    ],
)
def test_prefixes_are_joined(pieces, expected):
    assert spell(pieces) == expected


def test_verbs_and_prepositions_agree_with_their_subject():
    ruth = Person("רות", "כץ", "f")
    dan = Person("דן", "לוי", "m")
    assert conjugate("כתב", "past", ruth) == "כתבה"
    assert conjugate("כתב", "pres", Group((ruth, dan))) == "כותבים"
    assert conjugate("כתב", "pres", Group((ruth, Person("לאה", "כץ", "f")))) == "כותבות"
    assert conjugate("כתב", "fut", phrase("מורה", gender="f", number="pl")) == "יכתבו"
    assert conjugate("נפתח", "fut", phrase("ספרייה")) == "תיפתח"
    assert inflect("ל", ruth) == "לה" and inflect("עם", Group((ruth, dan))) == "איתם"


# Agreement wherever words are chosen at random.


def test_random_phrases_agree_and_are_definite_throughout():
    chance = Chance(7)
    slots = Slots(chance)
    for _ in range(2000):
        kind = chance.pick(["profession", "animal", "furniture", "building", "plan", "document"])
        number, marked = chance.pick(["sg", "pl"]), chance.happens(0.5)
        made = slots.make(f"np {kind} {number} adj" + (" def" if marked else ""))
        if made.noun.complement or not made.adjectives:
            continue
        noun, adjective = str(made).split(" ")
        article = "ה" if marked else ""
        slot = slot_of(made.gender, number)
        # After the article an initial ו is doubled.
        assert adjective.replace("הוו", "הו") == article + made.adjectives[0].forms[slot]
        assert noun.replace("הוו", "הו") == article + made.noun.form(number)


def _surfaces() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Noun forms and adjective forms, with the agreement slots each may be."""
    noun_forms: dict[str, set[str]] = defaultdict(set)
    for noun in [*nouns().values(), *(n for pair in people().values() for n in pair)]:
        for number in ("sg", "pl"):
            form = noun.lemma if number == "sg" else noun.plural
            noun_forms[form].add(noun.gender + number)
    adjective_forms: dict[str, set[str]] = defaultdict(set)
    for adjective in adjectives().values():
        for form, slot in zip(adjective.forms, ("msg", "fsg", "mpl", "fpl")):
            adjective_forms[form].add(slot)
    return noun_forms, adjective_forms


# Not an adjective of the noun before it: an infinitive, a club's or a woman's
# name, and a predicate standing before its subject.
_LOOKS_LIKE_AN_ADJECTIVE = {"לבנות", "עירוני", "מלאה", "תלוי", "תלויה"}


def test_adjectives_agree_with_the_noun_before_them_in_running_text(text_sentences):
    noun_forms, adjective_forms = _surfaces()
    construct = {f for n in nouns().values() for f in (n.construct, n.construct_plural)} - {ABSENT}
    checked, wrong = 0, []
    for sentence in text_sentences:
        words = re.findall(r"[א-ת\"]+|[^\sא-ת]", sentence)
        for before, noun, adjective in zip(["", *words], words, words[1:]):
            form = noun[1:] if noun.startswith("ה") and noun[1:] in noun_forms else noun
            bare = adjective[1:] if adjective.startswith("ה") else adjective
            if form not in noun_forms or bare not in adjective_forms or adjective in noun_forms:
                continue
            # In a construct chain the adjective may be the first noun's.
            if before in construct or before.lstrip("ובלמשכה") in construct:
                continue
            if (before[:1] == "ש" and before[1:] in construct) or bare in _LOOKS_LIKE_AN_ADJECTIVE:
                continue
            checked += 1
            if not noun_forms[form] & adjective_forms[bare]:
                wrong.append((noun, adjective, sentence))
    assert checked > 1000
    assert wrong == []


def test_no_article_survives_after_a_swallowing_prefix(text_sentences):
    noun_forms, _ = _surfaces()
    long_forms = {form for form in noun_forms if len(form) > 3 and form[0] != "ה"}
    # An infinitive and the name of a club look the same.
    alike = {"להחנות", "להפועל", "בהפועל"}
    wrong = [
        word
        for sentence in text_sentences
        for word in re.findall("[א-ת]+", sentence)
        if re.match("[בל]ה", word) and word[2:] in long_forms and word not in alike
    ]
    assert wrong == []


def test_counted_nouns_agree_in_running_text(text_sentences):
    masculine = {"שני", "שלושה", "ארבעה", "חמישה", "שישה", "שבעה", "תשעה"}
    feminine = {"שתי", "שלוש", "ארבע", "חמש", "שש", "שבע", "תשע"}
    noun_forms, _ = _surfaces()
    checked, wrong = 0, []
    for sentence in text_sentences:
        words = re.findall('[א-ת"]+', sentence)
        for before, numeral, noun in zip(["", *words], words, words[1:]):
            genders = {slot[0] for slot in noun_forms.get(noun, ())}
            if not genders or numeral not in masculine | feminine:
                continue
            checked += 1
            if ("m" if numeral in masculine else "f") not in genders:
                wrong.append((before, numeral, noun))
    assert checked > 200
    assert wrong == []


def _templates(plan) -> list[str]:
    if isinstance(plan, str):
        return [plan]
    return [t for item in plan if not isinstance(item, int) for t in _templates(item)]


def _commands(parts):
    for part in parts:
        if isinstance(part, Slot):
            yield part.command
        elif isinstance(part, Choice):
            for branch in part.branches:
                yield from _commands(branch)


@pytest.mark.parametrize("genre", list(GENRES))
def test_every_slot_of_every_template_can_be_filled(genre):
    for seed in range(8):
        stage = Stage(Chance(seed), set())
        GENRES[genre].cast(stage)
        for template in _templates(GENRES[genre].PLAN):
            for command in _commands(parse(template)):
                assert isinstance(stage.fill(command), str)


def test_template_choices_nest_and_slots_are_filled():
    made = {expand("א<ב|ג<ד|{x}>>", Chance(seed), lambda command: command) for seed in range(50)}
    assert {spell(text) for text in made} == {"אב", "אגד", "אג-x"}
    with pytest.raises(ValueError):
        parse("א<ב")


# Documents.


def test_the_same_seed_gives_the_same_documents():
    assert list(generate(5, 3000)) == list(generate(5, 3000))
    assert list(generate(5, 3000)) != list(generate(6, 3000))


def test_choices_do_not_change_between_python_versions():
    chance = Chance(1)
    drawn = [chance.below(1000) for _ in range(5)]
    mixed = list(range(6))
    chance.shuffle(mixed)
    assert (drawn, mixed) == ([362, 750, 281, 193, 147], [3, 1, 2, 5, 4, 0])


def test_the_word_count_is_reached_and_not_far_passed():
    for words in (1, 500, 20_000):
        made = [count_words(document) for document in generate(2, words)]
        assert sum(made) >= words
        assert sum(made[:-1]) < words
    with pytest.raises(ValueError):
        next(generate(1, 0))


def test_documents_have_three_to_seven_paragraphs(documents):
    assert {len(document) for document in documents} <= set(range(3, 8))
    assert all(text and "\n" not in text for document in documents for text in document)


def test_sentences_are_seldom_repeated(text_sentences):
    assert len(set(text_sentences)) / len(text_sentences) >= 0.97


def test_text_is_clean_hebrew(documents):
    joined = "\n".join(text for document in documents for text in document)
    assert not re.search("[\ue000-\uf8ff{}|<>_]|  ", joined)
    assert not re.search("[\u0591-\u05c7]", joined)
    assert "None" not in joined


def test_a_document_keeps_its_persons():
    for seed in range(10):
        stage = Stage(Chance(seed), set())
        GENRES["family"].cast(stage)
        elder = stage.scope["elder"].first
        told = stage.tell(GENRES["family"].PLAN)
        assert sum(elder in text for text in told) >= 3


def test_every_genre_writes():
    for genre in GENRES:
        assert count_words(write_document(genre, Chance(3), set())) > 60
    assert len(GENRES) >= 10


# Dirt.


def test_dirt_is_deterministic_and_within_its_shares(documents):
    soiled = list(soil(documents, 4))
    assert soiled == list(soil(documents, 4))
    total = len(documents)
    repeats = len(soiled) - len({tuple(document) for document in soiled})
    assert 0.035 * total <= repeats <= 0.045 * total

    def share(test) -> float:
        return sum(any(test(text) for text in document) for document in soiled) / total

    assert share(lambda text: bool(BIDI_MARKS & set(text))) <= 2 * SHARES["bidi"]
    assert share(lambda text: bool(BIDI_MARKS & set(text))) >= 0.03
    assert 0.03 <= share(lambda text: "\u00a0" in text) <= 0.2
    assert 0.02 <= share(lambda text: "״" in text) <= 0.3
    assert 0.01 <= share(lambda text: bool(re.search("[\u05b0-\u05c2]", text))) <= 0.12
    assert share(lambda text: bool(re.search("[\ufb2a-\ufb4e]", text))) <= 0.06
    assert 0.05 <= share(lambda text: text in foreign.BOILERPLATE) <= 0.25
    assert share(lambda text: "×" in text) <= 0.06
    assert 2 <= sum(document[0] in foreign.FOREIGN for document in soiled) <= len(foreign.FOREIGN)
    assert sum(document[0] in foreign.YIDDISH for document in soiled) == 1


def test_most_documents_stay_as_they_were(documents):
    clean = {tuple(document) for document in documents}
    kept = {tuple(document) for document in soil(documents, 4)} & clean
    assert len(kept) / len(clean) > 0.45


def test_soiling_few_or_no_documents():
    assert list(soil([], 1)) == []
    assert list(foreign.YIDDISH) in list(soil([["שלום"]], 1))


def test_pointed_words_are_the_same_words():
    for bare, pointed in foreign.POINTED.items():
        assert re.sub("[\u0591-\u05c7]", "", pointed) == bare


# The command.


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(COMMAND), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": ""},
    )


@pytest.fixture
def hand(tmp_path) -> Path:
    folder = tmp_path / "hand"
    folder.mkdir()
    (folder / "b.txt").write_text("מסמך שני.\n", encoding="utf-8")
    (folder / "a.txt").write_text("מסמך ראשון.\nפסקה שנייה.\n\nועוד מסמך.\n", encoding="utf-8")
    return folder


def test_the_command_builds_a_corpus(tmp_path, hand):
    done = run(tmp_path, "--output", "out", "--words", "3000", "--clean", "--handwritten", str(hand))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert "hand-written words: 8," in done.stdout and "duplicates planted: 0" in done.stdout
    text = (tmp_path / "out" / "raw.txt").read_text(encoding="utf-8")
    assert len(text.split()) >= 3000 and text.endswith("\n\n")
    assert "מסמך ראשון.\nפסקה שנייה.\n\n" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["raw.txt"]


def test_the_command_is_deterministic_and_soils(tmp_path, hand):
    digests = set()
    for name in ("one", "two"):
        done = run(tmp_path, "--output", name, "--words", "9000", "--handwritten", str(hand))
        assert done.returncode == 0, done.stderr
        digests.add(hashlib.sha256((tmp_path / name / "raw.txt").read_bytes()).hexdigest())
    assert len(digests) == 1
    text = (tmp_path / "one" / "raw.txt").read_text(encoding="utf-8")
    assert foreign.YIDDISH[0] in text


def test_the_command_names_a_bad_file(tmp_path, hand):
    (hand / "c.txt").write_bytes(b"\xff\xfe\x00")
    done = run(tmp_path, "--output", "out", "--words", "500", "--handwritten", str(hand))
    assert done.returncode == 1
    assert "c.txt" in done.stderr and done.stderr.count("\n") == 1


def test_the_command_names_an_output_it_cannot_write(tmp_path, hand):
    (tmp_path / "file").write_text("")
    done = run(tmp_path, "--output", "file", "--words", "500", "--handwritten", str(hand))
    assert done.returncode == 1
    assert "raw.txt" in done.stderr and done.stderr.count("\n") == 1


def test_word_lists_are_there():
    for name in ("name_m", "name_f", "family", "city", "month", "town", "adverb", "weekday"):
        assert len(word_lists()[name]) >= 6
