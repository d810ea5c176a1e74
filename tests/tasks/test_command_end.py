import pytest
from fairseq.distributed import utils

from fairseq_hebrew.tasks.command_end import before_commands_end


def test_all_works_are_done_in_order_also_after_a_failure(monkeypatch):
    done = []

    def stock(cfg, main, **options):
        done.append((cfg, options))
        return main()

    monkeypatch.setattr(utils, "call_main", stock)

    def fails():
        done.append("second")
        raise OSError("disk")

    before_commands_end("first", lambda: done.append("first"))
    before_commands_end("second", fails)
    before_commands_end("third", lambda: done.append("third"))
    before_commands_end("first", lambda: done.append("again"))  # the plugin imported once more
    with pytest.raises(OSError, match="disk"):
        utils.call_main("cfg", lambda: 5, more=1)
    assert done == [("cfg", {"more": 1}), "first", "second", "third"]
    with pytest.raises(OSError, match="disk"):
        utils.call_main("cfg", lambda: 1 / 0)
    assert done[-3:] == ["first", "second", "third"]
