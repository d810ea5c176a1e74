"""Agreement wherever words are chosen at random, and templates that can be filled."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from demo.generator.chance import Chance
from demo.generator.genres import GENRES
from demo.generator.lexicon import (
    ABSENT,
    adjectives,
    nouns,
    people,
    slot_of,
)
from demo.generator.slots import Slots
from demo.generator.spelling import spell
from demo.generator.stage import Stage
from demo.generator.template import Choice, Slot, expand, parse


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
