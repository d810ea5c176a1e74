"""The table of cures: what is wrong with stock fairseq 0.12.2, since when, which module is cured, until when."""

import re
import sys

from . import (
    better_transformer,
    checkpoints,
    clear_line,
    dataclass_defaults,
    excluded_options,
    full_disk,
    hydra_calls,
    log_file,
    mapped_files,
    missing_checkpoints,
    numpy2,
    user_dir,
)
from .cure import Cure
from .table_of_runs import CURES_OF_RUNS

CURES = (
    Cure(
        name="dataclass defaults",
        begins="Python 3.11",
        why="`import fairseq` raises 'mutable default ... use default_factory': its configs are dataclasses whose "
        "defaults are instances of other dataclasses",
        until="a fairseq release whose configs use default_factory",
        modules=("fairseq.*",),
        function=dataclass_defaults.keep_hashes,
        when="around",
    ),
    Cure(
        name="safe globals",
        begins="torch 2.6",
        why="torch.load reads with weights_only=True and refuses the argparse.Namespace, the omegaconf nodes and the "
        "few other plain classes that fairseq's checkpoints hold, so resume and from_pretrained fail",
        until="a fairseq release that declares them, or saves nothing but tensors and plain containers",
        modules=("fairseq.checkpoint_utils",),
        function=checkpoints.allow_checkpoint_classes,
    ),
    Cure(
        name="unreadable checkpoints",
        begins="fairseq 0.12",
        why="an empty, truncated or foreign file given as a checkpoint ends in a traceback of torch's that names "
        "neither the file nor the remedy",
        until="a fairseq release that names the file",
        modules=("fairseq.checkpoint_utils",),
        function=checkpoints.name_unreadable_files,
    ),
    Cure(
        name="missing checkpoints",
        begins="fairseq 0.12",
        why="a --restore-file that is not there is passed over, and the model trained from scratch; a missing "
        "--finetune-from-model ends in a traceback, and a folder in its place is passed over too",
        until="a fairseq release that refuses both",
        modules=("fairseq.checkpoint_utils",),
        function=missing_checkpoints.ask_for_them,
    ),
    Cure(
        name="full disks",
        begins="fairseq 0.12",
        why="a checkpoint for which there is no room is tried three times, ends in two tracebacks that name no file, "
        "and leaves its .tmp file behind; and a second attempt is written behind what the first one left",
        until="a fairseq release that names the file, removes the .tmp file and begins it anew",
        modules=("fairseq.checkpoint_utils",),
        function=full_disk.tell_of_full_disks,
    ),
    Cure(
        name="unopened datasets",
        begins="fairseq 0.12",
        why="a truncated or foreign .idx leaves a dataset without the map its __del__ closes, so that 'Exception "
        "ignored in ... AttributeError' is printed below the error itself",
        until="a fairseq release whose datasets can be deleted before they are opened",
        modules=("fairseq.data.indexed_dataset", "fairseq.data.huffman.huffman_mmap_indexed_dataset"),
        function=mapped_files.drop_unopened_quietly,
    ),
    Cure(
        name="numpy names",
        begins="numpy 1.24",
        why="np.int and np.float (gone since 1.24), np.compat (since 2.0) and np.percentile's `interpolation` (since "
        "2.4) are used by the break mode `eos`, the length buckets, span masking and the CRF layer",
        until="a fairseq release that writes int, float, np.int64 and method",
        modules=(
            "fairseq.data.data_utils",
            "fairseq.data.language_pair_dataset",
            "fairseq.data.token_block_dataset",
            "fairseq.modules.dynamic_crf_layer",
        ),
        function=numpy2.lend_old_names,
    ),
    Cure(
        name="hydra's warnings",
        begins="hydra 1.1",
        why="every command begins with twenty lines of warnings about how fairseq calls hydra; hydra 1.3 still serves "
        "those calls, and no user can change them",
        until="a fairseq release that calls hydra as 1.2 and later want (1.4 no longer serves these calls at all)",
        modules=("fairseq.dataclass.utils",),
        function=hydra_calls.compose_quietly,
    ),
    Cure(
        name="dead parameters",
        begins="fairseq 0.12",
        why="0.12.2 adds eight 'BetterTransformer' parameters to every encoder layer, copies of its weights that no "
        "training step uses; a model without them could not load a checkpoint that has them",
        until="no checkpoint of stock 0.12.2 is loaded any more",
        modules=("fairseq.models.fairseq_model",),
        function=better_transformer.drop_on_load,
    ),
    Cure(
        name="fused inference",
        begins="torch 2.0",
        why="a loaded encoder with relu that is only evaluated calls torch's fused layer without the mask type it now "
        "wants, so fairseq-generate raises 'Mask Type should be defined' for a batch padded on the left",
        until="a fairseq release that passes mask_type",
        modules=("fairseq.modules.transformer_layer",),
        function=better_transformer.leave_fused_path,
    ),
    Cure(
        name="user-dir",
        begins="fairseq 0.12",
        why="--user-dir knows folders only, and leaves the tasks and models of a package that is imported already "
        "unregistered",
        until="a fairseq release that takes the name of an installed package and registers it once, whoever imports it",
        modules=("fairseq.utils",),
        function=user_dir.resolve_packages,
    ),
    Cure(
        name="log file",
        begins="fairseq 0.12",
        why="with --log-file every epoch and every validation adds a handler for the same file, so that the n-th "
        "validation is written n times and more",
        until="a fairseq release that opens the file once",
        modules=("fairseq.logging.progress_bar",),
        function=log_file.open_once,
    ),
    Cure(
        name="clear lines",
        begins="fairseq 0.12",
        why="an error whose text says what to do, or that names the file or folder the system refused, is buried "
        "under the traceback of fairseq's command line",
        until="fairseq's commands print such errors themselves",
        modules=("fairseq_cli",),
        function=clear_line.print_clear_lines,
    ),
    Cure(
        name="excluded options",
        begins="fairseq 0.12",
        why="--fp16 with --tpu, and --bf16, which implies --tpu, end in a traceback",
        until="a fairseq release that tells of it as of other wrong options",
        modules=("fairseq.options",),
        function=excluded_options.tell_of_excluded_options,
    ),
    Cure(
        name="clear lines under hydra",
        begins="fairseq 0.12",
        why="fairseq-hydra-train's errors are printed by hydra, which ends the process before the hook for uncaught "
        "exceptions is asked",
        until="hydra leaves uncaught exceptions to the interpreter",
        modules=("fairseq.distributed.utils",),
        function=clear_line.print_before_hydra,
    ),
    *CURES_OF_RUNS,
)


def cures_of(module: str, when: str) -> list[Cure]:
    """The cures of a module that the versions at hand need, in the order of the table."""
    return [cure for cure in CURES if cure.when == when and _covers(cure, module) and reached(cure.begins)]


def _covers(cure: Cure, module: str) -> bool:
    """Whether a cure is for this module."""
    return any(
        module == name or (name.endswith(".*") and (module + ".").startswith(name[:-1])) for name in cure.modules
    )


def reached(begins: str) -> bool:
    """Whether the package of a `begins` has reached that version; a package that cannot be asked has."""
    package, version = begins.split()
    if package == "fairseq":  # there is one release these cures are for
        return True
    module = sys.modules.get(package)
    at_hand = "{}.{}".format(*sys.version_info) if package == "Python" else getattr(module, "__version__", None)
    return at_hand is None or _numbers(at_hand) >= _numbers(version)


def _numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version: "2.13.0+cpu" is (2, 13)."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
