import logging

from fairseq.logging import progress_bar


def test_a_log_file_is_written_once_however_many_bars_are_made(tmp_path):
    path = tmp_path / "train.log"
    before = list(progress_bar.logger.handlers)
    for _ in range(5):
        progress_bar.progress_bar([1], log_format="json", log_file=str(path))
    other = tmp_path / "other.log"
    progress_bar.progress_bar([1], log_format="json", log_file=str(other))
    try:
        progress_bar.logger.warning("once")
        assert path.read_text() == other.read_text() == "once\n"
    finally:
        for handler in set(progress_bar.logger.handlers) - set(before):
            progress_bar.logger.removeHandler(handler)
            handler.close()
    assert not [h for h in progress_bar.logger.handlers if isinstance(h, logging.FileHandler)]
