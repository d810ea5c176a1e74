#!/usr/bin/env bash
# A pretrained encoder on the Hebrew tasks that are described here, beside the same encoder without pretraining: a grid of
# learning rates and three seeds, chosen on dev, scored on test once. Results: docs/experiments.md.
#
#   bash train_scripts/fine_tuning.sh DATA OUT --model NAME=ARCH,CHECKPOINT,TOKENIZER [--model ...]
#        [--rates "3e-4 1e-3"] [--seeds "1 2 3"] [--epochs 6] [--patience 3] [--workers N] [TASK...]
#
#   nemo, iahlt_knesset, bmc_1 bmc_2 bmc_3   named entities: DATA/ner/nemo, DATA/ner/iahlt_knesset, DATA/ner/bmc
#   smcd, smcd_original                      sentiment: DATA/sentiment/smcd, DATA/sentiment/smcd_original
#   heq_val                                  questions: trained on DATA/qa/heq_val.json, a part of which is dev, since
#                                            HeQ's train split is not everywhere; judged by heq_test.json
#   heq_retrieval_val                        retrieval: the same of DATA/retrieval
#
# By default all but BMC. What is done already is not done again: a run that was stopped goes on, and a grid may grow. Rates
# and epochs are those of small models; for base and large give those of the field: --rates "1e-5 2e-5 5e-5" --epochs 30.
set -euo pipefail
usage='usage: bash train_scripts/fine_tuning.sh DATA OUT --model NAME=ARCH,CHECKPOINT,TOKENIZER [--model ...]
    [--rates "3e-4 1e-3"] [--seeds "1 2 3"] [--epochs N] [--patience N] [--workers N] [TASK...]'
[ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
[ -d "$root/.venv/bin" ] && PATH="$root/.venv/bin:$PATH"
[ -d "$1" ] || { echo "error: $1: no such folder; give the one that holds ner/, sentiment/, qa/" >&2; exit 1; }
data=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
models=() rates="3e-4 1e-3" seeds="1 2 3" epochs=6 patience=3 workers=1 wanted=()
all=(nemo iahlt_knesset smcd smcd_original heq_val heq_retrieval_val)
while [ $# -gt 0 ]; do
    case $1 in
        -*) [ $# -ge 2 ] || { echo "error: $1 wants a value; $usage" >&2 && exit 2; } ;;
    esac
    case $1 in
        --model) models+=("$2") && shift 2 ;;
        --rates) rates=$2 && shift 2 ;;
        --seeds) seeds=$2 && shift 2 ;;
        --epochs) epochs=$2 && shift 2 ;;
        --patience) patience=$2 && shift 2 ;;
        --workers) workers=$2 && shift 2 ;;
        -*) echo "error: unknown option $1; $usage" >&2 && exit 2 ;;
        *) wanted+=("$1") && shift ;;
    esac
done
[ ${#models[@]} -gt 0 ] || { echo "error: no --model; $usage" >&2; exit 2; }
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")

task() { # NAME: where its files lie, and how it is described
    description=$1 criterion=classification baseline=--majority
    case $1 in
        nemo | iahlt_knesset) files=$data/ner/$1 ;;
        bmc_[123]) files=$data/ner/bmc ;;
        smcd | smcd_original) files=$data/sentiment/$1 ;;
        heq_val) files=$data/qa criterion=spans description=$out/heq_val.task.yaml ;;
        heq_retrieval_val)
            files=$data/retrieval criterion=contrastive baseline=--bm25 description=$out/$1.task.yaml
            ;;
        *) echo "error: unknown task $1; tasks: ${all[*]} bmc_1 bmc_2 bmc_3" >&2 && exit 2 ;;
    esac
    [ -d "$files" ] || { echo "error: $files: no such folder; it holds the files of $1" >&2 && exit 1; }
}

