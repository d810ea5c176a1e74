"""Progress where no terminal is there: plain lines, not too many."""

from fairseq_hebrew.stage import progress


def test_lines_with_rates_and_nothing_on_stdout(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Progress("copy", 4_000_000) as bar:
        bar.add(1_000_000)
        now[0] += progress.LOG_EVERY
        bar.add(1_000_000)
        bar.add(1)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "copy: 2.0 MB of 4.0 MB, 0.1 MB/s\n"
