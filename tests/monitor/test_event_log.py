"""TensorBoard's event files, written as fairseq-train writes them."""

import pytest

from fairseq_hebrew.monitor.event_log import EventLogs
from fairseq_hebrew.monitor.sources import Run
from fairseq_hebrew.stage.errors import UserError

pytest.importorskip("tensorboard", reason="the extra [report] is not installed")


def writer(folder):
    from torch.utils.tensorboard import SummaryWriter

    made = SummaryWriter(str(folder))
    made.add_text("sys.argv", "fairseq-train")
    return made


def tell(to, step, **values):
    for name, value in values.items():
        to.add_scalar(name, value, step)
    to.flush()


def test_the_folders_of_a_log_are_its_curves(tmp_path):
    steps, valid, epochs = (writer(tmp_path / "tb" / name) for name in ("train_inner", "valid", "train"))
    for step in (10, 20, 30):
        tell(steps, step, loss=9.0 - step / 10, gnorm=0.5, lr=1e-4)
    tell(valid, 20, loss=6.5, ppl=90.5)
    tell(epochs, 30, loss=7.0)
    run = Run(tmp_path)
    assert run.read() == 5
    assert run.log.steps.updates.tolist() == [10, 20, 30] and run.log.epochs.updates.tolist() == [30]
    assert run.log.steps.column("loss").tolist() == pytest.approx([8.0, 7.0, 6.0])
    assert run.log.steps.column("lr").tolist() == pytest.approx([1e-4] * 3)
    assert run.log.valid["valid"].rows() == [{"loss": 6.5, "ppl": 90.5, "num_updates": 20.0}]
    (one,) = (tmp_path / "tb" / "valid").iterdir()
    alone = Run(one)
    assert alone.read() == 1 and alone.log.valid["valid"].last == 20


def test_a_growing_file_is_read_on_and_its_last_step_held_back(tmp_path):
    steps = writer(tmp_path / "train_inner")
    run = Run(tmp_path)
    tell(steps, 10, loss=9.0)
    assert run.read(growing=True) == 0
    tell(steps, 10, gnorm=0.5)
    tell(steps, 20, loss=8.0)
    assert run.read(growing=True) == 1
    assert run.log.steps.rows() == [{"loss": 9.0, "gnorm": 0.5, "num_updates": 10.0}]
    assert run.read() == 1 and run.log.steps.last == 20


def test_a_file_cut_short_is_read_as_far_as_it_goes(tmp_path):
    steps = writer(tmp_path / "train_inner")
    for step in (10, 20, 30):
        tell(steps, step, loss=9.0)
    steps.close()
    (path,) = (tmp_path / "train_inner").iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    run = Run(tmp_path)
    run.read()
    assert run.log.steps.updates.tolist() == [10, 20]


def test_a_resumed_run_writes_a_second_file(tmp_path):
    for updates, loss in (((10, 20, 30), 9.0), ((20, 25), 8.0)):
        steps = writer(tmp_path / "train_inner")
        for step in updates:
            tell(steps, step, loss=loss)
        steps.close()
    run = Run(tmp_path)
    run.read()
    assert run.log.steps.updates.tolist() == [10, 20, 25]
    assert run.log.steps.column("loss").tolist() == [9.0, 8.0, 8.0] and run.log.resumed == [(30, 20)]


def test_events_of_two_runs_are_refused(tmp_path):
    for name in ("a", "b"):
        tell(writer(tmp_path / name / "train_inner"), 10, loss=9.0)
    with pytest.raises(UserError, match=r"several runs; name one: .*a, .*b"):
        Run(tmp_path).read()
    logs = EventLogs()
    logs.take(sorted((tmp_path / "a").rglob("*tfevents*")))
    assert [record.update for record in logs.read()] == [10]
