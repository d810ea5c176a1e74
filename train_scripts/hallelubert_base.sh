#!/usr/bin/env bash
# HalleluBERT base: RoBERTa base from scratch on Hebrew (arXiv 2510.21372), fp32.
#
#   bash train_scripts/hallelubert_base.sh DATA [--device cpu|gpu|tpu] [OPTION...]
#
# DATA is what `fairseq-hebrew binarize` made: dict.txt, train and valid; shards separated by colons. The published
# corpus is 49.1 GB, about 6.9 billion tokens an epoch: 1,640 updates, 61 epochs.
#
# "paper": the HalleluBERT paper; "family": the public pipeline its README names, which the paper's text does not repeat.
set -euo pipefail
source "$(dirname "$0")/launch.sh"

name=hallelubert_base
arch=hallelubert_base  # 12 x 768, 12 heads, feed-forward 3,072, dropout 0.1, learned positions: paper
global_batch=8192      # sequences: paper; family: 64 a chip x 2 steps x 64 chips of a TPUv4-128
device_batch=64        # family
tokens=512             # paper
updates=100000         # paper
warmup=10000           # family
peak_lr=4e-4           # family
own_options=(peak-lr)
read_arguments "$@"

# Blocks of 512 tokens wherever they end (family), 15 % of the tokens predicted, 80/10/10 (RoBERTa). Adam as in the
# family, which never clips gradients; polynomial decay of power 1 to zero.
train \
    --sample-break-mode none --mask-prob 0.15 --leave-unmasked-prob 0.1 --random-token-prob 0.1 \
    --optimizer adamw --adam-betas '(0.9, 0.98)' --adam-eps 1e-6 --weight-decay 0.01 --clip-norm 0 \
    --lr "$peak_lr" --lr-scheduler polynomial_decay --warmup-updates "$warmup" --total-num-update "$updates" \
    --seed 1
