"""Numbers in words, agreeing in gender; construct before a definite noun."""

from __future__ import annotations

_FREE = {
    "m": "אחד שניים שלושה ארבעה חמישה שישה שבעה שמונה תשעה עשרה".split(),
    "f": "אחת שתיים שלוש ארבע חמש שש שבע שמונה תשע עשר".split(),
}
_CONSTRUCT = {
    "m": "אחד שני שלושת ארבעת חמשת ששת שבעת שמונת תשעת עשרת".split(),
    "f": "אחת שתי שלוש ארבע חמש שש שבע שמונה תשע עשר".split(),
}
_TEEN_UNITS = {
    "m": "אחד שנים שלושה ארבעה חמישה שישה שבעה שמונה תשעה".split(),
    "f": "אחת שתים שלוש ארבע חמש שש שבע שמונה תשע".split(),
}
_TEEN = {"m": "עשר", "f": "עשרה"}
_TENS = "עשרים שלושים ארבעים חמישים שישים שבעים שמונים תשעים".split()
_THOUSANDS = "אלף אלפיים".split() + [f"{unit} אלפים" for unit in "שלושת ארבעת חמשת ששת שבעת שמונת תשעת".split()]


def number_words(number: int, gender: str) -> str:
    """A number from 1 to 9999 in words, as it stands when nothing is counted."""
    if not 1 <= number <= 9999:
        raise ValueError(f"no words for {number}")
    parts: list[str] = []
    thousands, rest = divmod(number, 1000)
    if thousands:
        parts.append(_THOUSANDS[thousands - 1])
    hundreds, rest = divmod(rest, 100)
    if hundreds:
        parts.append({1: "מאה", 2: "מאתיים"}.get(hundreds, f"{_FREE['f'][hundreds - 1]} מאות"))
    if rest > 20 and rest % 10:
        parts += [_TENS[rest // 10 - 2], _FREE[gender][rest % 10 - 1]]
    elif rest >= 20:
        parts.append(_TENS[rest // 10 - 2])
    elif rest > 10:
        parts.append(f"{_TEEN_UNITS[gender][rest - 11]} {_TEEN[gender]}")
    elif rest:
        parts.append(_FREE[gender][rest - 1])
    if len(parts) > 1:
        parts[-1] = "ו" + parts[-1]
    return " ".join(parts)


def counting_words(number: int, gender: str, definite: bool = False) -> str:
    """The numeral as it stands before a counted noun: שני, שלושה, שלושת ה..."""
    if number == 2 or (definite and 2 < number <= 10):
        return _CONSTRUCT[gender][number - 1]
    return number_words(number, gender)


def ordinal_words(number: int, gender: str) -> str:
    """First to tenth, agreeing in gender (without the article)."""
    forms = {
        "m": "ראשון שני שלישי רביעי חמישי שישי שביעי שמיני תשיעי עשירי",
        "f": "ראשונה שנייה שלישית רביעית חמישית שישית שביעית שמינית תשיעית עשירית",
    }
    return forms[gender].split()[number - 1]
