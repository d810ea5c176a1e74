"""How many XLA devices this host has: `python -m fairseq_hebrew.xla.devices` prints the number."""

import os
import sys

from fairseq_hebrew.stage.errors import UserError, run_command
from fairseq_hebrew.xla import mesh
from fairseq_hebrew.xla.versions import check_versions

REMEDY = "on a TPU host end what else uses it; elsewhere PJRT_DEVICE=CPU tries a run on the CPU"


def count_devices() -> int:
    """Devices that the process of a --tpu run drives here; raises UserError where there are none to be had.

    A TPU belongs to the process that asked until that process ends: one that is to train must not be kept waiting by
    the one that counted.
    """
    check_versions()
    chosen = "PJRT_DEVICE" in os.environ  # torch_xla sets it where nobody did
    try:
        mesh.use_spmd()
        count = mesh.local_devices()
    except (RuntimeError, OSError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"no XLA device answers here: {said[0].rstrip('.')}; {REMEDY}") from error
    if not chosen and mesh.device_kind() == "CPU":
        raise UserError(f"no TPU is here; {REMEDY}")
    return count


if __name__ == "__main__":
    sys.exit(run_command(lambda: print(count_devices()), debug=False))
