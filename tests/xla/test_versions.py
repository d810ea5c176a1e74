"""What --tpu needs is asked for before anything is done."""

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.xla import versions


@pytest.mark.parametrize(
    ("installed", "told"),
    [
        ({"torch": "2.9.0"}, "--tpu needs torch_xla 2.9, which is not installed"),
        ({"torch": "2.8.0", "torch_xla": "2.8.0"}, "torch_xla 2.8.0 is installed, the plugin is made for 2.9"),
        ({"torch": "2.13.0+cpu", "torch_xla": "2.9.0"}, "torch_xla 2.9.0 needs torch 2.9, here is torch 2.13.0"),
        ({"torch_xla": "2.9.0"}, "torch_xla 2.9.0 needs torch 2.9, here is torch None"),
    ],
)
def test_a_wrong_set_of_versions(monkeypatch, installed, told):
    monkeypatch.setattr(versions, "_version", installed.get)
    with pytest.raises(UserError) as error:
        versions.check_versions()
    assert told in str(error.value) and "make setup-xla" in str(error.value)


def test_those_at_hand_go_together():
    versions.check_versions()
