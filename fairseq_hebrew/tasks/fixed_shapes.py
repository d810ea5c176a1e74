"""The options of fixed shapes, and the shapes they make."""

from dataclasses import dataclass, field

from fairseq.dataclass import FairseqDataclass

from fairseq_hebrew.data.fixed_shapes import FixedShapes, read_lengths
from fairseq_hebrew.stage.errors import UserError


@dataclass
class FixedShapesOptions(FairseqDataclass):
    """Options for the config of a task. fairseq reads the annotations at run time."""

    fixed_shapes: bool = field(
        default=False,
        metadata={
            "help": "give every batch one shape, as devices that compile for a shape need: padded to the longest "
            "sample there may be, of --batch-size rows (or as many as --max-tokens holds), missing ones empty; "
            "--tpu implies it"
        },
    )
    length_buckets: str = field(
        default="",
        metadata={
            "help": "with fixed shapes: pad samples to the shortest of these lengths that holds them, as in 128,256; "
            "a batch has samples of one length"
        },
    )


def lengths_of_task(options: FixedShapesOptions, longest: int, found: bool = False) -> list[int] | None:
    """The lengths of batches, the last that of the longest sample; None where shapes are not fixed.

    found: that of the longest sample was found in the data, so that buckets that are longer are left out.
    Raises UserError for buckets that cannot be.
    """
    if options.fixed_shapes:
        return read_lengths(options.length_buckets, longest, leave_out=found)
    if options.length_buckets:
        raise UserError("--length-buckets is of fixed shapes; add --fixed-shapes or leave it out")
    return None


def shapes_of(lengths: list[int] | None) -> FixedShapes | None:
    """For one dataset, whose rows are its own: those of training and validation may be others."""
    return None if lengths is None else FixedShapes(lengths)
