"""--sample-break-mode packed: the loss of each document as if it stood alone, and real runs."""

import logging
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from fairseq_hebrew.criterions.masked_lm import HebrewMaskedLMCriterion
from fairseq_hebrew.models.hallelubert import HalleluBertModel
from fairseq_hebrew.models.neodictabert import NeoDictaBertModel
from fairseq_hebrew.models.options import EncoderOptions
from fairseq_hebrew.stage.errors import UserError
from tests.conftest import ROOT
from tests.data.corpora import write
from tests.tasks import runs
from tests.tasks.test_masked_lm import binarized, losses, task, train

BOS, PAD, EOS = 0, 1, 2
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Documents of 1 to 5 paragraphs, a blank line after each; some are longer than a row of 64."""
    chance = random.Random(8)
    lines = []
    for _ in range(120):
        lines += [chance.choices(range(4, 32), k=chance.randint(1, 30)) for _ in range(chance.randint(1, 5))]
        lines.append([])
    return binarized(tmp_path_factory.mktemp("packed"), train=lines)


def loaded(folder, **options):
    made = task(folder, sample_break_mode="packed", **{"tokens_per_sample": 64} | options)
    made.load_dataset("train")
    return made, made.dataset("train")


def documents(data) -> list[list[int]]:
    """The documents of a dataset's samples, with the `<s>` of each."""
    rows = [data.samples[index] for index in range(len(data))]
    return [part.tolist() for tokens, lengths in rows for part in np.split(tokens, np.cumsum(lengths)[:-1])]


def test_every_token_of_the_corpus_is_in_one_row(folder, caplog):
    with caplog.at_level(logging.INFO):
        _, data = loaded(folder)
    found = documents(data)
    lines = lines_of(folder)
    assert sorted(token for document in found for token in document[1:]) == sorted(t for line in lines for t in line)
    assert all(document[0] == BOS and BOS not in document[1:] for document in found)
    assert data.sizes.max() <= 64 and data.sizes.sum() / (64 * len(data)) > 0.95
    told = re.search(r"packed 120 documents into (\d+) rows of 64 tokens, (\S+) % full; (\d+) longer", caplog.text)
    assert int(told[1]) == len(data) and float(told[2]) == pytest.approx(100 * data.samples.fullness, abs=0.01)
    assert 0 < int(told[3]) < 120


def lines_of(folder: Path) -> list[list[int]]:
    """The lines that are no lone `</s>`."""
    tokens = np.fromfile(folder / "train.bin", dtype=np.uint16)
    lines = np.split(tokens, np.flatnonzero(tokens == EOS) + 1)
    return [line.tolist() for line in lines if len(line) > 1]


@pytest.mark.parametrize("kind", [HalleluBertModel, NeoDictaBertModel])
@pytest.mark.parametrize("backend", ["plain", "sdpa", "documents", "static"])
@pytest.mark.parametrize("fixed_shapes", [False, True])
def test_the_loss_of_documents_in_rows_of_their_own(folder, kind, backend, fixed_shapes):
    """Through task, dataset, criterion and model: a packed batch, and its documents one by one in padded rows."""
    made, data = loaded(folder, fixed_shapes=fixed_shapes)
    batch = data.collater([data[index] for index in data.ordered_indices()[-6:]])
    torch.manual_seed(1)
    options = EncoderOptions(
        _name=kind.family.name, encoder_layers=2, encoder_embed_dim=128, dropout=0.0, attention_dropout=0.0,
        attention_backend=backend,
    )  # fmt: skip
    model = kind.build_model(OmegaConf.structured(options), made)
    criterion = HebrewMaskedLMCriterion(made)
    loss, size, log = criterion(model, batch)
    # The same masks, laid out as (B, T) whatever the batch's form.
    tokens, target = batch["net_input"]["src_tokens"], batch["target"]
    if fixed_shapes:
        laid_out = torch.full_like(tokens, PAD)
        for row, (places, wanted) in enumerate(zip(batch["net_input"]["masked_positions"], target)):
            laid_out[row, places[wanted.ne(PAD)]] = wanted[wanted.ne(PAD)]
        target = laid_out
    segments = batch["net_input"]["segment_ids"]
    assert segments.max() > 2
    apart = []
    for row in range(len(tokens)):
        for number in range(1, int(segments[row].max()) + 1):
            here = segments[row].eq(number)
            one = torch.full((2, 1, 64), PAD)
            one[:, 0, : here.sum()] = torch.stack((tokens[row, here], target[row, here]))
            alone = {"net_input": {"src_tokens": one[0]}, "target": one[1], "ntokens": 1, "nsentences": 1}
            apart.append(criterion(model, alone))
    assert int(size) == sum(int(part[1]) for part in apart) > 20
    torch.testing.assert_close(loss, sum(part[0] for part in apart), rtol=1e-6, atol=0)
    assert int(log["right"]) == sum(int(part[2]["right"]) for part in apart)


