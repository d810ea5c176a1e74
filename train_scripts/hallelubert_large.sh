#!/usr/bin/env bash
# HalleluBERT large: RoBERTa large from scratch on Hebrew (arXiv 2510.21372), fp32.
#
#   bash train_scripts/hallelubert_large.sh DATA [--device cpu|gpu|tpu] [OPTION...]
#
#   --peak-lr NUMBER        instead of the published 1.5e-4
#   --precision fp32|bf16   of matrix products, weights stay fp32; default and published: fp32
#
# DATA as for base.
set -euo pipefail
source "$(dirname "$0")/launch.sh"
source "$(dirname "$0")/hallelubert.sh" # the numbers that base and large share

name=hallelubert_large
arch=hallelubert_large # 24 x 1024, 16 heads, feed-forward 4,096, dropout 0.1, learned positions: paper
device_batch=32        # family: 32 a chip x 4 steps x 64 chips of a TPUv4-128
peak_lr=1.5e-4         # family
read_arguments "$@"
train_hallelubert
