#!/usr/bin/env bash
# HalleluBERT base: RoBERTa base from scratch on Hebrew (arXiv 2510.21372), fp32.
#
#   bash train_scripts/hallelubert_base.sh DATA [--device cpu|gpu|tpu] [OPTION...]
#
#   --peak-lr NUMBER        instead of the published 4e-4
#   --precision fp32|bf16   of matrix products, weights stay fp32; default and published: fp32
#
# DATA is what `fairseq-hebrew binarize` made: dict.txt, train and valid; shards separated by colons. The published
# corpus is 49.1 GB, about 6.9 billion tokens an epoch: 1,640 updates, 61 epochs.
set -euo pipefail
source "$(dirname "$0")/launch.sh"
source "$(dirname "$0")/hallelubert.sh" # the numbers that base and large share

name=hallelubert_base
arch=hallelubert_base # 12 x 768, 12 heads, feed-forward 3,072, dropout 0.1, learned positions: paper
device_batch=64       # family: 64 a chip x 2 steps x 64 chips of a TPUv4-128
peak_lr=4e-4          # family
read_arguments "$@"
train_hallelubert