def test_documents_see_one_another_without_the_document_mask(folder):
    _, data = loaded(folder, no_document_mask=True)
    net = data.collater([data[index] for index in range(3)])["net_input"]
    assert "segment_ids" not in net and net["lengths"] == data.sizes[:3].tolist()
    assert documents(data) == documents(loaded(folder)[1])
    with pytest.raises(UserError, match="--no-document-mask is of packed rows; add --sample-break-mode packed"):
        task(folder, no_document_mask=True)


def test_long_documents_are_cut_at_ends_of_sentences(tmp_path, tokenizer_dir):
    from fairseq_hebrew.preprocess.binarize import Settings, binarize

    text = "הילדה קראה ספר גדול. הבית שלנו רחוק מאוד! האם זה נכון?\n"
    (tmp_path / "text").write_text((text.strip() + " ") * 30 + "\n\n" + text * 30 + "\n", encoding="utf-8")
    binarize(Settings(input=[tmp_path / "text"], output=tmp_path / "bin", tokenizer=tokenizer_dir))
    made, data = loaded(tmp_path / "bin", tokenizer_dir=str(tokenizer_dir))
    ends = {int(i) for i in np.flatnonzero(made.pieces.sentence_ends)}
    found = documents(data)
    assert len(found) > 20 and all(document[-1] in ends for document in found)
    assert {document[-1] for document in found} > {EOS}
    _, blind = loaded(tmp_path / "bin")
    assert not all(document[-1] in ends for document in documents(blind))


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """Literature and paragraphs of Wikipedia, and `tokenizer` for them."""
    from fairseq_hebrew.preprocess import binarize, train_bpe

    texts = [SHARED / "text" / f"{name}.txt" for name in ("benyehuda_00", "wikipedia_paragraphs")]
    if not all(text.exists() for text in texts):
        pytest.skip("needs the real Hebrew texts beside the repository, shared/data/text")
    folder = tmp_path_factory.mktemp("real")
    train_bpe.train_bpe(train_bpe.Settings(input=texts, output=folder / "tokenizer", vocab_size=16000))
    binarize.binarize(binarize.Settings(input=texts, output=folder / "bin", tokenizer=folder / "tokenizer"))
    return folder


@pytest.mark.parametrize("size", [512, 1024, 4096])
def test_how_full_rows_of_real_text_are(real, size):
    _, data = loaded(real / "bin", tokens_per_sample=size, tokenizer_dir=str(real / "tokenizer"))
    assert data.samples.fullness > 0.995


RUN = ("--sample-break-mode", "packed", "--arch", "neodictabert_tiny")


def test_packed_training_learns(folder, tmp_path):
    run = train(folder, tmp_path, *RUN, updates=12)
    told = losses(run)
    assert sorted(told) == list(range(1, 13)) and told[12] < told[1]
    assert len(re.findall(r"packed 120 documents into \d+ rows of 64 tokens", run.stdout + run.stderr)) == 1


def test_fixed_shapes_change_no_loss(folder, tmp_path):
    plain, shaped, seeing = (
        losses(train(folder, tmp_path, *RUN, "--no-save", *more, updates=4))
        for more in ((), ("--fixed-shapes",), ("--no-document-mask",))
    )
    assert shaped == pytest.approx(plain, abs=2e-3)
    assert seeing != pytest.approx(plain, abs=2e-3)


def test_shards_and_resuming_in_their_middle(tmp_path):
    """Three shards, an epoch each, stopped in each of them: the same batches and the same losses to the last bit."""
    chance = random.Random(3)
    shards = []
    for name in "abc":
        lines = [chance.choices(range(4, 30), k=chance.randint(1, 25)) for _ in range(90)]
        shards.append(runs.binarized(tmp_path / name, 0))
        lines = [part for number, line in enumerate(lines) for part in ([line, []] if number % 2 else [line])]
        write(shards[-1] / "train", [[*line, EOS] for line in lines])
    place = (":".join(map(str, shards)), runs.plugin(tmp_path))
    more = ("--sample-break-mode", "packed", "--tokens-per-sample", 32, "--update-freq", 1)
    stops = (3, 14, 25, 36)
    runs.train_in_turn(
        [
            runs.arguments(*place, tmp_path / "whole", *more, "--max-update", stops[-1]),
            *(runs.arguments(*place, tmp_path / "parts", *more, "--max-update", stop) for stop in stops),
        ]
    )
    assert runs.records(tmp_path / "parts") == runs.records(tmp_path / "whole")
    ends = [runs.state_of(tmp_path / name / "checkpoint_last.pt") for name in ("parts", "whole")]
    assert runs.same_state(*ends) and ends[0]["extra_state"]["train_iterator"]["epoch"] >= 3
