#!/usr/bin/env bash
# The whole way on a small corpus: raw text, tokenizer, binaries, pretraining, fine-tuning, scores, export, a page.
# Usage: bash demo/run.sh --out FOLDER [--budget full|small]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
out=demo-out
budget=full
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=$2; shift 2 ;;
        --budget) budget=$2; shift 2 ;;
        *) echo "error: unknown option $1; usage: bash demo/run.sh --out FOLDER [--budget full|small]" >&2; exit 2 ;;
    esac
done
case $budget in
    # Updates of pretraining and epochs of fine-tuning: the full ones stay well under ten minutes on 2 cores, of
    # which pretraining takes the most; the small ones only show that every step runs.
    full) updates=2000 epochs=24 ;;
    small) updates=60 epochs=2 ;;
    *) echo "error: --budget $budget; give full or small" >&2; exit 2 ;;
esac
PATH="$root/.venv/bin:$PATH"
plugin="$root/fairseq_hebrew"
mkdir -p "$out"
out=$(cd "$out" && pwd)
started=$(date +%s)

say() { printf '\n== %s (%d s)\n' "$1" $(($(date +%s) - started)); }

# fairseq prints a page of settings at its start: it goes to a file, and is shown only when a command fails.
train() {
    local name=$1
    shift
    mkdir -p "$out/$name"
    rm -f "$out/$name/train.log" # fairseq appends to it
    if ! fairseq-train "$@" --user-dir "$plugin" --cpu --seed 1 --num-workers 0 --save-dir "$out/$name" \
        --log-format json --log-file "$out/$name/train.log" >"$out/$name/output.txt" 2>&1; then
        tail -n 20 "$out/$name/output.txt" >&2
        exit 1
    fi
}

say "A corpus with the dirt of the web in it"
python "$here/build_corpus.py" --output "$out/raw" --words 65000 --seed 1

say "Clean, deduplicate, shuffle, split, train the tokenizer, binarize"
fairseq-hebrew corpus "$here/corpus.yaml" --input-root "$out/raw" --output "$out/corpus"
fairseq-hebrew fertility --tokenizer "$out/corpus/tokenizer" --input "$out/corpus/text/split/test.txt" \
    --output "$out/fertility.json"

say "Pretrain hallelubert_tiny: $updates updates of 32 x 128 tokens"
train pretrain "$out/corpus/data" --task hebrew_masked_lm --criterion hebrew_masked_lm --arch hallelubert_tiny \
    --dropout 0.0 --attention-dropout 0.0 --tokens-per-sample 128 --batch-size 32 \
    --optimizer adam --adam-betas '(0.9,0.98)' --adam-eps 1e-6 --weight-decay 0.01 \
    --lr 1e-3 --lr-scheduler polynomial_decay --warmup-updates $((updates / 20)) --total-num-update $updates \
    --max-update $updates --log-interval 10 --validate-interval 1000 --validate-interval-updates $((updates / 20)) \
    --no-epoch-checkpoints --no-last-checkpoints
checkpoint="$out/pretrain/checkpoint_best.pt"

# The recipe of both tasks: the best checkpoint by the validation metric, the test split scored once.
fine_tune() {
    local name=$1 task=$2 metric=$3 rate=$4
    say "Fine-tune on $name, up to $epochs epochs"
    train "$name" "$here/corpus/$name" --task "$task" --description "$here/tasks/$name.yaml" \
        --tokenizer-dir "$out/corpus/tokenizer" --arch hallelubert_tiny --finetune-from-model "$checkpoint" \
        --criterion classification --batch-size 16 --optimizer adam --adam-betas '(0.9,0.98)' --weight-decay 0.01 \
        --lr $rate --lr-scheduler polynomial_decay --warmup-updates 30 \
        --total-num-update $((34 * epochs)) --max-epoch "$epochs" --log-interval 10 \
        --best-checkpoint-metric "$metric" --maximize-best-checkpoint-metric \
        --no-epoch-checkpoints --no-last-checkpoints
    fairseq-hebrew predict "$out/$name/checkpoint_best.pt" --output "$out/$name/predictions.jsonl"
    fairseq-hebrew score "$out/$name/predictions.jsonl" --output "$out/$name/scores.json"
    fairseq-hebrew predict --majority --description "$here/tasks/$name.yaml" --data "$here/corpus/$name" \
        --output "$out/$name/majority.jsonl"
    fairseq-hebrew score "$out/$name/majority.jsonl" --output "$out/$name/majority.json"
}
fine_tune ner token_classification f1 1e-3
fine_tune sentiment sequence_classification macro_f1 5e-4

say "Export to Hugging Face, fill a mask"
fairseq-hebrew export-hf "$checkpoint" "$out/hf" --tokenizer "$out/corpus/tokenizer" --force
fairseq-hebrew fill-mask "$out/hf" "ראש העירייה <mask> כי העבודות יסתיימו בקרוב." --output "$out/fill-mask.json"

say "The page of results"
fairseq-hebrew report "$out" --seconds $(($(date +%s) - started))
