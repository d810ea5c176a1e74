"""Who may know whom, and a corpus machine that has neither torch nor fairseq."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {
    "fairseq_hebrew": ROOT / "fairseq_hebrew",
    "fairseq_hebrew.preprocess": ROOT / "preprocess",
    "fairseq_hebrew.eval": ROOT / "eval",
    "fairseq_hebrew_compat": ROOT / "compat",
}
# Each room and the rooms it may import from, besides itself. The plugin's version is everybody's.
KNOWS = {
    "stage": set(),
    "text": {"stage"},
    "preprocess": {"stage", "text"},
    "modules": set(),
    "models": {"stage", "text", "modules"},
    "data": {"stage", "text"},
    "criterions": {"stage", "modules"},  # the count of operations is of the layers
    "optim": {"stage"},
    "xla": {"stage"},
    "tasks": {"stage", "text", "modules", "models", "data", "criterions", "optim", "xla", "compat"},
    # The dataclass of a model's choices lives in modules, the description of a task in data.
    "hub": {"stage", "text", "modules", "models", "data"},
    "monitor": {"stage"},
    "eval": {"stage", "text", "hub", "monitor"},
    "sweep": {"stage", "text", "data", "monitor", "eval"},
    "predict": {"stage", "text", "models", "data", "tasks", "hub"},
    "compat": set(),
    "cli": {"stage"},
    "version": set(),
}
WITHOUT_TORCH = ("version", "cli", "stage", "text", "preprocess")
NO_TORCH = ("torch", "fairseq", "fairseq_cli", "transformers", "torch_xla")


def room_of(module):
    """The room of a module of this project; None for any other."""
    if module.split(".")[0] == "fairseq_hebrew_compat":
        return "compat"
    if module.split(".")[0] != "fairseq_hebrew":
        return None
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in KNOWS else "version"


def imports():
    """(module, module it imports, whether that is at import time) for every import statement of the sources."""
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            inner = {
                node
                for outer in ast.walk(tree)
                if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                for node in ast.walk(outer)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    base = node.module or ""
                    if node.level:
                        above = module.split(".") if is_package else module.split(".")[:-1]
                        above = above[: len(above) - node.level + 1]
                        base = ".".join([*above, base] if base else above)
                    # `from package import module`: a room when the name is one.
                    names = [f"{base}.{alias.name}" for alias in node.names]
                else:
                    continue
                for name in names:
                    yield module, name, node not in inner


ALL = sorted(set(imports()))


def test_the_reader_of_imports_sees_the_sources():
    assert len({module for module, _, _ in ALL}) > 30
    assert ("fairseq_hebrew.preprocess.dedup", "fairseq_hebrew.text", True) not in ALL
    assert ("fairseq_hebrew.preprocess.dedup", "fairseq_hebrew.stage.output.Outputs", True) in ALL
    assert ("fairseq_hebrew.text.vocabulary", "fairseq_hebrew.text.dictionary.BOS", True) in ALL
    assert ("fairseq_hebrew.stage.manifest", "fairseq_hebrew.__version__", True) in ALL
    assert ("fairseq_hebrew.text.normalize", "fairseq_hebrew.text.punctuation.normalize_punctuation", False) in ALL


@pytest.mark.parametrize("room", sorted(KNOWS))
def test_who_may_know_whom(room):
    wrong = [
        f"{module} imports {imported}"
        for module, imported, _ in ALL
        if room_of(module) == room and room_of(imported) not in {None, room, "version", *KNOWS[room]}
    ]
    assert wrong == []


def test_every_source_has_a_room():
    for path in (ROOT / "fairseq_hebrew").iterdir():
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists():
            assert path.stem in KNOWS, f"{path.stem}: say in KNOWS whom it may know"


def test_a_corpus_machine_needs_no_torch():
    wrong = [
        f"{module} imports {imported}"
        for module, imported, _ in ALL
        if room_of(module) in WITHOUT_TORCH and imported.split(".")[0] in NO_TORCH
    ]
    assert wrong == []


def test_layers_need_torch_alone():
    known = {"torch", "numpy", *sys.stdlib_module_names}
    wrong = [
        f"{module} imports {imported}"
        for module, imported, _ in ALL
        if room_of(module) == "modules" and room_of(imported) is None and imported.split(".")[0] not in known
    ]
    assert wrong == []


def test_torch_xla_stays_in_its_room_and_is_never_imported_at_import_time():
    wrong = [
        f"{module} imports {imported}"
        for module, imported, early in ALL
        if imported.split(".")[0] == "torch_xla" and (room_of(module) != "xla" or early)
    ]
    assert wrong == []


def test_the_cures_import_torch_and_fairseq_only_when_they_are_there():
    # They start at the end of `import torch`; importing either at import time would be a circle.
    wrong = [
        f"{module} imports {imported}"
        for module, imported, early in ALL
        if room_of(module) == "compat" and early and imported.split(".")[0] in NO_TORCH
    ]
    assert wrong == []


def test_no_path_is_edited():
    edit = re.compile(r"\bsys\.path(\.(append|insert|extend|remove)|\s*(\[.*\]\s*)?\+?=[^=])")
    for package, folder in SOURCES.items():
        for path in folder.rglob("*.py"):
            # The cure of --user-dir does what the fairseq function it replaces does.
            if package != "fairseq_hebrew_compat" or path.name != "user_dir.py":
                assert not edit.search(path.read_text(encoding="utf-8")), path


BLOCKER = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"{{name}} is not on a corpus machine", name=name)

sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory):
    """The environment of processes (and of their workers) that find neither torch nor fairseq."""
    folder = tmp_path_factory.mktemp("blocker")
    (folder / "sitecustomize.py").write_text(BLOCKER.format(names=NO_TORCH))
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_corpus_modules_import_without_torch(without_torch):
    modules = ["fairseq_hebrew", "fairseq_hebrew.cli"]
    for package, folder in (
        ("fairseq_hebrew.stage", ROOT / "fairseq_hebrew" / "stage"),
        ("fairseq_hebrew.text", ROOT / "fairseq_hebrew" / "text"),
        ("fairseq_hebrew.preprocess", ROOT / "preprocess"),
    ):
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder).with_suffix("").parts
            modules.append(".".join([package, *inside]).removesuffix(".__init__"))
    assert "fairseq_hebrew.text.vocabulary" in modules and "fairseq_hebrew.preprocess" in modules
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nimport torch"
    done = subprocess.run([sys.executable, "-c", code, *modules], env=without_torch, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: torch is not on a corpus machine", done.stderr


def test_the_whole_corpus_is_prepared_without_torch(tmp_path, without_torch):
    words = ["שלום", "עולם", "ספר", "ילדה", "בית", "גדול", "הלכה", "ראתה", "אתמול", "שולחן"]
    lines = [" ".join(words[(i * j + j) % 10] for j in range(1, 9)) + f" {i}." for i in range(300)]
    (tmp_path / "a.txt").write_text("\n\n".join(lines), encoding="utf-8")
    (tmp_path / "c.yaml").write_text(
        "input: a.txt\nworkers: 2\nsplit: {valid_bytes: 2000}\ntrain-bpe: {vocab_size: 270}\n"
        "clean: {normalize_punctuation: true, boilerplate_repeats: 9}\n"
    )
    command = [sys.executable, "-m", "fairseq_hebrew.cli", "corpus", "c.yaml", "--output", "made"]
    done = subprocess.run(command, env=without_torch, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made" / "data" / "train.bin").stat().st_size > 0


def test_importing_the_package_is_light():
    code = "import fairseq_hebrew, fairseq_hebrew.cli, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "fairseq", "numpy", "tokenizers", "yaml"} & set(done.stdout.split())
