"""Cleaning: normalized lines, and what is no Hebrew text dropped with its reason counted."""

import dataclasses
import json

import pytest

from fairseq_hebrew.preprocess.clean import Settings, clean, clean_part, drop_lines_part, total
from fairseq_hebrew.preprocess.cleaning.boilerplate import count_lines_part, repeated_lines_part
from fairseq_hebrew.preprocess.cleaning.removed import merge_removed
from fairseq_hebrew.stage.errors import UserError

HEBREW = "זהו משפט ארוך מספיק כדי שהמסמך הזה יישאר."
YIDDISH = "דער ייִדישער שרײַבער האָט געשריבן אַ בוך װעגן דער אַלטער היים"


def run(tmp_path, content, **settings):
    source = tmp_path / "in.txt"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    output = tmp_path / "out.txt"
    manifest = clean(Settings(input=[source], output=output, **settings))
    return output.read_text(encoding="utf-8"), manifest["counts"]


def mojibake(text):
    return text.encode("utf-8").decode("latin-1")


def test_lines_are_normalized_and_documents_kept_apart(tmp_path):
    text = f"\ufeff\u200fשָׁלוֹם   עולם, צה״ל\r\n{HEBREW}\r\n \r\n\r\n{HEBREW} שני\n \u200f \n"
    made, counts = run(tmp_path, text)
    assert made == f'שלום עולם, צה"ל\n{HEBREW}\n\n{HEBREW} שני\n\n'
    assert counts["documents_in"] == counts["documents_out"] == 2 and counts["lines_out"] == 3


def test_niqqud_is_kept_on_request(tmp_path):
    made, _ = run(tmp_path, "שָׁלוֹם\u200f לכל האנשים הטובים בעולם\n", keep_niqqud=True, documents="lines")
    assert made == "שָׁלוֹם לכל האנשים הטובים בעולם\n\n".replace("שָׁ", "ש\u05b8\u05c1")


def test_moses_punctuation_on_request(tmp_path):
    made, _ = run(tmp_path, f"{HEBREW} – „כך”…\n", normalize_punctuation=True)
    assert made == f'{HEBREW} - "כך"...\n\n'


def test_each_reason_is_counted(tmp_path):
    documents = [
        HEBREW,
        "This is an English document about nothing in particular.",
        "Это русский документ ни о чём",
        "קצר",
        YIDDISH,
        mojibake(HEBREW) + "\n" + mojibake(HEBREW),
        mojibake(HEBREW) + "\n" + HEBREW,
        "\u200f\n\u200e",
        "1234567890 !!! 1234567890 ???",
        HEBREW + " and some English words",
    ]
    made, counts = run(tmp_path, "\n\n".join(documents))
    assert made == f"{HEBREW}\n\n{HEBREW}\n\n{HEBREW} and some English words\n\n"
    assert {key: number for key, number in counts.items() if not key.startswith("lines_changed")} == {
        "documents_in": 10,
        "documents_out": 3,
        "lines_out": 3,
        "dropped_not_hebrew": 3,
        "dropped_short": 1,
        "dropped_yiddish": 1,
        "dropped_mojibake": 1,
        "dropped_empty": 1,
        "lines_dropped_mojibake": 3,
    }


def test_the_rules_that_changed_kept_lines_are_counted(tmp_path):
    made, counts = run(
        tmp_path, f"{HEBREW}  צה״ל\n{HEBREW} ש\u05c1\u05b8לום\n{HEBREW}\u200f\n\nשָׁלום  English only, this is"
    )
    assert made.count("\n") == 4
    changed = {key: number for key, number in counts.items() if key.startswith("lines_changed")}
    assert changed == {f"lines_changed_{rule}": 1 for rule in ("spaces", "gershayim", "points", "bidi", "forms")}


@pytest.mark.parametrize(
    "setting, kept",
    [
        ("keep_niqqud", "שָלום\u200f צה״ל \ufb4f\x01  א"),
        ("strip_bidi", "שלום\u200f"),
        ("normalize_forms", "\ufb4f"),
        ("normalize_gershayim", "צה״ל"),
        ("strip_controls", "\x01"),
        ("collapse_spaces", "  א"),
    ],
)
def test_each_rule_is_an_option(tmp_path, setting, kept):
    text = f"{HEBREW} שָלום\u200f צה״ל \ufb4f\x01  א"
    made, _ = run(tmp_path, text, documents="lines", examples=0)
    assert made == f'{HEBREW} שלום צה"ל אל א\n\n'
    made, _ = run(tmp_path, text, documents="lines", **{setting: setting == "keep_niqqud"})
    assert made != f'{HEBREW} שלום צה"ל אל א\n\n' and (setting == "keep_niqqud" or kept in made)


