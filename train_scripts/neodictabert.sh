# What the runs of NeoDictaBERT share (arXiv 2510.20386, and NeoBERT's arXiv 2502.19587, whose recipe it follows).
# Read by `source`, after launch.sh.

own_options=(peak-lr precision from phase)
precision='' from='' phase='' # paper: mixed FP8. bf16 on GPUs and TPUs; fp8 on Hopper GPUs

# --peak-lr of phase 1: the paper prints 6e-3, ten times what NeoBERT trained with (6e-4). A slip of the pen is as
# likely as a choice; nobody has said. "printed" is therefore the default of a script that reproduces, and says so.
choose_learning_rate() {
    case $peak_lr in
        printed)
            lr=6e-3
            echo "note: the learning rate is 6e-3 as printed, ten times NeoBERT's 6e-4 and perhaps a misprint;" \
                "should the loss rise after the warm-up, take --peak-lr neobert" >&2
            ;;
        neobert) lr=6e-4 ;;
        *) lr=$peak_lr ;;
    esac
}

# Rows of whole documents that cannot see each other (NeoBERT: without the document mask GLUE lost 2.8 %); 20 % of the
# tokens predicted, all of them behind the mask (paper). AdamW; linear warm-up, cosine to 10 % of the peak over 90 % of
# the updates, then constant (NeoBERT).
train_neodictabert() {
    choose_learning_rate
    [ -n "$precision" ] || { [ "$device" = cpu ] && precision=fp32 || precision=bf16; }
    choose_precision
    train --sample-break-mode packed --max-positions "$tokens" \
        --mask-prob 0.2 --leave-unmasked-prob 0 --random-token-prob 0 \
        --optimizer adamw --adam-betas '(0.9, 0.95)' --adam-eps 1e-8 --weight-decay 0.1 --clip-norm 1.0 \
        --lr "$lr" --lr-scheduler cosine_floor --warmup-updates "$warmup" --total-num-update "$updates" \
        --seed 1 "${products[@]}" "$@"
}

# absolute FOLDER[:FOLDER...]: the same from anywhere.
absolute() {
    local folder all=''
    local IFS=:
    for folder in $1; do
        [ -d "$folder" ] || fail "$folder: no such folder; name what fairseq-hebrew binarize made"
        all+=${all:+:}$(cd "$folder" && pwd)
    done
    printf %s "$all"
}

# Phase 2 goes on with phase 1's weights, in a new context, with a new optimizer and schedule (paper).
check_start() {
    [ -n "$from" ] || fail "phase 2 begins with phase 1's weights: --from CHECKPOINT" 2
    [ -f "$from" ] || fail "$from: no such checkpoint; give phase 1's checkpoint_best.pt or checkpoint_last.pt"
}

# long_documents DATA [NAME WEIGHT]: the corpora of a mixture by length: a fifth of the tokens from all documents, two
# fifths from those of at least 1,024 tokens, two fifths from those of at least 2,048 (NeoBERT, its second phase).
long_documents() {
    local name=${2:-documents} weight=${3:-1}
    cat <<END
  ${name}: {data: "$1", weight: $((20 * weight))}
  ${name}_from_1024: {data: "$1", weight: $((40 * weight)), min_document_tokens: 1024}
  ${name}_from_2048: {data: "$1", weight: $((40 * weight)), min_document_tokens: 2048}
END
}

# The mixture's file stands with the run that reads it.
write_mixture() {
    mixture=$save_dir/mixture.yaml
    [ $dry_run = yes ] && { cat >/dev/null; return; }
    mkdir -p "$save_dir"
    { echo "corpora:"; cat; } >"$mixture.tmp"
    mv "$mixture.tmp" "$mixture"
}
