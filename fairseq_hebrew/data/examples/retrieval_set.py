"""What is searched and for what: queries with their relevant passages, and the passages, read a line at a time.

BEIR's form (Thakur et al. 2021): `corpus.jsonl` and `queries.jsonl` with `_id`, `title` and `text`, and for each split
a table `query-id`, `corpus-id`, `score`, the qrels. A passage that it does not name is not relevant to a query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.stage.progress import log

from .beir import Judgement, Row, read_qrels, read_rows
from .pair_lines import checked_pairs
from .questions import read_questions
from .relevance import same_text


class Query(NamedTuple):
    """`relevant`: the grade of each passage it was judged with, by the passage's id; one at least is above 0."""

    id: str
    text: str
    relevant: dict[str, int]


class Passage(NamedTuple):
    """A passage; `text` begins with its title, where it has one."""

    id: str
    text: str


@dataclass(frozen=True)
class Passages:
    """The passages in their order, as often as they are asked for: only one is in memory at a time where a file has
    them a line each."""

    again: Callable[[], Iterable[Passage]] = field(repr=False)
    count: int

    def __iter__(self) -> Iterator[Passage]:
        return iter(self.again())

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True)
class RetrievalSet:
    """Queries in the order in which the judgements name them; `files` are those it was read from."""

    queries: list[Query]
    passages: Passages
    files: list[Path]


def read_retrieval_set(folder: Path, split: str, description: Retrieval) -> RetrievalSet:
    """The retrieval set of a split; raises UserError naming file and line of what is wrong."""
    if split not in description.files:
        known = ", ".join(description.files)
        raise UserError(f"the task {description.name} has no split {split!r} in its description; it has {known}")
    return retrieval_set(folder / description.files[split], folder, description)


def retrieval_set(path: Path, folder: Path, description: Retrieval) -> RetrievalSet:
    """The retrieval set of a file: of BEIR's form the qrels, whose corpus and queries stand in the folder. Of the other
    forms the passages of the file are what is searched, each text once.

    Everything is checked before the first passage is given out: of BEIR's form the corpus is read once for it, and its
    ids are in memory meanwhile.
    """
    if description.format == "beir":
        return _beir(path, folder / description.corpus, folder / description.queries)
    return _squad(path) if description.format == "squad" else _pairs(path, description)


def set_files(path: Path, folder: Path, description: Retrieval) -> list[Path]:
    """The files that `retrieval_set` reads, in its order."""
    beside = [folder / description.corpus, folder / description.queries] if description.format == "beir" else []
    return [path, *beside]


def _beir(qrels: Path, corpus: Path, queries: Path) -> RetrievalSet:
    judged: dict[str, dict[str, Judgement]] = {}
    for judgement in read_qrels(qrels):
        its = judged.setdefault(judgement.query, {})
        if (first := its.get(judgement.passage)) is not None:
            problem = f"query {judgement.query!r} and passage {judgement.passage!r} stand on line {first.line} too"
            raise at(qrels, judgement.line, problem, "keep one of them")
        its[judgement.passage] = judgement
    if not judged:
        raise UserError(f"{qrels}: no judgements in the file; give a line a query and passage, as BEIR has them")
    texts = {row.id: row.text for row in _distinct(queries, "query") if row.id in judged}
    _require(qrels, {its_id: next(iter(its.values())).line for its_id, its in judged.items()}, texts, "query", queries)
    wanted = {judgement.passage: judgement.line for its in reversed(judged.values()) for judgement in its.values()}
    there = set()
    count = 0
    for row in _distinct(corpus, "passage"):
        count += 1
        if row.id in wanted:
            there.add(row.id)
    _require(qrels, wanted, there, "passage", corpus)
    found = [
        Query(name, texts[name], {passage: judgement.grade for passage, judgement in its.items()})
        for name, its in judged.items()
    ]
    with_relevant = _with_relevant(qrels, found)
    again = Passages(lambda: (Passage(row.id, row.text) for row in read_rows(corpus)), count)
    return RetrievalSet(with_relevant, again, [qrels, corpus, queries])


def _with_relevant(path: Path, queries: list[Query]) -> list[Query]:
    """Those that can be answered: no measure is defined without a relevant passage."""
    kept = [query for query in queries if any(grade > 0 for grade in query.relevant.values())]
    if not kept:
        raise UserError(f"{path}: no query has a relevant passage; give one a score above 0")
    if len(kept) < len(queries):
        log(f"{path}: {len(queries) - len(kept)} queries without a relevant passage are left out")
    return kept


def _require(qrels: Path, named: dict[str, int], there: Iterable[str], what: str, path: Path) -> None:
    for name, line in named.items():
        if name not in there:
            raise at(qrels, line, f"{what} {name!r} is not in {path}", "give the files that belong together")


def _distinct(path: Path, what: str) -> Iterator[Row]:
    seen: dict[str, int] = {}
    for row in read_rows(path):
        if (first := seen.setdefault(row.id, row.line)) != row.line:
            raise at(path, row.line, f"{what} {row.id!r} stands on line {first} too", "give each an id of its own")
        yield row
    if not seen:
        raise UserError(f"{path}: nothing in the file; write an object with _id and text a line")


# Answers are only asked whether there are any.
_SQUAD = QuestionAnswering(name="passages", files={}, metric="f1", repair_answers=True)


def _squad(path: Path) -> RetrievalSet:
    """The questions that are answered, each with all paragraphs that are said to answer it, in whatever place the same
    question stands; what is searched are the file's paragraphs."""
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    answered: dict[str, dict[str, int]] = {}
    queries = []
    for question in read_questions(path, _SQUAD):
        passage = ids.setdefault(same_text(question.context), f"p{len(ids)}")
        texts.setdefault(passage, question.context)
        if question.answers:
            relevant = answered.setdefault(same_text(question.question), {})
            relevant[passage] = 1
            queries.append(Query(question.id, question.question, relevant))
    if not queries:
        raise UserError(f"{path}: no question with an answer in the file; give one as SQuAD's")
    passages = [Passage(name, text) for name, text in texts.items()]
    return RetrievalSet(queries, Passages(lambda: passages, len(passages)), [path])


def _pairs(path: Path, description: Retrieval) -> RetrievalSet:
    """The queries of a file with a pair a line, with all passages that answer them somewhere in it."""
    ids: dict[str, str] = {}
    searched: list[Passage] = []
    asked: dict[str, Query] = {}
    for _, pair in checked_pairs(path, description.format):
        names = []
        for text in (pair.positive, *pair.negatives):
            names.append(ids.setdefault(same_text(text), f"p{len(ids)}"))
            if len(searched) < len(ids):
                searched.append(Passage(names[-1], text.strip()))
        query = asked.setdefault(same_text(pair.query), Query(f"q{len(asked)}", pair.query.strip(), {}))
        query.relevant[names[0]] = 1
    if not asked:
        raise UserError(f"{path}: no pairs in the file; give a query and a passage that answers it a line")
    queries = list(asked.values())
    return RetrievalSet(queries, Passages(lambda: searched, len(searched)), [path])