def test_more_limits_than_there_are_ngrams(tmp_path, written, refused):
    source = written(tmp_path / "a.txt", [[HEBREW]])
    options = ["--input", source, "--output", tmp_path / "o.txt", "--max-top-ngrams", *["0.2"] * 4]
    assert "--max-top-ngrams 0.2 0.2 0.2 0.2: up to 3 numbers from 0 on, one for each n" in refused(
        "clean", *options, status=2
    )


def test_a_file_is_read_again_when_its_name_says_something_else(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text(json.dumps({"text": HEBREW, "source": "העיתון של אתמול"}, ensure_ascii=False) + "\n")
    clean(Settings(input=[source], output=tmp_path / "out.txt", documents="lines"))
    assert "העיתון" in (tmp_path / "out.txt").read_text(encoding="utf-8")
    clean(Settings(input=[source.rename(tmp_path / "a.jsonl")], output=tmp_path / "out.txt", documents="lines"))
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == f"{HEBREW}\n\n"


def test_the_language_is_an_option(tmp_path):
    english = "This is an English document about nothing in particular."
    documents = "\n\n".join([HEBREW, english, "Это русский документ ни о чём", "1 2 3 4 5 6 7 8 9 a 10 11 12"])
    assert run(tmp_path, documents)[0] == f"{HEBREW}\n\n"
    made, counts = run(tmp_path, documents, language="english")
    assert made == f"{english}\n\n" and counts["dropped_not_english"] == 2 and counts["dropped_digits"] == 1
    assert run(tmp_path, documents, language="any", max_digits=1)[1]["documents_out"] == 4


def test_boilerplate_is_counted_once_a_document_and_dropped(tmp_path):
    documents = [f"תפריט ראשי\n{HEBREW} {number}\nתפריט ראשי\nכל הזכויות שמורות" for number in range(4)]
    long = "מילה " * 60
    documents += [f"{HEBREW} אחר\nכל הזכויות שמורות", "תפריט ראשי\nכל הזכויות שמורות"]
    documents += [f"{long}{n}\n{long}" for n in range(6)]
    made, counts = run(tmp_path, "\n\n".join(documents), boilerplate_repeats=5, repetition_words=999)
    assert "הזכויות" not in made and made.count("תפריט ראשי") == 8, "5 documents are not more than 5"
    assert made.count(long.strip() + "\n") == 6, "long lines are no boilerplate"
    assert counts["lines_dropped_boilerplate"] == 6 and counts["dropped_boilerplate"] == 1
    assert counts["documents_out"] == 11
    made, counts = run(tmp_path, "\n\n".join(documents), repetition_words=999)
    assert "lines_dropped_boilerplate" not in counts and made.count("הזכויות") == 6


def test_a_document_of_boilerplate_alone_leaves_no_blank_lines(tmp_path):
    text = f"שורה חוזרת\n\nשורה חוזרת\n\n{HEBREW}\n"
    made, counts = run(tmp_path, text, boilerplate_repeats=1, min_characters=0)
    assert made == f"{HEBREW}\n\n" and counts["documents_out"] == 1
    with pytest.raises(UserError, match="every line is boilerplate"):
        run(tmp_path, "שורה חוזרת\n\nשורה חוזרת\n", boilerplate_repeats=1, min_characters=0)


def test_layouts(tmp_path):
    two = f"{HEBREW} אחת\n{HEBREW} שתיים\n"
    assert run(tmp_path, two, documents="lines")[0] == f"{HEBREW} אחת\n\n{HEBREW} שתיים\n\n"
    assert run(tmp_path, two, documents="blank")[0] == two + "\n"
    assert run(tmp_path, two + "\n")[0] == two + "\n"
    tokens = "\n".join(f"{word} O" for word in ["הילדים", "אמרו", ":", "אנחנו", "הולכים", "הביתה", ",", "עכשיו", "!"])
    assert run(tmp_path, tokens + "\n\n", documents="tokens")[0] == "הילדים אמרו: אנחנו הולכים הביתה, עכשיו!\n\n"
    with pytest.raises(UserError, match="say --documents lines"):
        run(tmp_path, two)


def test_a_cleaned_text_stays_as_it_is(tmp_path, documents, written):
    made, _ = run(tmp_path, written(tmp_path / "a", documents(50, seed=1)).read_bytes(), min_characters=0)
    assert run(tmp_path, made, min_characters=0)[0] == made


def test_workers_do_not_change_the_result(tmp_path, documents, written, monkeypatch):
    source = written(tmp_path / "a.txt", documents(1500, seed=1, paragraphs=20))
    assert source.stat().st_size > 1 << 20, "several chunks"
    for repeats in (0, 3):
        results = set()
        for workers in (1, 3):
            settings = Settings(
                input=[source, source], output=tmp_path / "out.txt", workers=workers, boilerplate_repeats=repeats
            )
            counts = clean(settings, force=True)["counts"]
            files = [(tmp_path / name).read_bytes() for name in ("out.txt", "out.removed.jsonl")]
            results.add((*files, tuple(sorted(counts.items()))))
        assert len(results) == 1


def test_parts_make_what_the_command_makes(tmp_path, documents, written):
    sources = []
    for number in range(3):
        made = documents(300, seed=number)
        made += [["שורה  חוזרת", "צה״ל", *made[0]], ["English alone, and nothing else"], *made[:40]]
        sources.append(written(tmp_path / f"{number}.txt", made))
    for repeats in (0, 2):
        settings = Settings(input=sources, output=tmp_path / "out.txt", boilerplate_repeats=repeats, examples=7)
        counts = clean(settings, force=True)["counts"]
        apart = dataclasses.replace(settings, input=[], output=None, workers=2)

        def path(source, ending):
            return tmp_path / "parts" / f"{source.stem}.{ending}"

        cleaned = [clean_part(s, path(s, "txt"), path(s, "jsonl"), apart, path(s, "same")) for s in sources]
        dropped, texts, examples = [], [path(s, "txt") for s in sources], [path(s, "jsonl") for s in sources]
        if repeats:
            keys = [path(source, "keys") for source in sources]
            for text, key in zip(texts, keys):
                count_lines_part(text, key)
                assert key.read_bytes() == key.with_suffix(".same").read_bytes() != b""
            repeated_lines_part(keys, tmp_path / "repeated", repeats, memory=1)
            for source in sources:
                to = path(source, "left.txt"), path(source, "left.jsonl")
                dropped.append(drop_lines_part(path(source, "txt"), tmp_path / "repeated", *to, source.name, apart))
            texts = [path(source, "left.txt") for source in sources]
            examples += [path(source, "left.jsonl") for source in sources]
        merge_removed(examples[::-1], tmp_path / "merged.jsonl", 7)
        assert b"".join(text.read_bytes() for text in texts) == (tmp_path / "out.txt").read_bytes()
        assert (tmp_path / "merged.jsonl").read_bytes() == (tmp_path / "out.removed.jsonl").read_bytes()
        assert total(cleaned, dropped) == counts and bool(counts.get("lines_dropped_boilerplate")) == bool(repeats)


def test_examples_of_what_was_removed(tmp_path):
    long = "מילה " * 100
    documents = [f"{HEBREW}\n{long}צה״ל נגמר {number}" for number in range(30)] + ["English only, and some more"] * 9
    run(tmp_path, "\n\n".join([*documents, YIDDISH, f"{HEBREW}\n{mojibake(HEBREW)}"]), examples=4, repetition_words=999)
    rows = [json.loads(line) for line in (tmp_path / "out.removed.jsonl").read_text(encoding="utf-8").splitlines()]
    reasons = [row["reason"] for row in rows]
    assert reasons == sorted(reasons) and {reason: reasons.count(reason) for reason in reasons} == {
        "gershayim": 4,
        "mojibake_line": 1,
        "not_hebrew": 4,
        "yiddish": 1,
    }
    for row in rows:
        assert row["file"] == "in.txt" and len(row["before"]) <= 300
        if row["reason"] == "gershayim":
            assert "צה״ל נגמר" in row["before"] and row["after"] == row["before"].replace("״", '"')
            assert row["line"] % 3 == 1 and row["paragraph"] == 2
        else:
            assert row["after"] is None
    assert [(row["line"], row["before"]) for row in rows if row["reason"] == "yiddish"] == [(109, YIDDISH)]
    run(tmp_path, "\n\n".join(documents), examples=0, repetition_words=999)
    assert not (tmp_path / "out.removed.jsonl").exists(), "what an earlier run left tells of other settings"


def test_a_file_of_another_language_is_named(tmp_path, written, refused):
    hebrew = written(tmp_path / "he.txt", [[HEBREW]])
    english = written(tmp_path / "en.txt", [["An English text, long enough to be kept."]] * 3)
    said = refused("clean", "--input", hebrew, english, "--output", tmp_path / "out.txt")
    assert "en.txt: no document is left after cleaning (3 not_hebrew); is it Hebrew text?" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["en.txt", "he.txt"]


def test_the_command(tmp_path, written, command):
    source = written(tmp_path / "a.txt", [[HEBREW], ["English only, nothing else in here"]])
    done = command("clean", "--input", source, "--output", tmp_path / "out.txt", "--workers", "2")
    assert done.returncode == 0 and done.stdout == ""
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == f"{HEBREW}\n\n"
    again = command("clean", "--input", source, "--output", tmp_path / "out.txt", "--workers", "1")
    assert "up to date, skipped" in again.stderr
