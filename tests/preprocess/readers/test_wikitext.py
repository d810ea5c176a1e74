"""Wikitext to plain text: what a reader sees, and the walk over tokens against the parser's own tree."""

import random

import pytest

from fairseq_hebrew.preprocess.readers import wikitext
from fairseq_hebrew.preprocess.readers.wikitext import is_redirect, plain_text
from tests.preprocess.readers.packing import EXTRA

mwparserfromhell = pytest.importorskip("mwparserfromhell", reason=EXTRA)


@pytest.mark.parametrize(
    "given, shown",
    [
        ("'''ירושלים''' היא ''עיר''.", "ירושלים היא עיר."),
        ("[[ישראל]] ו[[שפה|שפות]]", "ישראל ושפות"),
        ("[[:קטגוריה:ערים]] [[#פרק]] [[א#ב]] [[א#ב|ג]]", "קטגוריה:ערים פרק א ג"),
        ("א [[קובץ:x.jpg|ממוזער|כיתוב עם [[קישור]] ו{{תבנית}}]] ב", "א ב"),
        ("א [[תמונה:x.jpg]] [[File:x.jpg|thumb|a]] [[Image:x]] [[ קטגוריה :ב]] ב", "א ב"),
        ("א\n[[קטגוריה:ב|מיון]]\n[[en:A]]\n[[zh-yue:A]]\n[[:en:B|שם]]", "א\nשם"),
        ("א {{תבנית|ב={{פנימית|{{{ארגומנט|ג}}}}}}} ד", "א ד"),
        ('א<ref>הערה {{ציטוט}}</ref>, ב<ref name="x" />.', "א, ב."),
        ('א\n{| class="wikitable"\n! כותרת\n|-\n| תא || תא\n{| \n| פנימית\n|}\n|}\nב', "א\nב"),
        ("א<br>ב<br />ג", "א\nב\nג"),
        ("* א\n** ב\n# ג\n: ד\n; מונח : פירוש\n----\nה", "א\nב\nג\nד\nמונח: פירוש\nה"),
        ("א <math>x^2</math> <gallery>קובץ:x|ב</gallery> <syntaxhighlight lang=x>c</syntaxhighlight>ב", "א ב"),
        ("א <!-- הערה --> ב &nbsp;&amp;&#1488;&#x5d1;&quot; &bogus;", 'א ב &אב" &bogus;'),
        ("[https://a.b שם האתר] https://c.d [https://e.f]", "שם האתר"),
        ("<div class=x>א</div><span>ב</span><small>ג</small>", "א\nבג"),
        ("<nowiki>[[א]] ''ב''</nowiki>", "א ב"),
        ("__ללא_תוכן_עניינים__ א __NOTOC__", "א"),
        ("שם (באנגלית: {{א}}) ו({{א}}) ו( , ב) וסוף {{א}}.", "שם ו ו(ב) וסוף."),
        ("== פרק ==\nא\n=== ריק ===\n== ריק גם ==\n{{א}}\n== סוף ==\nב", "פרק\nא\nסוף\nב"),
        ("א\n== ראו גם ==\n* [[ב]]\n=== ג ===\nד\n== ה ==\nו\n==קישורים חיצוניים==\n* [http://x ז]", "א\nה\nו"),
        ("פסקה אחת\nעוד שורה\n\n\nפסקה שנייה", "פסקה אחת\nעוד שורה\nפסקה שנייה"),
        ("{| שבורה\n|-\n| א\nטקסט {{ שבור [[ קישור", "טקסט שבור קישור"),
        ("צה\"ל וג'ירפה", "צה\"ל וג'ירפה"),
        ("{{תבנית}}\n[[קטגוריה:א]]", ""),
        ("", ""),
    ],
)
def test_what_a_reader_sees(given, shown):
    assert plain_text(given) == shown


def test_redirects():
    assert is_redirect("#הפניה [[א]]") and is_redirect(" # REDIRECT [[a]]") and is_redirect("#redirect[[a]]")
    assert not is_redirect("#הפניות הן ערכים") and not is_redirect("* #הפניה")


def by_tree(text):
    """What the walk over tokens should give, from the tree that mwparserfromhell builds."""
    kinds = mwparserfromhell.nodes

    def shown(code):
        made = []
        for node in code.nodes:
            match node:
                case kinds.Text():
                    made.append(node.value)
                case kinds.Wikilink():
                    made.append(wikitext.link(shown(node.title), None if node.text is None else shown(node.text)))
                case kinds.Tag() if node.wiki_markup and node.self_closing:
                    before = next((piece for piece in reversed(made)), "\n")
                    made.append(wikitext.list_mark(shown(node.tag), before == "" or before.endswith("\n")))
                case kinds.Tag():
                    inside = "" if node.self_closing or node.contents is None else shown(node.contents)
                    made.append(wikitext.element(shown(node.tag), inside))
                case kinds.HTMLEntity():
                    made.append(wikitext.html.unescape(str(node)))
                case kinds.Heading():
                    made.append(wikitext.heading(node.level, shown(node.title)))
                case kinds.ExternalLink():
                    made.append("" if node.title is None else shown(node.title))
                case _:
                    made.append("")
        return "".join(made)

    return wikitext.paragraphs(shown(mwparserfromhell.parse(text, skip_style_tags=True)))


PIECES = [
    *("א", "ב ג", "מילה", " ", "\n", "\n\n", "'''", "''", "[[", "]]", "|", "{{", "}}", "{{{", "}}}", "{|"),
    *("\n|}\n", "\n|-\n", "\n| ", "||", "\n! ", "==", "\n== ", " ==\n", "\n=== x ===\n", "*", "\n* ", "\n; "),
    *(" : ", "\n----\n", "<ref>", "</ref>", "<ref name=x />", "<br>", "<div a='b{{c}}'>", "</div>", "<math>"),
    *("</math>", "<!--", "-->", "&amp;", "&#x5d0;", "&#", "http://a.b ", "[http://a.b ", "]", "קובץ:", ":"),
    *("#", "=", "<nowiki>", "</nowiki>", "<", ">", "/", '"', "__א__", "(", ")", "<table>", "<tr>", "<td>"),
    *("</table>", "<li>", "en:", "קטגוריה:", ",", "\ue011", "\x00", "😀"),
]


@pytest.mark.parametrize("seed", range(8))
def test_the_walk_over_tokens_is_the_walk_over_the_tree(seed):
    choice = random.Random(seed)
    for _ in range(250):
        text = "".join(choice.choices(PIECES, k=choice.randint(1, 60)))
        wanted = by_tree(text.replace("\ue011", ""))
        assert plain_text(text) == wanted, text


def test_deep_nesting_ends():
    for text in ("{{" * 3000 + "א" + "}}" * 3000, "[[" * 5000 + "א", "<div>" * 2000 + "א", "{|\n| " * 500 + "א"):
        assert isinstance(plain_text(text + "\n\nסוף"), str)
    assert plain_text("{{א|" * 30 + "ב" + "}}" * 30 + "סוף") == "סוף"


def test_paragraphs_hold_no_line_end_and_no_blanks_around():
    choice = random.Random(9)
    for _ in range(200):
        made = plain_text("".join(choice.choices(PIECES, k=40)))
        assert all(line == line.strip() and line for line in made.split("\n")) or made == ""
