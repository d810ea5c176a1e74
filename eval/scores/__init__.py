"""The scorers, a file for each kind of task: what its records hold, and what is counted of them."""

from . import questions, rankings, tagged_words, texts, values

# Each has FIELDS (a record's fields and their types), `problem(record)`, `score(records)`, and `kept(record)`: what
# `score` reads of a record beyond the fields that all records share.
# For `compare` it has EXAMPLE (the fields that two predictions of one example share), `counts(record)`, and
# `metrics(totals)` of counts that were summed over examples.
KINDS = {
    "token_classification": tagged_words,
    "sequence_classification": texts,
    "sequence_regression": values,
    "question_answering": questions,
    "retrieval": rankings,
}
