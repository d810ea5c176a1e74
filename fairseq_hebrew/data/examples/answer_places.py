"""Where an answer stands that is not where it says."""

from __future__ import annotations

# Characters within which the nearest place is the one that was meant, where the text stands in several.
NEAR = 20


class Misplaced(ValueError):
    """No place, or none that is certain; says which."""


def placed(text: str, start: int, context: str) -> int:
    """The character at which `text` begins: its only place, or the only one within NEAR of `start`.

    Raises Misplaced where there is none.
    """
    places = [i for i in range(len(context)) if context.startswith(text, i)]
    near = [i for i in places if abs(i - start) <= NEAR]
    found = places if len(places) == 1 else near
    if len(found) == 1:
        return found[0]
    if places:
        raise Misplaced(
            f"{text[:40]!r} does not stand at answer_start {start} of the context, and elsewhere {len(places)} times"
        )
    if not 0 <= start < len(context):
        raise Misplaced(f"{text[:40]!r} has answer_start {start}, the context has {len(context)} characters")
    there = context[start : start + len(text)]
    raise Misplaced(f"{text[:40]!r} does not stand in the context; at answer_start {start} stands {there[:40]!r}")
