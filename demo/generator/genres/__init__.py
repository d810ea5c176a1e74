"""The genres: each module has ``cast`` (who and where) and ``PLAN`` (what is told)."""

from __future__ import annotations

from . import (
    committee,
    family_story,
    guide,
    lab_report,
    market_report,
    news,
    notice,
    profile,
    recipe,
    review,
    sports,
    visit,
    weather,
)

GENRES = {
    "news": news,
    "weather": weather,
    "recipe": recipe,
    "market": market_report,
    "sports": sports,
    "visit": visit,
    "family": family_story,
    "committee": committee,
    "notice": notice,
    "review": review,
    "lab": lab_report,
    "guide": guide,
    "profile": profile,
}