pairs() { # the models of a sweep: each with its weights, and from scratch
    local model name arch checkpoint tokenizer
    for model in "${models[@]}"; do
        name=${model%%=*}
        IFS=, read -r arch checkpoint tokenizer <<<"${model#*=}"
        if [ "$name" = "$model" ] || [ -z "$tokenizer" ]; then
            echo "error: --model $model: give NAME=ARCH,CHECKPOINT,TOKENIZER" >&2
            exit 2
        fi
        [ -f "$checkpoint" ] || { echo "error: $checkpoint: no such checkpoint" >&2 && exit 1; }
        [ -d "$tokenizer" ] || { echo "error: $tokenizer: no such folder; give a tokenizer's" >&2 && exit 1; }
        checkpoint=$(realpath "$checkpoint") tokenizer=$(realpath "$tokenizer")
        echo "  $name-pretrained: {arch: $arch, checkpoint: \"$checkpoint\", tokenizer: \"$tokenizer\"}"
        echo "  $name-scratch: {arch: $arch, tokenizer: \"$tokenizer\"}"
    done
}

describe() { # NAME: the descriptions that are of this data alone
    case $1 in
        heq_val)
            cat >"$description" <<'END'
name: heq_val
kind: question_answering
files: {train: heq_val.json, test: heq_test.json}
held_out: {valid: 0.15}    # of the paragraphs
format: squad
metric: f1
max_tokens: 384
END
            ;;
        heq_retrieval_val)
            mkdir -p "$out/$1.data"
            ln -sf "$files"/corpus.jsonl "$files"/queries.jsonl "$files"/qrels_heq_test.tsv "$out/$1.data/"
            # The questions of every seventh paragraph are dev.
            awk -F'\t' -v train="$out/$1.data/train.tsv" -v dev="$out/$1.data/valid.tsv" '
                FNR == 1 { print > train; print > dev; next }
                !($2 in side) { side[$2] = count++ % 7 }
                { print > (side[$2] ? train : dev) }' "$files/qrels_heq_val.tsv"
            files=$out/$1.data
            cat >"$description" <<'END'
name: heq_retrieval_val
kind: retrieval
format: beir
files: {train: train.tsv, valid: valid.tsv, test: qrels_heq_test.tsv}
metric: mrr@10
max_tokens: 256
max_query_tokens: 64
END
            ;;
    esac
}

sweep() { # NAME
    mkdir -p "$out/$1"
    cat >"$out/$1.yaml" <<END
name: $1
description: "$description"
data: "$files"
output: "$out/$1"
criterion: $criterion
models:
$(pairs)
grid: {learning_rates: [${rates// /, }], batch_sizes: [32], seeds: [${seeds// /, }]}
epochs: $epochs
patience: $patience
keep: best
END
    fairseq-hebrew sweep "$out/$1.yaml" --workers "$workers"
}

without_model() { # NAME: what can be said without one
    local options=("$baseline" --description "$description" --data "$files")
    [ "$1" != smcd_original ] || options+=(--mark-training-texts)
    fairseq-hebrew predict "${options[@]}" --output "$out/$1/baseline.jsonl"
    fairseq-hebrew score "$out/$1/baseline.jsonl" --output "$out/$1/baseline.json"
}

leak() { # NAME: the scores of what was predicted on test, with and without the texts that stand in the training file
    local predictions model trial
    for predictions in "$out/$1"/test/*/*.jsonl; do
        model=$(basename "$(dirname "$predictions")") trial=$(basename "$predictions" .jsonl)
        mkdir -p "$out/$1/leak/$model"
        fairseq-hebrew predict "$out/$1/trials/$model/$trial/checkpoint_best.pt" --data "$files" \
            --mark-training-texts --output "$out/$1/leak/$model/$trial.jsonl"
        fairseq-hebrew score "$out/$1/leak/$model/$trial.jsonl" --output "$out/$1/leak/$model/$trial.json"
    done
}

pairs >/dev/null
for name in "${wanted[@]}"; do task "$name"; done
for name in "${wanted[@]}"; do
    task "$name"
    describe "$name"
    sweep "$name"
    without_model "$name"
    [ "$name" != smcd_original ] || leak "$name"
done
