"""`--user-dir`: folders as ever, installed packages by name, and everything registered whoever imported it first."""

import sys
import textwrap

import pytest

from fairseq_hebrew_compat import UserDirConflict, UserDirNotFound, user_dir

TASK = """
from fairseq.tasks import register_task
from fairseq.tasks.masked_lm import MaskedLMConfig, MaskedLMTask
from fairseq_hebrew_compat import ClearLineError, show_tracebacks

@register_task("small_task", dataclass=MaskedLMConfig)
class SmallTask(MaskedLMTask):
    def load_dataset(self, split, **options):
        if self.cfg.mask_prob == 0.5:
            show_tracebacks(self.cfg.leave_unmasked_prob == 0.5)
            raise ClearLineError(f"{self.cfg.data}: on purpose; choose another --mask-prob")
        super().load_dataset(split, **options)
"""
MODEL = """
from fairseq.models import register_model_architecture
from fairseq.models.roberta import roberta_base_architecture

@register_model_architecture("roberta", "small_arch")
def small(args):
    args.encoder_layers = 1
    args.encoder_embed_dim = args.encoder_ffn_embed_dim = 32
    args.encoder_attention_heads = 2
    roberta_base_architecture(args)
"""
# Registers what --user-dir names, twice over, and tells where the package came from.
REGISTER = """
import argparse, os, sys
for name in sys.argv[2:]:
    __import__(name)
from fairseq import models, tasks, utils
path = list(sys.path)
for _ in range(2):
    utils.import_user_module(argparse.Namespace(user_dir=sys.argv[1]))
assert "small_task" in tasks.TASK_REGISTRY, "the task is missing"
assert "small_arch" in models.ARCH_MODEL_REGISTRY, "the architecture is missing"
print(os.path.realpath(sys.modules["small_plugin"].__path__[0]))
print(len(sys.path) - len(path))
"""


def make_plugin(folder, name="small_plugin"):
    """A user's package with a task and an architecture, in a folder of its own."""
    for part, code in (("tasks", TASK), ("models", MODEL)):
        (folder / name / part).mkdir(parents=True)
        (folder / name / part / "__init__.py").touch()
        (folder / name / part / f"small_{part}.py").write_text(textwrap.dedent(code))
    (folder / name / "__init__.py").write_text('"""Light."""\n')
    return folder / name


