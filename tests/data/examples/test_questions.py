import json
from pathlib import Path

import pytest

from fairseq_hebrew.data.described import read_description
from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.examples import read_examples, read_file
from fairseq_hebrew.stage.errors import UserError

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "qa"
CONTEXT = "דנה גרה בחיפה, ודן גר בתל אביב. דנה לומדת."
SQUAD = QuestionAnswering(name="q", files={}, metric="f1")
SURE = QuestionAnswering(name="q", files={}, metric="f1", unanswerable=False)
FLAT = QuestionAnswering(name="q", files={}, metric="f1", format="flat")
REPAIRED = QuestionAnswering(name="q", files={}, metric="f1", repair_answers=True)


def asked(name="q1", text="חיפה", start=None, **more):
    start = CONTEXT.find(text) if start is None else start
    return {"id": name, "question": "היכן?", "answers": [{"text": text, "answer_start": start}], **more}


def squad(tmp_path, *questions, context=CONTEXT, indent=None):
    path = tmp_path / "q.json"
    content = {"version": "2.0", "data": [{"title": "א", "paragraphs": [{"context": context, "qas": list(questions)}]}]}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=indent), encoding="utf-8")
    return path


def refused(path, description=SQUAD) -> str:
    with pytest.raises(UserError) as raised:
        read_file(path, description)
    told = str(raised.value)
    assert told.startswith(str(path)) and "\n" not in told
    return told


def test_squad_1_and_2(tmp_path):
    path = squad(tmp_path, asked(), asked("q2", is_impossible=True, answers=[], plausible_answers=[{}]), asked(3))
    first, second, third = read_file(path, SQUAD)
    assert (first.id, first.question, first.context) == ("q1", "היכן?", CONTEXT)
    assert [(a.text, a.start, a.end) for a in first.answers] == [("חיפה", 9, 13)]
    assert second.answers == () and third.id == "3" and third.place == "data[0].paragraphs[0].qas[2]"


def test_the_flat_form_of_parashoot_as_json_lines_and_table(tmp_path):
    row = {"id": "a", "title": "ט", "context": CONTEXT, "question": "היכן?"}
    row["answers"] = {"text": [" בתל אביב", "תל אביב"], "answer_start": [21, 23]}
    none = {**row, "id": "b", "answers": {"text": [], "answer_start": []}}
    files = {"data.json": {"version": "v1.1", "data": [row, none]}, "rows.json": [row, none]}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "q.jsonl").write_text("\ufeff" + json.dumps(row) + "\r\n\n" + json.dumps(none), encoding="utf-8")
    cells = [
        ",".join('"' + str(v if k != "answers" else json.dumps(v)).replace('"', '""') + '"' for k, v in one.items())
        for one in (row, none)
    ]
    (tmp_path / "q.csv").write_text("\n".join(["id,title,context,question,answers", *cells]), encoding="utf-8")
    read = [read_file(tmp_path / name, FLAT) for name in ("data.json", "rows.json", "q.jsonl", "q.csv")]
    for questions in read:
        assert [(q.id, q.context, q.question, q.answers) for q in questions] == [
            (q.id, q.context, q.question, q.answers) for q in read[0]
        ]
    assert [[a.text for a in q.answers] for q in read[0]] == [[" בתל אביב", "תל אביב"], []]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (asked(text="ירושלים", start=9), "'ירושלים' does not stand in the context; at answer_start 9 stands 'חיפה, ו'"),
        (
            asked(start=10),
            "'חיפה' stands at character 9 of the context, not at answer_start 10; correct",
        ),
        (asked(text="אילת", start=99), "'אילת' has answer_start 99, the context has 42 characters"),
        (asked(start=-33), "stands at character 9 of the context, not at answer_start -33"),
        (asked(text=""), "answers[0] has no text"),
        (asked(text=" \n"), "answers[0] has no text"),
        (asked(start="9"), "answers[0] has answer_start '9'"),
        (asked(start=True), "answers[0] has answer_start True"),
        (asked(answers="x"), "answers is no list of objects"),
        (asked(answers=["x"]), "answers is no list of objects"),
        (asked(answers={"text": ["x"], "answer_start": []}), "answers is no pair of lists of one length"),
        (asked(question=" "), "question is empty"),
        (asked(question=None), "question is missing or no text"),
        (asked(question="a\ud800"), "question has half of a character, \\ud800, at character 1"),
        (asked(is_impossible=True), "is_impossible is true, and it has answers"),
        (asked(is_impossible="no"), "is_impossible is 'no'"),
        (asked(is_impossible=False, answers=[]), "it has no answers, and is_impossible is false"),
        (asked(None), "it has no id"),
        (asked(""), "it has no id"),
    ],
)
def test_mistakes_are_named_by_place_and_id(tmp_path, question, told):
    path = tmp_path / "q.json"
    content = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [asked("good"), question]}]}]}
    path.write_text(json.dumps(content), encoding="utf-8")  # ASCII: half a character can be written
    found = refused(path)
    assert f"data[0].paragraphs[0].qas[1]{', id ' if question['id'] is not None else ''}" in found and told in found


