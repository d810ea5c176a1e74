#!/usr/bin/env bash
# NeoDictaBERT, phase 1: NeoBERT's architecture from scratch on Hebrew, 1,024 tokens (arXiv 2510.20386).
#
#   bash train_scripts/neodictabert_phase1.sh DATA [--device cpu|gpu|tpu] [OPTION...]
#
#   --peak-lr printed|neobert|NUMBER    6e-3 as the paper prints it (default), NeoBERT's 6e-4, or another
#   --precision fp32|bf16|fp8           default: bf16, fp32 on the CPU; published: mixed FP8
#
# DATA is what `fairseq-hebrew binarize` made: dict.txt, train and valid; shards separated by colons. The published
# vocabulary has 90,000 entries: here --vocab-size 90000 of train-bpe, and the specials and the mask beside it.
#
# "paper": NeoDictaBERT; "NeoBERT": arXiv 2502.19587, whose recipe it follows; "computed": from their numbers.
set -euo pipefail
source "$(dirname "$0")/launch.sh"
source "$(dirname "$0")/neodictabert.sh"

name=neodictabert_phase1
arch=neodictabert_base # 28 x 768, 12 heads, RMSNorm, RoPE, SwiGLU of 2,048, no dropout, no biases: paper, NeoBERT
global_batch=2048      # sequences: paper
device_batch=32        # ours: what the published devices held is not told
tokens=1024            # paper
updates=110600         # computed: 232 billion tokens (paper) / (2,048 x 1,024)
warmup=500             # paper
peak_lr=printed        # paper: 6e-3, see neodictabert.sh
read_arguments "$@"
train_neodictabert