@pytest.fixture
def places(tmp_path):
    """An empty folder to work in, and another with an importable plugin, as an install leaves it."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work", make_plugin(tmp_path / "installed")


def registered(done):
    """The folder a plugin was imported from, and how many folders sys.path has gained."""
    assert done.returncode == 0, done.stderr
    folder, gained = done.stdout.splitlines()[-2:]
    return folder, int(gained)


@pytest.mark.parametrize("first", [(), ("small_plugin",)], ids=["fresh", "imported"])
@pytest.mark.parametrize("by", ["name", "path"])
def test_an_installed_package_outside_its_project(python, places, by, first):
    work, plugin = places
    given = "small_plugin" if by == "name" else plugin
    done = python(REGISTER, given, *first, cwd=work, PYTHONPATH=str(plugin.parent))
    assert registered(done) == (str(plugin), 0), "an installed package needs no place on sys.path"


def test_a_folder_here_comes_before_an_installed_package(python, places):
    work, plugin = places
    mine = make_plugin(work)
    done = python(REGISTER, "small_plugin", cwd=work, PYTHONPATH=str(plugin.parent))
    assert registered(done)[0] == str(mine)


def test_the_package_that_is_imported_is_the_one_its_name_means(python, places):
    work, plugin = places
    make_plugin(work)
    code = "import sys; sys.path.remove('') if '' in sys.path else None\n" + REGISTER
    done = python(code, "small_plugin", "small_plugin", cwd=work, PYTHONPATH=str(plugin.parent))
    assert registered(done)[0] == str(plugin)


def test_a_clone_named_as_its_package_is_no_plugin(python, places):
    work, _ = places
    inside = make_plugin(work / "small_plugin")
    done = python(REGISTER, "small_plugin", cwd=work, PYTHONPATH=str(inside.parent))
    assert registered(done)[0] == str(inside)


def test_a_folder_that_is_not_importable_yet(python, places):
    work, plugin = places
    assert registered(python(REGISTER, "../installed/small_plugin/", cwd=work)) == (str(plugin), 1)


def test_another_folder_of_an_imported_name_is_a_clear_error(python, places):
    work, plugin = places
    mine = make_plugin(work)
    code = "import sys; sys.path.remove('') if '' in sys.path else None\nimport torch, fairseq_cli\n" + REGISTER
    done = python(code, "./small_plugin", "small_plugin", cwd=work, PYTHONPATH=str(plugin.parent))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert (
        f"error: --user-dir {mine}: a module named small_plugin is already imported from {plugin}; give --user-dir "
        f"{plugin}, or rename or uninstall one of the two\n"
    ) in done.stderr


def test_nothing_of_that_name_is_a_clear_error(run, tmp_path, corpus):
    done = run("fairseq-train", corpus, "--user-dir", "no_such_plugin", "--task", "masked_lm", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = f"error: --user-dir no_such_plugin: no such folder from {tmp_path}, and no installed package of that name; "
    assert line in done.stderr


def test_train_resume_and_validate_with_a_plugin(run, places, corpus, tiny_run):
    work, plugin = places
    installed = {"PYTHONPATH": str(plugin.parent)}
    user = ["--user-dir", "small_plugin", "--task", "small_task"]
    for updates in (1, 2):
        more = ["--arch", "small_arch", "--max-positions", 64, "--max-update", updates, "--save-dir", "saved"]
        done = run("fairseq-train", corpus, *user, *tiny_run, *more, cwd=work, **installed)
        assert done.returncode == 0, done.stderr
        assert f"num_updates {updates}" in done.stdout
    judge = ["--path", "saved/checkpoint_last.pt", "--batch-size", 8, "--cpu"]
    done = run("fairseq-validate", corpus, *user, *judge, cwd=work, **installed)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("debug", [False, True])
def test_a_plugins_clear_error(run, places, corpus, tiny_run, debug):
    work, plugin = places
    fail = ["--mask-prob", 0.5, *(["--leave-unmasked-prob", 0.5, "--random-token-prob", 0.1] if debug else [])]
    done = run(
        *("fairseq-train", corpus, "--user-dir", plugin, "--task", "small_task", "--arch", "small_arch"),
        *(*tiny_run, "--max-positions", 64, "--max-update", 1, "--no-save", *fail),
        cwd=work,
    )
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is debug
    assert (f"error: {corpus}: on purpose; choose another --mask-prob\n" in done.stderr) is not debug


def test_a_package_is_found_without_being_imported(tmp_path, monkeypatch):
    plugin = make_plugin(tmp_path, "a_plugin_never_imported")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert user_dir.find_package("a_plugin_never_imported") == str(plugin)
    assert "a_plugin_never_imported" not in sys.modules
    assert user_dir.find_package("no_such_plugin") is None
    assert user_dir.find_package("json.decoder") is None and user_dir.find_package("sys") is None


def test_fairseqs_own_order_of_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside, beside = tmp_path / "site" / "fairseq" / "theirs", tmp_path / "site" / "beside"
    for folder in (inside, beside, tmp_path / "site" / "theirs"):
        folder.mkdir(parents=True)
    fairseq_folder = str(tmp_path / "site" / "fairseq")
    assert user_dir.find_folder("theirs", fairseq_folder) == str(inside)
    assert user_dir.find_folder("beside", fairseq_folder) == str(beside)
    (tmp_path / "theirs").mkdir()
    assert user_dir.find_folder("theirs", fairseq_folder) == str(tmp_path / "theirs")
    with pytest.raises(UserDirNotFound, match="--user-dir nowhere: no such folder"):
        user_dir.find_folder("nowhere", fairseq_folder)


def test_a_module_of_the_interpreters_is_no_plugin(tmp_path):
    (tmp_path / "json").mkdir()
    with pytest.raises(UserDirConflict, match="a module named json is already imported from"):
        user_dir.register(str(tmp_path / "json"))
