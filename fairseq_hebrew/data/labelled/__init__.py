"""Labelled examples as samples, by the kind of the task, and as a fairseq dataset."""

from .dataset import LabelledDataset
from .pair_dataset import PairDataset
from .pairs import PairSamples
from .questions import QuestionSample, QuestionSamples
from .sample import IGNORE, Sample, SampleMaker
from .tagged_words import WordSamples
from .texts import TextSamples, ValuedSamples

__all__ = [
    "IGNORE",
    "LabelledDataset",
    "PairDataset",
    "PairSamples",
    "QuestionSample",
    "QuestionSamples",
    "Sample",
    "SampleMaker",
    "TextSamples",
    "ValuedSamples",
    "WordSamples",
]
