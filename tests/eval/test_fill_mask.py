import pytest

from fairseq_hebrew.eval.fill_mask import fill_mask
from fairseq_hebrew.stage.errors import UserError


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(UserError, match="no Hugging Face model"):
        fill_mask(tmp_path, "זו <mask>", 5)


@pytest.mark.parametrize("text", ["בלי מסכה", "<mask> ועוד <mask>"])
def test_there_must_be_one_mask(tmp_path, text):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="write it once"):
        fill_mask(tmp_path, text, 5)
