import pytest

from fairseq_hebrew.data.described import built_in, read_description
from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.stage.errors import UserError

GOOD = """
name: mine
kind: token_classification
files: {train: a.bmes, valid: b.bmes}
labels: [PER, ORG]
metric: f1
"""


def written(tmp_path, text):
    path = tmp_path / "task.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_built_in_ones_read_and_round_trip_through_a_checkpoint():
    assert {"bmc_1", "bmc_2", "bmc_3", "heq", "iahlt_knesset", "nemo", "parashoot", "smcd"} <= set(built_in())
    for name in built_in():
        description = read_description(name)
        assert read_description(description.to_json()) == description
        assert set(description.splits) == {"train", "valid", "test"} - ({"train"} if name == "heq_retrieval" else set())


def test_nemo_has_nine_types_in_bioes():
    # recipes.md, "Task data": PER ORG GPE LOC FAC WOA EVE DUC ANG, BIOES: 4 tags a type and O
    assert len(read_description("nemo").classes) == 37
    assert read_description("nemo").classes[:5] == ["O", "B-PER", "I-PER", "E-PER", "S-PER"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("kind: token_classification", "kind: parsing"), "kind 'parsing' is none of"),
        (("metric: f1", "metric: bleu"), "metric 'bleu' is none of"),
        (("metric: f1", ""), "'metric' is missing"),
        (("labels: [PER, ORG]", "labels: PER"), "labels: 'PER' is no list or mapping"),
        (("labels: [PER, ORG]", "labels: []"), "labels: none are named"),
        (("metric: f1", "metric: f1\nmax_tokens: many"), "max_tokens: 'many' is no whole number"),
        (("metric: f1", "metric: f1\nmax_tokens: 2"), "max_tokens 2: at least 3"),
        (("metric: f1", "metric: f1\nnormalize: 3"), "normalize: 3 is no true or false"),
        (("metric: f1", "metric: f1\nscheme: [bio]"), r"scheme: \['bio'\] is no text"),
        (("name: mine", "name: mine\nlabel: x"), "unknown key 'label'"),
        (("name: mine", "name: [mine"), "not a YAML file"),
        (("metric: f1", "metric: f1\nscheme: iob1"), "scheme 'iob1' is none of bio, bioes, bmes"),
        (("metric: f1", "metric: f1\nformat: csv"), "format 'csv' is none of columns, spans, tokens"),
        (("metric: f1", "metric: f1\nbroken_tags: drop"), "broken_tags 'drop' is none of refuse, count"),
        (("metric: f1", "metric: f1\nword_column: 2"), "word_column without the other"),
        (("metric: f1", "metric: f1\nword_column: 2\ntag_column: 2"), "word_column and tag_column are both 2"),
        (("metric: f1", "metric: f1\ntag_names: O"), "tag_names: 'O' is no list"),
    ],
)
def test_mistakes_are_named(tmp_path, change, told):
    path = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(UserError, match=told) as raised:
        read_description(path)
    assert path in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_three_splits_of_bmc_differ_in_their_files_alone():
    splits = [read_description(f"bmc_{number}") for number in (1, 2, 3)]
    assert [split.files["test"] for split in splits] == [f"bmc_split.test.{number}.bmes" for number in (1, 2, 3)]
    assert len({tuple(split.classes) for split in splits}) == 1
    # recipes of the field: PER ORG LOC DATE MONEY PERCENT TIME
    assert list(splits[0].labels) == ["PER", "ORG", "LOC", "DATE", "MONEY", "PERCENT", "TIME"]


def test_bmes_is_read_as_bioes():
    described = TokenClassification(name="n", files={}, labels={"PER": "PER"}, metric="f1", scheme="bmes")
    assert described.classes == ["O", "B-PER", "I-PER", "E-PER", "S-PER"] and described.tag_scheme == "bioes"
    assert described.places == {"B": "B", "M": "I", "E": "E", "S": "S"}


QUESTIONS = """
name: mine
kind: question_answering
files: {train: a.json}
metric: f1
max_tokens: 100
max_question_tokens: 30
stride: 66
"""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("stride: 66", "stride: 67"), "stride 67: windows have room for 66 tokens .* give at most 66"),
        (("stride: 66", "stride: 0"), "stride 0: at least 1"),
        (("max_tokens: 100", "max_tokens: 30"), "room for -4 tokens .* a larger max_tokens"),
        (("stride: 66", "stride: 60\nmax_answer_tokens: 0"), "max_answer_tokens 0: at least 1"),
        (("stride: 66", "stride: 60\nformat: csv"), "format 'csv' is none of squad, flat"),
        (("stride: 66", "stride: 60\nnull_threshold: .nan"), "null_threshold nan: is no finite number"),
        (("stride: 66", "stride: 60\nnull_threshold: low"), "null_threshold: 'low' is no number"),
        (("stride: 66", "stride: 60\nunanswerable: 1"), "unanswerable: 1 is no true or false"),
        (("metric: f1", "metric: macro_f1"), "metric 'macro_f1' is none of f1, exact_match"),
        (("name: mine", "name: mine\nlabels: [a]"), "unknown key 'labels'"),
    ],
)
def test_mistakes_in_questions_are_named(tmp_path, change, told):
    assert read_description(written(tmp_path, QUESTIONS)).stride == 66
    with pytest.raises(UserError, match=told):
        read_description(written(tmp_path, QUESTIONS.replace(*change)))


RETRIEVAL = """
name: mine
kind: retrieval
files: {train: a.jsonl}
metric: mrr@10
max_tokens: 100
"""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("max_tokens: 100", "format: csv"), "format 'csv' is none of pairs, triples, squad, beir"),
        (("max_tokens: 100", "pooling: max"), "pooling 'max' is none of mean, cls"),
        (("max_tokens: 100", "max_query_tokens: 2"), "max_query_tokens 2: at least 3"),
        (("max_tokens: 100", "temperature: 0"), "temperature 0: is no number above 0"),
        (("max_tokens: 100", "temperature: .nan"), "temperature nan: is no number above 0"),
        (("max_tokens: 100", "temperature: .inf"), "temperature inf: is no number above 0"),
        (("max_tokens: 100", "negatives: -1"), "negatives -1: at least 0"),
        (("max_tokens: 100", "negatives: 1\nformat: squad"), "negatives 1: files of format squad name none"),
        (("max_tokens: 100", "query_prefix: 3"), "query_prefix: 3 is no text"),
        (("metric: mrr@10", "metric: mrr"), "metric 'mrr' is none of mrr@10, ndcg@10, ndcg@20, recall@20, recall@100"),
    ],
)
def test_mistakes_in_retrieval_are_named(tmp_path, change, told):
    assert read_description(written(tmp_path, RETRIEVAL)).max_query_tokens == 64
    with pytest.raises(UserError, match=told):
        read_description(written(tmp_path, RETRIEVAL.replace(*change)))


def test_what_made_the_vectors_of_a_model_holds_for_other_files(tmp_path):
    trained = read_description(written(tmp_path, RETRIEVAL + "pooling: cls\nquery_prefix: 'q: '\ntemperature: 1"))
    read = read_description("heq_retrieval").as_trained(trained)
    assert (read.name, read.format, read.temperature) == ("heq_retrieval", "beir", 0.05)
    assert (read.pooling, read.query_prefix, read.max_tokens) == ("cls", "q: ", 100)


def test_a_missing_file_names_the_built_in_ones(tmp_path):
    with pytest.raises(UserError, match=", ".join(built_in())):
        read_description(str(tmp_path / "none.yaml"))
    with pytest.raises(UserError, match="Is a directory"):
        read_description(str(tmp_path))
