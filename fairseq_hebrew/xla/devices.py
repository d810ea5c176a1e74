"""How many XLA devices this host has, and how many hosts train together: `python -m fairseq_hebrew.xla.devices` prints
both numbers on a line.
"""

import os
import sys

from fairseq_hebrew.stage.errors import UserError, run_command
from fairseq_hebrew.xla import mesh
from fairseq_hebrew.xla.versions import check_versions

REMEDY = "on a TPU host end what else uses it; elsewhere PJRT_DEVICE=CPU tries a run on the CPU"


def count_devices() -> tuple[int, int]:
    """(devices that the process of a --tpu run drives here, hosts of such processes: 1, or all of a pod slice).

    Raises UserError where there are no devices to be had. The hosts of a slice wait for each other: all have to ask.
    A TPU belongs to the process that asked until that process ends: one that is to train must not be kept waiting by
    the one that counted.
    """
    check_versions()
    chosen = "PJRT_DEVICE" in os.environ  # torch_xla sets it where nobody did
    try:
        mesh.use_spmd()
        counts = mesh.local_devices(), mesh.processes()[1]
    except (RuntimeError, OSError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"no XLA device answers here: {said[0].rstrip('.')}; {REMEDY}") from error
    if not chosen and mesh.device_kind() == "CPU":
        raise UserError(f"no TPU is here; {REMEDY}")
    return counts


if __name__ == "__main__":
    sys.exit(run_command(lambda: print(*count_devices()), debug=False))