def test_lines_are_told_where_they_can_be(tmp_path):
    path = squad(tmp_path, asked(), asked("second", start=3), indent=1)
    line = path.read_text(encoding="utf-8").split("\n").index('       "id": "second",') + 1
    assert refused(path).startswith(f"{path}:{line}: data[0].paragraphs[0].qas[1], id 'second'")


def test_ids_stand_once(tmp_path):
    told = refused(squad(tmp_path, asked("x"), asked("y"), asked("x"), indent=1))
    # 9 lines before the first question, 10 of each; its id is on the second of them
    assert told.startswith(f"{tmp_path / 'q.json'}:{9 + 2 * 10 + 2}: data[0].paragraphs[0].qas[2], id 'x': its id")
    assert "stands at data[0].paragraphs[0].qas[0] too" in told


def test_a_question_without_an_answer_where_all_have_one(tmp_path):
    assert "unanswerable: true" in refused(squad(tmp_path, asked(answers=[])), SURE)


@pytest.mark.parametrize("context", ["", " \n\t"])
def test_an_empty_context(tmp_path, context):
    assert "context is empty" in refused(squad(tmp_path, asked(), context=context))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: not JSON"),
        ("{}", ": data is missing or no list"),
        ("[]", ": data is missing or no list"),
        ('{"data": [{}]}', ": data[0].paragraphs is missing or no list"),
        ('{"data": [{"paragraphs": [7]}]}', ": data[0].paragraphs[0].qas is missing or no list"),
        ('{"data": [{"paragraphs": [{"context": "א", "qas": [7]}]}]}', ": data[0].paragraphs[0].qas[0] is no object"),
        ('{"data": [{"paragraphs": []}]}', ": no examples in the file"),
        ('{"data": [\n{"a": }]}', ":2: not JSON"),
        ('{"data": ' + "[" * 100_000, ": brackets in brackets without end"),
        ('{"data": ' + "7" * 5000 + "}", ": not JSON"),
    ],
)
def test_files_that_are_none(tmp_path, text, told):
    path = tmp_path / "q.json"
    path.write_text(text, encoding="utf-8")
    assert told in refused(path)


def test_bad_bytes_are_named_by_line(tmp_path):
    path = tmp_path / "q.json"
    path.write_bytes(b'{"data":\n "\xe0"}')
    assert ":2: invalid UTF-8" in refused(path)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("q.jsonl", '{"id": "a"}\n{', ":1: line 1, id 'a': context is missing"),
        ("q.jsonl", "\n[1]", ":2: line 2 is no object"),
        ("q.jsonl", "\n\n{", ":3: not JSON"),
        ("q.json", '{"data": [{"paragraphs": []}]}', "has paragraphs, as SQuAD's files; write `format: squad`"),
        ("q.csv", "id,context,question\n", ":1: no column 'answers'"),
        ("q.csv", "id,context,question,answers\na,b\n", ":2: 2 columns, the header has 4"),
        ("q.csv", "id,context,question,answers\na,b,c,{'text'}\n", ":2: no JSON in a cell"),
        ("q.csv", 'id,context,question,answers\n"a"b,b,c,\n', ": not comma-separated values"),
        ("q.csv", "", ":1: no column 'id'"),
    ],
)
def test_mistakes_in_the_flat_form(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert told in refused(path, FLAT)


def test_a_context_longer_than_a_cell_may_be_for_csv(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text(f"id,context,question,answers\na,{'א' * 200_000},ב,\n", encoding="utf-8")
    (question,) = read_file(path, FLAT)
    assert len(question.context) == 200_000


def test_answers_are_moved_where_that_is_certain_and_counted(tmp_path, capsys):
    nearby = asked("near", "דנה", 30)  # stands at 0 and at 32
    path = squad(tmp_path, asked(), asked("far", start=40), nearby, asked("out", start=1000))
    assert [q.answers[0].start for q in read_file(path, REPAIRED)] == [9, 9, 32, 9]
    assert f"{path}: 3 of the answers moved" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "start", "told"),
    [("ילדה", 3, "does not stand in the context"), ("ד", 500, "and elsewhere 4 times"), ("ד", 17, "and elsewhere 4")],
)
def test_what_cannot_be_repaired_is_refused(tmp_path, text, start, told):
    assert told in refused(squad(tmp_path, asked(text=text, start=start)), REPAIRED)


def test_the_demo_set_is_read():
    description = QuestionAnswering(
        name="d", files={"train": "train.json", "valid": "dev.json", "test": "test.json"}, metric="f1"
    )
    questions = [read_examples(ROOT / "demo" / "corpus" / "qa", split, description) for split in description.files]
    assert [len(part) for part in questions] == [328, 48, 96]


@pytest.mark.skipif(not SHARED.is_dir(), reason="HeQ is not here")
def test_heq_has_its_published_sizes():
    heq = read_description("heq")
    for split, size, without in (("valid", 1501, 443), ("test", 1504, 432)):
        questions = read_examples(SHARED, split, heq)
        assert (len(questions), sum(not question.answers for question in questions)) == (size, without)
        assert all(q.context[a.start : a.end] == a.text for q in questions for a in q.answers)
