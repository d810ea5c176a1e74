"""Wikitext to plain text: what a reader of the article's running text sees, a paragraph a line.

Dropped: templates, tables, references, galleries, formulas, code, comments, links to files and categories, links to the
same article in other languages, behaviour switches, lists of sources and links, and headings with nothing under them.
Kept: the words of links, bold and italics, list items, headings.

The tokens are mwparserfromhell's. They are walked as they come: the tree it would build of them takes ten times as
long as finding them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

# Elements whose content is no running text.
_DROPPED_TAGS = {
    *("ref", "references", "table", "gallery", "imagemap", "mapframe", "maplink", "graph", "timeline", "score"),
    *("math", "chem", "ce", "hiero", "syntaxhighlight", "source", "code", "style", "script", "templatestyles"),
    *("templatedata", "inputbox", "categorytree", "section", "indicator", "noinclude"),
}
# Elements that stand in a paragraph of their own.
_BLOCK_TAGS = {
    *("p", "div", "blockquote", "center", "poem", "pre", "ul", "ol", "li", "dl", "dt", "dd", "hr"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
}
# Namespaces whose links show no words: files and categories, by their Hebrew and English names.
_DROPPED_LINKS = {"קובץ", "תמונה", "מדיה", "קטגוריה", "file", "image", "media", "category"}
# Sections of lists that are no running text; they go with the sections inside them.
_DROPPED_SECTIONS = {
    *("הערות שוליים", "קישורים חיצוניים", "ראו גם", "לקריאה נוספת", "לעיון נוסף", "גלריה", "גלריית תמונות"),
    *("references", "notes", "external links", "see also", "further reading", "gallery"),
}
# A heading's line starts with this character and its level more, in Unicode's private area, until it is decided on.
_HEADING = 0xE010
_HEADINGS = re.compile(f"[{chr(_HEADING + 1)}-{chr(_HEADING + 6)}]")

_REDIRECT = re.compile(r"\s*#\s*(?:הפניה|redirect)\b", re.IGNORECASE)
# `en:Title` or `zh-yue:Title`: the same article in another language; a colon before it would make it a plain link.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*:")
_STYLE = re.compile("'{2,5}")
_SWITCH = re.compile(r"__[^\W_]+(?:_[^\W_]+)*__")
# Marks whose other half is missing.
_STRAY = re.compile(r"</?[A-Za-z][^<>]{0,200}>|\{\{+|\}\}+|\[\[|\]\]")
# Nothing in them, or the label of a template that was: `(באנגלית: )`.
_EMPTY_BRACKETS = re.compile(r"[ \t]*[(\[](?:[^()\[\]:]{1,30}:)?[\s,;:.–—-]*[)\]]")
_COMMA_IN_BRACKET = re.compile(r"\([ \t]*[,;][ \t]*")
_SPACES = re.compile(r"[ \t\u00a0]{2,}")
_SPACE_BEFORE_MARK = re.compile(r"[ \t]+(?=[,.;:](?:\s|$))")
# Lines of tables and templates that the parser found no end for.
_LEFTOVER = re.compile(r"\s*(?:\{\||\|)")


def is_redirect(wikitext: str) -> bool:
    return _REDIRECT.match(wikitext) is not None


def plain_text(wikitext: str) -> str:
    """The paragraphs of an article, one a line; empty when it has none. Raises what the parser raises."""
    return paragraphs(_shown(_tokens(_HEADINGS.sub("", wikitext))))


def paragraphs(shown: str) -> str:
    """The tidy paragraphs of what an article shows, headings marked as by `heading`."""
    return "\n".join(_sections(filter(None, map(_tidy, shown.split("\n")))))


def heading(level: int, title: str) -> str:
    return f"\n{chr(_HEADING + level)}{title}\n"


def link(title: str, words: str | None) -> str:
    """What a link to `title` shows; `words` are those it was given."""
    title = title.strip()
    if not title.startswith(":"):
        space, colon, _ = title.partition(":")
        if colon and (space.strip().lower() in _DROPPED_LINKS or (words is None and _LANGUAGE.match(title))):
            return ""
    if words is not None:
        return words
    return title.lstrip(":").partition("#")[0] or title.lstrip("#")


def element(name: str, content: str) -> str:
    """What an HTML element shows."""
    name = name.strip().lower()
    if name in _DROPPED_TAGS:
        return ""
    if name == "br":
        return "\n"
    return f"\n{content}\n" if name in _BLOCK_TAGS else content


def list_mark(name: str, line_start: bool) -> str:
    """What a mark of a list item (`*`, `#`, `;`, `:`) or a rule shows: a colon parts a term from its meaning."""
    return ": " if name.strip() == "dd" and not line_start else ""


@dataclass
class _Frame:
    """An open template, link, element...: the words inside it so far, and what stood before its last mark."""

    opened: str
    words: list[str] = field(default_factory=list)
    before: str | None = None
    # The text between an element's start and its end.
    content: str = ""
    token: dict = field(default_factory=dict)


def _tokens(wikitext: str) -> list:
    from mwparserfromhell.parser import CTokenizer
    from mwparserfromhell.parser.tokenizer import Tokenizer

    # Bold and italics are left as quotes: their ends are often missing.
    return (CTokenizer or Tokenizer)().tokenize(wikitext, 0, True)


def _shown(tokens: list) -> str:
    """The words that an article shows, lines and marks of headings among them."""
    frames = [_Frame("")]
    words = frames[0].words
    for token in tokens:
        kind = type(token).__name__
        if kind == "Text":
            words.append(token["text"])
            continue
        frame = frames[-1]
        if kind in _OPENING:
            frames.append(_Frame(kind, token=token))
        elif kind in _CLOSING:
            frames.pop()
            frames[-1].words.append(_closed(frame, kind, frames[-1]))
        elif kind in ("WikilinkSeparator", "ExternalLinkSeparator"):
            frame.before, frame.words = "".join(words), []
        elif kind in ("TagAttrStart", "TagCloseOpen"):
            # The name of an element ends here, or an attribute does.
            frame.before, frame.words = "".join(words) if frame.before is None else frame.before, []
        elif kind == "TagOpenClose":
            frame.content, frame.words = "".join(words), []
        elif kind in ("HTMLEntityNumeric", "HTMLEntityHex"):
            words.append("#" if kind == "HTMLEntityNumeric" else token["char"])
        # Separators inside templates part what is dropped.
        words = frames[-1].words
    return "".join(frames[0].words)


_OPENING = {
    *("TemplateOpen", "ArgumentOpen", "CommentStart", "WikilinkOpen", "ExternalLinkOpen", "TagOpenOpen"),
    *("HeadingStart", "HTMLEntityStart"),
}
_CLOSING = {
    *("TemplateClose", "ArgumentClose", "CommentEnd", "WikilinkClose", "ExternalLinkClose", "TagCloseClose"),
    *("TagCloseSelfclose", "HeadingEnd", "HTMLEntityEnd"),
}


def _closed(frame: _Frame, kind: str, outer: _Frame) -> str:
    """What something shows that was just closed."""
    words = "".join(frame.words)
    if kind == "WikilinkClose":
        return link(words, None) if frame.before is None else link(frame.before, words)
    if kind == "HTMLEntityEnd":
        return html.unescape(f"&{words};")
    if kind == "HeadingEnd":
        return heading(frame.token["level"], words)
    if kind == "ExternalLinkClose":
        return words if frame.before is not None else ""
    if kind == "TagCloseClose":
        return element(frame.before or "", frame.content)
    if kind == "TagCloseSelfclose":
        name = words if frame.before is None else frame.before
        if frame.token.get("wiki_markup"):
            return list_mark(name, not outer.words or outer.words[-1].endswith("\n") or outer.words[-1] == "")
        return element(name, "")
    return ""


def _sections(lines: Iterable[str]) -> list[str]:
    """The lines without the sections that are dropped and without headings that nothing stands under."""
    kept: list[str] = []
    dropped = 7  # the level of the section being dropped; 7 is none
    for line in lines:
        if level := _level(line):
            if level > dropped:
                continue
            dropped = level if line[1:].strip(" :").lower() in _DROPPED_SECTIONS else 7
            while kept and _level(kept[-1]) >= level:
                kept.pop()
        if dropped == 7:
            kept.append(line)
    while kept and _level(kept[-1]):
        kept.pop()
    return [line[1:].strip() if _level(line) else line for line in kept]


def _level(line: str) -> int:
    """The level of a heading, 0 for any other line."""
    return ord(line[0]) - _HEADING if _HEADINGS.match(line) else 0


def _tidy(line: str) -> str:
    """A line without what removing the markup left behind; empty when nothing is left."""
    if _LEFTOVER.match(line):
        return ""
    if "'" in line:
        line = _STYLE.sub("", line)
    if "__" in line:
        line = _SWITCH.sub("", line)
    if "<" in line or "{{" in line or "}}" in line or "[[" in line or "]]" in line:
        line = _STRAY.sub("", line)
    if "(" in line or "[" in line:
        line = _COMMA_IN_BRACKET.sub("(", _EMPTY_BRACKETS.sub("", line))
    if "  " in line or "\t" in line or "\u00a0" in line:
        line = _SPACES.sub(" ", line)
    if any(sign in line for sign in (" ,", " .", " ;", " :")):
        line = _SPACE_BEFORE_MARK.sub("", line)
    line = line.strip()
    return "" if len(line) == 1 and _level(line) else line
