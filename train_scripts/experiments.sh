#!/usr/bin/env bash
# What the papers leave open, on real Hebrew: masks, shapes, the document mask, the pre-tokenizer. Every variant sees
# the same text for the same number of updates and tokens, with three seeds. Results: docs/experiments.md.
#
#   bash train_scripts/experiments.sh DATA OUT [--size SIZE] [--updates N] [--seeds "1 2 3"] [--jobs N] [VARIANT...]
#
# --size is that of the architectures: tiny (2 x 128) or small (4 x 256, 6 x 256), which needs many times the updates
# before it learns more than how frequent each token is.
#
# DATA holds text/*.txt (a paragraph a line, a blank line after each document) and ner/nemo/. What is done already is
# not done again: a run that was stopped goes on. --jobs runs train side by side, a CPU thread each.
set -euo pipefail
usage="usage: bash train_scripts/experiments.sh DATA OUT [--size SIZE] [--updates N] [--seeds \"1 2 3\"] [--jobs N] \
[VARIANT...]"
[ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
[ -d "$root/.venv/bin" ] && PATH="$root/.venv/bin:$PATH"
data=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
size=tiny updates=2500 seeds="1 2 3" jobs=1 job='' wanted=()
while [ $# -gt 0 ]; do
    case $1 in
        --size) size=$2 && shift 2 ;;
        --updates) updates=$2 && shift 2 ;;
        --seeds) seeds=$2 && shift 2 ;;
        --jobs) jobs=$2 && shift 2 ;;
        --job) job=$2 && shift 2 ;; # "VARIANT SEED", one of those side by side
        -*) echo "error: unknown option $1; $usage" >&2 && exit 2 ;;
        *) wanted+=("$1") && shift ;;
    esac
done

tokens=128 rows=16 # 2,048 tokens an update: what a CPU thread makes in a tenth of a second at the tiny size
vocabulary=2000    # short pieces: with 16,000 no run of an hour left the frequencies of single tokens
roberta=(--mask-prob 0.15 --leave-unmasked-prob 0.1 --random-token-prob 0.1)
all_mask=(--mask-prob 0.2 --leave-unmasked-prob 0 --random-token-prob 0)
yardstick=(--mask-prob 0.15 --leave-unmasked-prob 0 --random-token-prob 0)
variants=(a_roberta b_all_mask c_whole_word d_packed e_packed_no_document_mask f_hallelubert g_hebrew_pre_tokenizer)

# All but one are of NeoDictaBERT's shape, which at this size leaves the plateau of single tokens' frequencies within a
# thousand updates; HalleluBERT's needs many thousands, and what lies on the plateau cannot be compared.
variant() { # NAME: what differs
    corpus=gpt2 arch=neodictabert_$size rate=2e-3 options=()
    case $1 in
        a_roberta)
            title="NeoDictaBERT, blocks, 15 %, 80/10/10 (RoBERTa)"
            options=("${roberta[@]}" --sample-break-mode none)
            ;;
        b_all_mask)
            title="the same, 20 %, all of them the mask (NeoBERT)"
            options=("${all_mask[@]}" --sample-break-mode none)
            ;;
        c_whole_word)
            title="as the first, whole words"
            options=("${roberta[@]}" --sample-break-mode none --mask-unit word)
            ;;
        d_packed)
            title="as the second, packed documents"
            options=("${all_mask[@]}" --sample-break-mode packed)
            ;;
        e_packed_no_document_mask)
            title="the same without the document mask"
            options=("${all_mask[@]}" --sample-break-mode packed --no-document-mask)
            ;;
        f_hallelubert)
            title="as the second, HalleluBERT"
            arch=hallelubert_$size rate=1e-3 # normed after each layer: at 3e-3 it never learns
            options=("${all_mask[@]}" --sample-break-mode none)
            ;;
        g_hebrew_pre_tokenizer)
            title="as the first, hebrew pre-tokenizer"
            corpus=hebrew
            options=("${roberta[@]}" --sample-break-mode none)
            ;;
        *) echo "error: unknown variant $1; variants: ${variants[*]}" >&2 && exit 2 ;;
    esac
}

# fairseq prints a page of settings at its start: it goes to a file, and is shown only when a command fails.
quietly() { # log file, command
    local file=$1
    shift
    "$@" >>"$file" 2>&1 || { echo "error: $file tells what went wrong" >&2 && tail -n 5 "$file" >&2 && exit 1; }
}

# The same text for both tokenizers; the second differs in its words alone. A paragraph is a document: books and
# protocols would fill thousands of rows each, and no row would hold two.
prepare() {
    local kind
    for kind in gpt2 hebrew; do
        sed -e "s/^train-bpe:.*/train-bpe: {vocab_size: $vocabulary, pre_tokenizer: $kind}/" \
            -e "s/documents: blank/documents: lines/" \
            -e "s/valid_bytes: [0-9]*/valid_bytes: 1000000/" "$here/real_hebrew.yaml" >"$out/$kind.yaml"
        fairseq-hebrew corpus "$out/$kind.yaml" --input-root "$data/text" --output "$out/$kind"
        fairseq-hebrew fertility --tokenizer "$out/$kind/tokenizer" --input "$out/$kind/text/split/valid.txt" \
            --output "$out/$kind/fertility.json"
    done
}

