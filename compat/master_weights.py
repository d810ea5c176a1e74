"""Resuming in half precision: the fp32 copy of the weights, which the optimizer steps, is part of a checkpoint."""

import functools

KEY = "fp32_params"
# What the loss scale's future depends on, beside itself.
SCALER = ("_iter", "_last_overflow_iter", "_last_rescale_iter", "_overflows_since_rescale")


def keep_master_weights(module) -> None:
    """Let --fp16 and --bf16 save the optimizer's own weights and its loss scale's counts, and go on with them.

    Stock saves the rounded weights alone and makes the fp32 copy anew of them: every resume rounds the run's weights.
    Checkpoints without them are read as ever.
    """
    mixin = module._FP16OptimizerMixin
    if hasattr(mixin.state_dict, "__wrapped__"):
        return
    stock_state, stock_load = mixin.state_dict, mixin.load_state_dict

    @functools.wraps(stock_state)
    def state_dict(self):
        state = stock_state(self)
        copies = self.fp32_params
        state[KEY] = {k: p.data for k, p in copies.items()} if isinstance(copies, dict) else [p.data for p in copies]
        if self.scaler is not None:
            state["loss_scaler"] = {name: getattr(self.scaler, name) for name in SCALER}
        return state

    @functools.wraps(stock_load)
    def load_state_dict(self, state, optimizer_overrides=None):
        saved, counts = state.get(KEY), state.get("loss_scaler", {})
        stock_load(self, {k: v for k, v in state.items() if k not in (KEY, "loss_scaler")}, optimizer_overrides)
        if self.scaler is not None:
            vars(self.scaler).update(counts)
        if saved is not None:
            _restore(self, saved)

    mixin.state_dict, mixin.load_state_dict = state_dict, load_state_dict


def _restore(optimizer, saved) -> None:
    """Copy fp32 weights back, if it is they that the model's weights were rounded from (and nobody changed those)."""
    ours = optimizer.fp32_params
    if isinstance(ours, dict):  # one flat tensor a device
        pairs = list(zip(ours.values(), saved.values())) if isinstance(saved, dict) and len(saved) == len(ours) else []
    else:
        pairs = list(zip(ours, saved)) if isinstance(saved, list) and len(saved) == len(ours) else []
    dtype = next(iter(optimizer.fp16_params)).dtype
    if pairs and all(
        a.shape == b.shape and a.data.to(dtype).equal(b.to(device=a.device, dtype=dtype)) for a, b in pairs
    ):
        for a, b in pairs:
            a.data.copy_(b)
