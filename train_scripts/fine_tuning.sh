#!/usr/bin/env bash
# A pretrained encoder on every Hebrew task that is described here, beside the same encoder without pretraining: a grid
# of learning rates and three seeds, chosen on dev, scored on test once. Results: docs/experiments.md.
#
#   bash train_scripts/fine_tuning.sh DATA OUT --model NAME=ARCH,CHECKPOINT,TOKENIZER [--model ...]
#        [--rates "3e-4 1e-3"] [--seeds "1 2 3"] [--epochs 6] [--workers N] [TASK...]
#
# DATA holds ner/nemo/, ner/iahlt_knesset/, sentiment/smcd/; TASK is the name of one of them, by default all. What is done
# already is not done again: a run that was stopped goes on. Rates and epochs are those of small models; for base and large
# give the published ones: --rates "1e-5 2e-5 5e-5" --epochs 30.
set -euo pipefail
usage='usage: bash train_scripts/fine_tuning.sh DATA OUT --model NAME=ARCH,CHECKPOINT,TOKENIZER [--model ...]
    [--rates "3e-4 1e-3"] [--seeds "1 2 3"] [--epochs N] [--workers N] [TASK...]'
[ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
[ -d "$root/.venv/bin" ] && PATH="$root/.venv/bin:$PATH"
[ -d "$1" ] || { echo "error: $1: no such folder; give the one that holds ner/ and sentiment/" >&2; exit 1; }
data=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
models=() rates="3e-4 1e-3" seeds="1 2 3" epochs=6 workers=1 wanted=()
all=(nemo iahlt_knesset smcd)
while [ $# -gt 0 ]; do
    case $1 in
        --model) models+=("$2") && shift 2 ;;
        --rates) rates=$2 && shift 2 ;;
        --seeds) seeds=$2 && shift 2 ;;
        --epochs) epochs=$2 && shift 2 ;;
        --workers) workers=$2 && shift 2 ;;
        -*) echo "error: unknown option $1; $usage" >&2 && exit 2 ;;
        *) wanted+=("$1") && shift ;;
    esac
done
[ ${#models[@]} -gt 0 ] || { echo "error: no --model; $usage" >&2; exit 2; }
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")

task() { # NAME: where its files lie
    case $1 in
        nemo) files=$data/ner/nemo ;;
        iahlt_knesset) files=$data/ner/iahlt_knesset ;;
        smcd) files=$data/sentiment/smcd ;;
        *) echo "error: unknown task $1; tasks: ${all[*]}" >&2 && exit 2 ;;
    esac
}

pairs() { # the models of a sweep: each with its weights, and from scratch
    local model name arch checkpoint tokenizer
    for model in "${models[@]}"; do
        name=${model%%=*}
        IFS=, read -r arch checkpoint tokenizer <<<"${model#*=}"
        [ -n "$tokenizer" ] || { echo "error: --model $model: give NAME=ARCH,CHECKPOINT,TOKENIZER" >&2; exit 2; }
        checkpoint=$(realpath "$checkpoint") tokenizer=$(realpath "$tokenizer")
        echo "  $name-pretrained: {arch: $arch, checkpoint: \"$checkpoint\", tokenizer: \"$tokenizer\"}"
        echo "  $name-scratch: {arch: $arch, tokenizer: \"$tokenizer\"}"
    done
}

sweep() { # NAME
    task "$1"
    mkdir -p "$out/$1"
    cat >"$out/$1.yaml" <<END
name: $1
description: $1
data: "$files"
output: "$out/$1"
models:
$(pairs)
grid: {learning_rates: [${rates// /, }], batch_sizes: [32], seeds: [${seeds// /, }]}
epochs: $epochs
patience: 3
keep: best
END
    fairseq-hebrew sweep "$out/$1.yaml" --workers "$workers"
}

baseline() { # NAME: what can be said without a model
    fairseq-hebrew predict --majority --description "$1" --data "$files" --output "$out/$1/baseline.jsonl"
    fairseq-hebrew score "$out/$1/baseline.jsonl" --output "$out/$1/baseline.json"
}

for name in "${wanted[@]}"; do task "$name"; done
pairs >/dev/null
for name in "${wanted[@]}"; do
    sweep "$name"
    baseline "$name"
done
