#!/usr/bin/env bash
# NeoDictaBERT, phase 2: phase 1's weights go on with 4,096 tokens and long documents (arXiv 2510.20386).
#
#   bash train_scripts/neodictabert_phase2.sh DATA --from CHECKPOINT [--device cpu|gpu|tpu] [OPTION...]
#
#   --from CHECKPOINT           phase 1's, read once, at the beginning
#   --precision fp32|bf16|fp8   default: bf16, fp32 on the CPU; published: mixed FP8
#
# DATA as in phase 1; it must have documents of at least 2,048 tokens.
#
# "paper": NeoDictaBERT; "NeoBERT": arXiv 2502.19587, whose recipe it follows; "computed": from their numbers.
set -euo pipefail
source "$(dirname "$0")/launch.sh"
source "$(dirname "$0")/neodictabert.sh"

name=neodictabert_phase2
arch=neodictabert_base # as in phase 1
global_batch=2048      # sequences: paper
device_batch=8         # ours
tokens=4096            # paper
updates=27657          # computed: about one epoch (paper) of 232 billion tokens / (2,048 x 4,096)
warmup=500             # paper
peak_lr=1e-4           # paper
read_arguments "$@"
check_start
folders=$(absolute "$data")
long_documents "$folders" | write_mixture
mixture=$save_dir/mixture.yaml
train_neodictabert --mixture "$mixture" --finetune-from-model "$from"
