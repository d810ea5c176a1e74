"""The verdicts as lines to read."""

import math

import pytest

from fairseq_hebrew.monitor.curves import TRAIN, Log, Record
from fairseq_hebrew.monitor.judgement import Rules, judge
from fairseq_hebrew.monitor.plateaus import Plateau
from fairseq_hebrew.monitor.spikes import Spike
from fairseq_hebrew.monitor.words import events, lines, perplexity, plateau_words, rate_words, spike_line


def test_perplexity_is_of_base_two():
    assert perplexity(3.0) == 8.0 and perplexity(5000.0) == math.inf and math.isnan(perplexity(math.nan))


def test_a_spike_tells_its_height_and_whether_it_is_over():
    over = Spike("loss", 3, 5, 300, 400, 500, 600, 2.0, 3.0, 12.34)
    assert spike_line(over) == (
        "spike: loss from update 300 to 500, 2 to 3 (+50.0 %, z 12.3), back at update 600"
    )  # fmt: skip
    lasting = Spike("gnorm", 3, 3, 1300, 1300, 1300, None, 0.5, 5.0, 9.0)
    assert spike_line(lasting) == (
        "spike: gradient norm at update 1,300, 0.5 to 5 (+900.0 %, z 9.0), not come back so far"
    )  # fmt: skip


def test_a_plateau_that_lasts_is_no_reason_to_stop():
    words = plateau_words(Plateau(8000, 12_000, 4.5, 0.001, 0.002, over=False))
    assert (
        words
        == "plateau: since update 8,000, loss flat around 4.500; plateaus end late in such runs: no reason to stop"
    )
    assert "loss rising around 4.500" in plateau_words(Plateau(8000, 12_000, 4.5, 0.05, 0.002, over=False))
    assert plateau_words(Plateau(8000, 12_000, 4.5, 0.0, 0.002, over=True)).endswith("then the loss fell again")


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([None] * 3, "not in the log"),
        ([1e-4], "now 0.0001, 100 % of the peak"),
        ([0.0, 0.0], "constant 1 to 2; now 0"),
        ([1e-4, 2e-4, 1e-4], "warm-up 1 to 2, decay 2 to 3; now 0.0001, 50 % of the peak"),
    ],
)
def test_the_learning_rate_as_far_as_it_is_known(rates, words):
    log = Log()
    for update, rate in enumerate(rates, 1):
        log.add(Record(TRAIN, update, {"loss": 5.0} | ({} if rate is None else {"lr": rate})))
    assert rate_words(judge(log, Rules())) == words


def test_events_keep_their_keys_while_their_numbers_become_finer():
    log = Log()
    for update in range(1, 200):
        log.add(Record(TRAIN, update, {"loss": 9.0 if update == 150 else 5.0 - update / 1000}))
        if update == 150:
            early = events(judge(log, Rules()))
    late = events(judge(log, Rules()))
    assert list(early) == [("spike", "loss", 150, True)] and list(late) == [("spike", "loss", 150, False)]


def test_resumed_runs_are_told():
    log = Log()
    for update in (10, 20, 30, 20):
        log.add(Record(TRAIN, update, {"loss": 5.0}))
    assert "resumed: went back from update 30 to 20" in lines(judge(log, Rules()), log, Rules())