losses() { # checkpoint, log file, the options of its masks: prints the validation loss
    local checkpoint=$1 log=$2
    shift 2
    quietly "$log" fairseq-validate "$out/$corpus/data" --user-dir "$root/fairseq_hebrew" --path "$checkpoint" \
        --task hebrew_masked_lm --criterion hebrew_masked_lm --tokens-per-sample $tokens --batch-size $rows \
        --valid-subset valid --tokenizer-dir "$out/$corpus/tokenizer" --cpu --num-workers 0 --log-format json "$@"
    python - "$log" <<'END'
import json, sys
found = [line[line.index("{"):] for line in open(sys.argv[1], encoding="utf-8") if '"valid_loss"' in line]
print(json.loads(found[-1])["valid_loss"])
END
}

run() { # variant, seed
    local folder=$out/runs/$1/$2 pretrain nemo own common
    variant "$1"
    pretrain=$folder/pretrain nemo=$folder/nemo
    mkdir -p "$pretrain" "$nemo"
    if [ ! -f "$folder/validation.json" ]; then
        # The published optimizer and schedule; no dropout, since nothing is seen twice.
        quietly "$pretrain/output.txt" fairseq-train "$out/$corpus/data" --user-dir "$root/fairseq_hebrew" \
            --task hebrew_masked_lm --criterion hebrew_masked_lm --arch $arch --dropout 0 --attention-dropout 0 \
            --tokens-per-sample $tokens --batch-size $rows --tokenizer-dir "$out/$corpus/tokenizer" "${options[@]}" \
            --optimizer adamw --adam-betas '(0.9, 0.98)' --adam-eps 1e-6 --weight-decay 0.01 --lr $rate \
            --lr-scheduler polynomial_decay --warmup-updates $((updates / 10)) --total-num-update "$updates" \
            --max-update "$updates" --seed "$2" --cpu --num-workers 0 --save-dir "$pretrain" --log-format json \
            --log-file "$pretrain/train.log" --log-interval 50 --validate-interval-updates $((updates / 3)) \
            --save-interval-updates $((updates / 3)) --keep-interval-updates 1 --no-epoch-checkpoints
        own=$(losses "$pretrain/checkpoint_last.pt" "$pretrain/own.txt" "${options[@]}")
        # One yardstick for all: documents apart, 15 %, all of them the mask. With 80/10/10 a tenth of the predictions
        # can be read off the input, by those that were trained to.
        common=$(losses "$pretrain/checkpoint_last.pt" "$pretrain/common.txt" "${yardstick[@]}" \
            --sample-break-mode complete_doc --model-overrides "{'no_document_mask': False}")
        echo "{\"own\": $own, \"common\": $common}" >"$folder/validation.json"
    fi
    if [ ! -f "$nemo/scores.json" ]; then
        quietly "$nemo/output.txt" fairseq-train "$data/ner/nemo" --user-dir "$root/fairseq_hebrew" \
            --task token_classification --description nemo --tokenizer-dir "$out/$corpus/tokenizer" --arch $arch \
            --finetune-from-model "$pretrain/checkpoint_last.pt" --max-tokens-per-sample $tokens \
            --criterion classification --batch-size 32 --optimizer adamw --adam-betas '(0.9, 0.98)' \
            --weight-decay 0.01 --lr 1e-3 --lr-scheduler polynomial_decay --warmup-updates 100 \
            --total-num-update 1240 --max-epoch 8 --patience 4 --seed "$2" --cpu --num-workers 0 \
            --best-checkpoint-metric f1 --maximize-best-checkpoint-metric --no-epoch-checkpoints \
            --no-last-checkpoints --save-dir "$nemo" --log-format json --log-file "$nemo/train.log"
        quietly "$nemo/output.txt" fairseq-hebrew predict "$nemo/checkpoint_best.pt" --data "$data/ner/nemo" \
            --tokenizer "$out/$corpus/tokenizer" --output "$nemo/predictions.jsonl"
        quietly "$nemo/output.txt" fairseq-hebrew score "$nemo/predictions.jsonl" --output "$nemo/scores.json"
        rm -f "$nemo/checkpoint_best.pt"
    fi
    echo "$1, seed $2: $(cat "$folder/validation.json") NEMO $(grep -m1 '"f1"' "$nemo/scores.json")"
}

if [ -n "$job" ]; then
    export OMP_NUM_THREADS=1
    run "${job% *}" "${job#* }"
    exit
fi
[ ${#wanted[@]} -gt 0 ] || wanted=("${variants[@]}")
for name in "${wanted[@]}"; do variant "$name"; done
prepare
for name in "${wanted[@]}"; do
    variant "$name"
    mkdir -p "$out/runs/$name"
    python - "$out/$corpus/fertility.json" "$title" "$updates" >"$out/runs/$name/variant.json" <<'END'
import json, sys
bytes_per_token = json.load(open(sys.argv[1]))["bytes_per_token"]
print(json.dumps({"title": sys.argv[2], "updates": int(sys.argv[3]), "bytes_per_token": bytes_per_token}))
END
done
# A seed of every variant before the next seed: a table of one seed is there early.
for seed in $seeds; do
    for name in "${wanted[@]}"; do printf '"%s %s"\n' "$name" "$seed"; done
done | xargs -P "$jobs" -n 1 bash "$here/experiments.sh" "$data" "$out" --size "$size" --updates "$updates" --job
python -m fairseq_hebrew.eval.experiments "$out/runs" --output "$out/table.md"
