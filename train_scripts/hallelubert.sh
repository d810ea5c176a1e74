# What the runs of HalleluBERT share (arXiv 2510.21372). Read by `source`, after launch.sh.
#
# "paper": the HalleluBERT paper; "family": the public pipeline its README names, which the paper's text does not repeat.

own_options=(peak-lr precision)
global_batch=8192 # sequences: paper
tokens=512        # paper
updates=100000    # paper
warmup=10000      # family
precision=fp32    # paper
# The paper says fp32 and no more. It ran fairseq on a TPUv4, which multiplies bf16-rounded operands of fp32 tensors
# where nobody asks for more, and nothing in fairseq does: `default` is what it likely ran with, `highest` is true fp32.
matmul_precision=default

# Blocks of 512 tokens wherever they end (family), 15 % of the tokens predicted, 80/10/10 (RoBERTa). Adam as in the
# family, which never clips gradients; polynomial decay of power 1 to zero.
train_hallelubert() {
    choose_precision
    train --sample-break-mode none --mask-prob 0.15 --leave-unmasked-prob 0.1 --random-token-prob 0.1 \
        --optimizer adamw --adam-betas '(0.9, 0.98)' --adam-eps 1e-6 --weight-decay 0.01 --clip-norm 0 \
        --lr "$peak_lr" --lr-scheduler polynomial_decay --warmup-updates "$warmup" --total-num-update "$updates" \
        --seed 1 "${products[@]}" "$@"
}
