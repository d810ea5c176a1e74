"""Several processes on the CPU (--distributed-backend gloo): what fairseq does on GPUs alone."""

import functools


def name_no_devices(module) -> None:
    """Let fairseq's default wrapper take a model on the CPU, for which torch wants no device ids."""
    stock = module.DistributedDataParallel
    if hasattr(stock, "__wrapped__"):
        return

    @functools.wraps(stock, updated=())
    def DistributedDataParallel(module, device_ids=None, output_device=None, **options):
        if next(module.parameters()).device.type == "cpu":
            device_ids = output_device = None
        return stock(module, device_ids=device_ids, output_device=output_device, **options)

    module.DistributedDataParallel = DistributedDataParallel
