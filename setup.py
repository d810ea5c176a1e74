"""Metadata, dependencies, extras and entry points of fairseq_hebrew.

fairseq itself is not among the dependencies: its 0.12.2 release pins omegaconf and hydra-core to versions that
today's pip refuses and Python 3.11 cannot import, so it is installed apart, with --no-deps (see the README);
what it needs at run time is listed here instead.
"""

import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "fairseq_hebrew" / "__init__.py").read_text(encoding="utf-8"))[1]

# The top-level folders preprocess/ and eval/ are installed inside the plugin's name, compat/ beside it, so that no
# generic package name lands in anyone's site-packages.
ROOMS = {
    "fairseq_hebrew": "fairseq_hebrew",
    "preprocess": "fairseq_hebrew.preprocess",
    "eval": "fairseq_hebrew.eval",
    "compat": "fairseq_hebrew_compat",
}
# Every folder of a room that has an __init__.py, under the room's installed name.
PACKAGE_DIR = {
    ".".join([package, *init.parent.relative_to(ROOT / room).parts]): str(init.parent.relative_to(ROOT))
    for room, package in ROOMS.items()
    for init in sorted((ROOT / room).rglob("__init__.py"))
}

# Enough for the corpus stages and for text: a machine that only prepares corpora needs no more.
CORPUS = [
    "numpy>=1.26",
    "numba>=0.61",
    "fsspec>=2024.6",
    "tokenizers>=0.21",
    "sentencepiece>=0.2",
    "sacremoses>=0.1",
    "pyyaml>=6",
    "tqdm>=4.60",
]
# What stock fairseq 0.12.2 needs at run time, since it is installed with --no-deps.
FAIRSEQ_NEEDS = [
    "hydra-core>=1.3,<1.4",  # 1.4 drops the behaviour of 1.1 that fairseq relies on
    "omegaconf>=2.3,<2.4",
    "cffi",
    "cython",
    "regex",
    "sacrebleu>=1.4.12",
    "bitarray",
    "requests",
]
TRAIN = ["torch>=2.9", "safetensors>=0.4", "seqeval>=1.2.2", "scikit-learn>=1.3"]
TRAINER = "accelerate>=1.1"
READERS = [
    "pyarrow>=17",
    "zstandard>=0.22",
    "mwparserfromhell>=0.6.6",
    "trafilatura>=2",
    "lxml-html-clean>=0.4",  # trafilatura's justext asks for it by an extra of lxml that not every pip finds
    "warcio>=1.7",
]

setup(
    name="fairseq-hebrew",
    version=VERSION,
    description="Pretrain, fine-tune and judge Hebrew encoders with fairseq",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=list(PACKAGE_DIR),
    package_dir=PACKAGE_DIR,
    package_data={
        "fairseq_hebrew.data.described": ["built_in/*.yaml"],
        "fairseq_hebrew.hub": ["remote/*.py"],  # code that an exported model brings along, not a package
        "fairseq_hebrew.monitor": ["page.css", "page.js"],
        "fairseq_hebrew.text": ["*.tsv"],
    },
    install_requires=CORPUS + FAIRSEQ_NEEDS + TRAIN,
    extras_require={
        # Formats beyond plain text, JSON lines, CSV, .gz, .bz2 and .xz.
        "readers": READERS,
        # The corpus pipeline on Slurm or Ray.
        "cluster": ["datatrove>=0.10,<0.11", "orjson>=3.9", "ray>=2.40"],
        # Training on XLA, in an environment of its own: torch-xla 2.9.0 is the last release. `tpu` brings libtpu,
        # and gs:// for the checkpoints of machines that come and go.
        "xla": ["torch==2.9.0", "torch-xla==2.9.0"],
        "tpu": ["torch==2.9.0", "torch-xla[tpu]==2.9.0", "gcsfs>=2024.6"],
        # Linear layers in fp8 on Hopper GPUs (--fp8).
        "fp8": ["torchao>=0.14"],
        "report": ["transformers>=4.50", "matplotlib>=3.8", "tensorboard>=2.17"],
        # Grids of fine-tuning: their results in a database.
        "sweep": ["optuna>=4", "sqlalchemy>=2", "matplotlib>=3.8"],
        # Retrieval: exact search, its scores, and BM25 beside it.
        "retrieval": ["faiss-cpu>=1.10", "ir_measures>=0.4", "bm25s>=0.3"],
        # The peers of the benchmarks; datatrove's MinHash reads Hebrew words with spaCy and needs xxhash before 4.
        # transformers' Trainer, a peer that the tests run too, needs accelerate.
        "bench": ["spacy>=3.7", "xxhash>=3,<4", TRAINER],
        "test": ["pytest>=8", "pytest-xdist>=3", "ruff>=0.6", "wheel", "setuptools>=68", "tensorboardX>=2.6", TRAINER],
    },
    entry_points={
        "console_scripts": ["fairseq-hebrew = fairseq_hebrew.cli:main"],
        # torch (>= 2.5) loads this group at the end of `import torch`: before any fairseq command reads fairseq.
        "torch.backends": ["fairseq_hebrew_compat = fairseq_hebrew_compat:start"],
    },
)
