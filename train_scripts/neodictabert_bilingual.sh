#!/usr/bin/env bash
# NeoDictaBERT-bilingual: the same encoder on English and Hebrew, 60 to 40 (arXiv 2510.20386), in two phases.
#
#   bash train_scripts/neodictabert_bilingual.sh DATA [--device cpu|gpu|tpu] [OPTION...]
#   bash train_scripts/neodictabert_bilingual.sh DATA --phase 2 --from CHECKPOINT [OPTION...]
#
#   --phase 1|2                         1,024 tokens from scratch (default), or 4,096 on phase 1's weights
#   --from CHECKPOINT                   phase 1's, for phase 2
#   --peak-lr printed|neobert|NUMBER    of phase 1: 6e-3 as the paper prints it (default), NeoBERT's 6e-4, or another
#   --precision fp32|bf16|fp8           default: bf16, fp32 on the CPU; published: mixed FP8
#
# DATA holds two folders that `fairseq-hebrew binarize` made with one dictionary, hebrew and english; Hebrew validates.
# The published vocabulary has 128,000 entries: --preset neodictabert-bilingual of train-bpe.
#
# "paper": NeoDictaBERT; "NeoBERT": arXiv 2502.19587, whose recipe it follows; "computed": from their numbers.
set -euo pipefail
source "$(dirname "$0")/launch.sh"
source "$(dirname "$0")/neodictabert.sh"

name=neodictabert_bilingual
arch=neodictabert_base # 28 x 768, as the Hebrew one: paper
global_batch=2048      # sequences: paper
warmup=500             # paper
english=60 hebrew=40   # shares of the tokens: paper
phase=1
phase_of() { # the numbers that differ between the phases
    local argument
    for argument in "$@"; do
        [ "${before:-}" = --phase ] && phase=$argument
        before=$argument
    done
    case $phase in
        1) tokens=1024 updates=292000 device_batch=32 peak_lr=printed ;;  # paper; computed: 612 billion tokens; ours
        2) tokens=4096 updates=72957 device_batch=8 peak_lr=1e-4 ;;       # paper; computed: one epoch of them; ours
        *) fail "--phase $phase; give 1 or 2" 2 ;;
    esac
    name+=_phase$phase
}
phase_of "$@"
read_arguments "$@"
whole=$data
data=$(absolute "$whole/hebrew")
english_data=$(absolute "$whole/english")
start=()
if [ "$phase" = 2 ]; then
    check_start
    start=(--finetune-from-model "$from")
    { long_documents "$data" hebrew "$hebrew"; long_documents "$english_data" english "$english"; } | write_mixture
else
    printf '  %s: {data: "%s", weight: %d}\n' hebrew "$data" "$hebrew" english "$english_data" "$english" |
        write_mixture
fi
train_neodictabert --mixture "$save_dir/mixture.yaml" "${start[@]}"
