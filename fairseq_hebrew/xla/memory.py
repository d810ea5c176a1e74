"""What XLA's compiler says a graph needs of a device's memory, read from the report it writes; nothing is run.

The report is that of buffer assignment (`*-buffer-assignment.txt`), which XLA writes for each graph it compiles where
XLA_FLAGS name a folder: all allocations with their bytes, the values that take turns in them, and which of those are
alive at the moment when most is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from fairseq_hebrew.stage.errors import UserError, at

REPORTS = "*-buffer-assignment.txt"
AGAIN = "have XLA write it again, to an empty folder on a disk with room"
ALLOCATION = re.compile(r"allocation (\d+): size (\d+), (.*):$")
PARAMETER = re.compile(r"parameter \d+, shape \|\w+\[([\d,]*)\]\|")
VALUE = re.compile(r" value: <\d+ (.+) @\d+> \(size=(\d+),offset=(\d+)\): (\w+)\[([\d,]*)\]")
TOTAL = re.compile(r"Total bytes used: (\d+)")
LIFE = re.compile(r"    (.+\}):(\d+)-(\d+)$")
MADE, LEFT = ("preallocated-temp", "maybe-live-out"), ("maybe-live-out", "output")  # kinds of allocations
LIVES, LIVES_END, PEAK = "  BufferLiveRange:", "  Live ranges at ", re.compile(r"  Live ranges at (\d+) \(peak\):$")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """One value of the graph that is not given to it: `kind` as XLA writes it (f32, u32), alive from the instruction
    `first` to `last`, `size` bytes from `offset` of an allocation, that of the temporaries or of an output that is not
    there yet.
    """

    kind: str
    shape: Shape
    size: int
    allocation: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True)
class Report:
    """Bytes of one compiled graph. `parameters`: (shape, bytes) of what it is given, weights and all; `temporaries` of
    all that stands between those and what it leaves, as they take turns; `rest`: constants and the like. What it leaves
    is not counted: a device writes that over the parameters it replaces, as torch_xla has it do in training.
    """

    parameters: tuple[tuple[Shape, int], ...]
    temporaries: int
    rest: int
    values: tuple[Value, ...]
    peak: int  # the instruction at which most is alive

    def taken(self, shapes: Iterable[Shape], times: int) -> int:
        """Bytes of the parameters of these shapes, which the graph is given `times` times: as weights, gradients and
        the optimizer's averages. Raises ValueError where it is given fewer.
        """
        wanted, there = Counter(), Counter(shape for shape, _ in self.parameters)
        for shape in shapes:
            wanted[shape] += times
        if missing := wanted - there:
            raise ValueError(f"the graph is given too few parameters: {dict(missing)} more were to be there")
        sizes = dict(self.parameters)
        return sum(count * sizes[shape] for shape, count in wanted.items())

    def at_peak(self) -> Counter[tuple[str, Shape]]:
        """Bytes of the values alive when most is, by kind and shape."""
        return _by_shape(_alive(self.values, self.peak))

    def most_with_axis(self, length: int, beside: Iterable[Shape] = ()) -> int:
        """The most bytes that values with an axis of this length ever take at once, those of the shapes `beside` left
        out.
        """
        others = set(beside)
        wide = [value for value in self.values if length in value.shape and value.shape not in others]
        return max((sum(_by_shape(_alive(wide, value.first)).values()) for value in wide), default=0)


def _alive(values: Sequence[Value], moment: int) -> list[Value]:
    """One value for each stretch of memory: what is written over in place stands once."""
    there = {
        (value.allocation, value.offset, value.size): value for value in values if value.first <= moment <= value.last
    }
    return list(there.values())


def _by_shape(values: Iterable[Value]) -> Counter[tuple[str, Shape]]:
    found: Counter[tuple[str, Shape]] = Counter()
    for value in values:
        found[value.kind, value.shape] += value.size
    return found


def flags(folder: Path) -> str:
    """XLA_FLAGS that have the reports written to a folder; the environment must have them before torch_xla begins.

    The CPU's compiler takes out barriers before it merges what is computed twice, so that activations that should be
    computed again would be kept; that pass is left out.
    """
    return f"--xla_dump_to={folder} --xla_dump_hlo_as_text --xla_disable_hlo_passes=cse_barrier_expander"


def compile_only(outputs: Sequence[Tensor]) -> None:
    """Compile the graph that makes these tensors of an XLA device, as a step does, without running it."""
    import torch_xla

    torch_xla._XLAC._xla_warm_up_cache(list(outputs), [])


def last_report(folder: Path) -> Report:
    """The report of the graph that was compiled last; raises UserError where there is none, or none that is whole."""
    found = sorted(folder.glob(REPORTS))  # their names begin with a running number
    if not found:
        raise UserError(f"{folder}: XLA wrote no report {REPORTS}; set XLA_FLAGS before torch_xla begins")
    return read_report(found[-1])


def read_report(path: Path) -> Report:
    """Raises UserError for a file that is no such report, or not a whole one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise at(path, None, "there is no report of XLA's", AGAIN) from None
    except UnicodeDecodeError:
        raise at(path, None, "no report of XLA's: it is not text", AGAIN) from None
    sizes: Counter[str] = Counter()
    parameters, places, lives, total, peak = [], {}, {}, None, None
    inside, number, living = "", 0, False
    for line in lines:
        if found := ALLOCATION.match(line):
            number, size, about = int(found[1]), int(found[2]), found[3]
            inside = about.split(",")[0].split()[0]
            sizes[inside] += size
            if told := PARAMETER.match(about):
                parameters.append((_shape(told[1]), size))
        elif inside in MADE and (found := VALUE.match(line)):
            name = found[1] if found[1].endswith("}") else found[1] + "{}"
            places[name] = (found[4], _shape(found[5]), int(found[2]), number, int(found[3]))
        elif found := TOTAL.match(line):
            total, inside = int(found[1]), ""
        elif line.startswith(LIVES_END):
            living, told = False, PEAK.match(line)
            peak = int(told[1]) if told else None
        elif living and (found := LIFE.match(line)):
            lives[found[1]] = (int(found[2]), int(found[3]))
        living = living or line == LIVES
    if total is None or peak is None:
        raise at(path, None, "no report of XLA's buffers, or not a whole one", AGAIN)
    if sum(sizes.values()) != total:
        raise at(path, None, f"allocations of {sum(sizes.values()):,} bytes, in all there are {total:,}", AGAIN)
    values = tuple(Value(*place, *lives[name]) for name, place in places.items() if name in lives)
    given, temporaries = sizes.pop("parameter", 0), sizes.pop("preallocated-temp", 0)
    rest = sum(size for kind, size in sizes.items() if kind not in LEFT)
    if given != sum(size for _, size in parameters):
        raise at(path, None, "parameters of which no shape is told", AGAIN)
    return Report(tuple(parameters), temporaries, rest, values, peak)


def _shape(text: str) -> Shape:
    return tuple(map(int, text.split(","))) if text else ()
