"""Small tokenizers of every kind of Hugging Face, learned from the demo's hand-written text, as model folders."""

import json
from pathlib import Path

from tests.text.hostile import REAL

HANDWRITTEN = Path(__file__).parents[2] / "demo" / "corpus" / "handwritten"
VOCABS = REAL.parent / "vocabs"
KINDS = ("wordpiece", "wordpiece-cased", "unigram", "roberta", "roberta-files", "metaspace-bpe", "modern-bpe")
# How a text that quotes specials, or is no text, may look.
TEXTS = [
    "",
    " ",
    "שלום עולם",
    "  שני רווחים  ובסוף ",
    "[CLS] [SEP] [PAD] [UNK] [MASK] ##ים",
    "<s> </s> <pad> <unk> <mask> <|mask|> <0x41> ▁ ",
    "שָׁלוֹם 😀 👨‍👩‍👧 עוֹלָם",
    "א\tב\u00a0ג\u200fד\u2028ה",
    "\x00\x01א\x1f",
    "日本語 Ελληνικά 𝔸 é e\u0301 ﬁ ½",
    "צה\"ל ג'ירפה ארה״ב \ufb2a",
    "The Price of 1,234 ÀÉ",
    "א" * 300,
    "אבג" * 2000,
    "x" * 101,
]


def demo_lines():
    files = sorted(HANDWRITTEN.glob("*.txt"))
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]


def real_lines(size=100_000):
    """Lines of real Hebrew text where there is any, else the demo's."""
    path = REAL / "wikipedia_paragraphs.txt"
    if not path.exists():
        return demo_lines()
    return path.read_text(encoding="utf-8")[:size].split("\n")


def write_json(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def model_folder(folder, kind):
    """A folder with a tokenizer of this kind, as transformers would have it; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = {
        "wordpiece": _wordpiece,
        "wordpiece-cased": _wordpiece,
        "unigram": _unigram,
        "roberta": _roberta,
        "roberta-files": _roberta,
        "metaspace-bpe": _metaspace_bpe,
        "modern-bpe": _modern_bpe,
    }
    makers[kind](folder, kind)
    return folder


def _wordpiece(folder, kind):
    """A bare vocab.txt with BERT's specials at 0 and 100-103; for the cased one a configuration says so."""
    from tokenizers import BertWordPieceTokenizer

    cased = kind.endswith("cased")
    learned = BertWordPieceTokenizer(lowercase=not cased, strip_accents=not cased)
    learned.train_from_iterator(demo_lines(), vocab_size=700, show_progress=False)
    pieces = [piece for piece in learned.get_vocab() if not piece.startswith("[") or len(piece) == 1]
    unused = [f"[unused{i}]" for i in range(1, 100)]
    lines = ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(pieces)]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if cased:
        write_json(folder / "tokenizer_config.json", {"do_lower_case": False, "tokenizer_class": "BertTokenizer"})


def _unigram(folder, _):
    """As XLM-R: specials at 0-3, the mask last, no file that names them; NFKC before the text is cut."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    learned = Tokenizer(models.Unigram())
    learned.normalizer = normalizers.NFKC()
    learned.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=700, special_tokens=specials, unk_token="<unk>", show_progress=False, initial_alphabet=["<", ">"]
    )
    learned.train_from_iterator(demo_lines(), trainer)
    model = json.loads(learned.to_str())["model"]
    vocab = [*((piece, score) for piece, score in model["vocab"]), ("<mask>", 0.0)]
    made = Tokenizer(models.Unigram(vocab, unk_id=3))
    made.normalizer, made.pre_tokenizer, made.decoder = learned.normalizer, learned.pre_tokenizer, decoders.Metaspace()
    made.add_special_tokens([*specials, AddedToken("<mask>", lstrip=True)])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {"model_max_length": 512})


def _byte_bpe(specials, size=600):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, show_progress=False, initial_alphabet=alphabet
    )
    learned.train_from_iterator(demo_lines(), trainer)
    return learned


def _roberta(folder, kind):
    """As RoBERTa: byte-level BPE, the mask last; one file, older than the option `use_regex`, or the older two."""
    from tokenizers import AddedToken, processors

    made = _byte_bpe(["<s>", "<pad>", "</s>", "<unk>"])
    made.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    content = json.loads(made.to_str())
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>"}
    names |= {"pad_token": "<pad>", "mask_token": {"content": "<mask>", "lstrip": True, "__type": "AddedToken"}}
    if kind == "roberta":
        del content["pre_tokenizer"]["use_regex"]
        write_json(folder / "tokenizer.json", content)
        write_json(folder / "special_tokens_map.json", names)
        return
    vocab = content["model"]["vocab"] | {"<mask>": len(content["model"]["vocab"])}
    write_json(folder / "vocab.json", vocab)
    merges = "\n".join(" ".join(merge) for merge in content["model"]["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", names)


def _metaspace_bpe(folder, _):
    """BPE of letters with a byte fallback, as Llama's; its specials have names of their own, at ids of their own."""
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers

    learned = Tokenizer(models.BPE(unk_token="<|unk|>", fuse_unk=True))
    learned.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokens = ["<|unk|>", *(f"<0x{i:02X}>" for i in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=tokens, show_progress=False)
    # Without a pre-tokenizer a line would be one word.
    learned.train_from_iterator((word for line in demo_lines() for word in line.split()), trainer)
    content = json.loads(learned.to_str())
    content["model"]["byte_fallback"] = True
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] == 0]
    made = Tokenizer.from_str(json.dumps(content))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens(["<|end|>", "<|mask|>", "<|begin|>", "<|pad|>"])
    made.save(str(folder / "tokenizer.json"))
    names = {role: f"<|{name}|>" for role, name in (("cls", "begin"), ("sep", "end"), ("pad", "pad"), ("mask", "mask"))}
    names["unk"] = "<|unk|>"
    write_json(folder / "tokenizer_config.json", {f"{role}_token": name for role, name in names.items()})


def _modern_bpe(folder, _):
    """As ModernBERT: byte-level BPE after NFC, BERT's names past its entries, entries of ordinary text too."""
    from tokenizers import AddedToken, normalizers, processors

    made = _byte_bpe([])
    made.normalizer = normalizers.NFC()
    made.add_tokens([AddedToken("|||PHONE|||", normalized=False), AddedToken("    ", normalized=True)])
    made.add_special_tokens(["<|padding|>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[unused0]"])
    ids = {name: made.token_to_id(name) for name in ("[CLS]", "[SEP]")}
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=list(ids.items())
    )
    made.save(str(folder / "tokenizer.json"))
    names = {"cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]", "unk": "[UNK]"}
    write_json(folder / "tokenizer_config.json", {f"{role}_token": name for role, name in names.items()})
