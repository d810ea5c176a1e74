#!/usr/bin/env bash
# Does an encoder carry retrieval from English to Hebrew? NeoDictaBERT's probe (arXiv 2510.20386): fine-tuned on English
# MS MARCO alone, judged on Hebrew by NDCG@20 (0.397 to 0.404 in the paper).
#
#   bash train_scripts/cross_lingual_probe.sh CHECKPOINT --tokenizer DIR --english MSMARCO --hebrew FOLDER [OPTION...]
#   bash train_scripts/cross_lingual_probe.sh CHECKPOINT --tokenizer DIR --smoke ENGLISH.txt --hebrew FOLDER [OPTION...]
#
#   CHECKPOINT            a pretrained one of --arch
#   --english MSMARCO     MS MARCO as BEIR has it: corpus.jsonl, queries.jsonl, qrels/train.tsv, dev.tsv
#   --description NAME    other English files: a description of retrieval (default: msmarco)
#   --smoke ENGLISH.txt   instead of it, plain English text (a paragraph a line, a blank line after each document): its
#                         sentences stand in for queries (inverse cloze, arXiv 1906.00300). To see that everything runs;
#                         its scores are no result
#   --hebrew FOLDER       what is searched: corpus.jsonl, queries.jsonl, qrels
#   --hebrew-description NAME, --split NAME
#                         default: heq_retrieval, test
#   --arch NAME           default: neodictabert_base
#   --updates N, --batch N, --lr N
#                         default: 3,930 of 128 pairs, with 2e-5; with --smoke 60 of 16
#   --device cpu|gpu, --devices N
#   --out DIR             default: runs/cross_lingual_probe; what is done there is not done again
#   -- OPTION...          for fairseq-train
#
# Beside the model stand BM25 and the encoder as it was before: what was learned is the difference.
set -euo pipefail
source "$(dirname "$0")/launch.sh"

checkpoint='' tokenizer='' english='' description=msmarco text='' hebrew='' hebrew_description=heq_retrieval split=test
arch=neodictabert_base out=runs/cross_lingual_probe updates='' batch='' rate='' device='' devices='' nodes=1 extra=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" && exit 0 ;;
        --) shift && extra=("$@") && break ;;
        -*) [ $# -ge 2 ] || fail "$1 wants a value; --help names the options" 2 ;;
    esac
    case $1 in
        --tokenizer) tokenizer=$2 ;;
        --english) english=$2 ;;
        --description) description=$2 ;;
        --smoke) text=$2 ;;
        --hebrew) hebrew=$2 ;;
        --hebrew-description) hebrew_description=$2 ;;
        --split) split=$2 ;;
        --arch) arch=$2 ;;
        --updates) updates=$2 ;;
        --batch) batch=$2 ;;
        --lr) rate=$2 ;;
        --device) device=$2 ;;
        --devices) devices=$2 ;;
        --out) out=$2 ;;
        -*) fail "unknown option $1; --help names them, options for fairseq-train go behind --" 2 ;;
        *)
            [ -z "$checkpoint" ] || fail "one CHECKPOINT, not also $1; options for fairseq-train go behind --" 2
            checkpoint=$1 && shift && continue
            ;;
    esac
    shift 2
done
[ -n "$checkpoint" ] || fail "no CHECKPOINT; --help tells more" 2
[ -f "$checkpoint" ] || fail "$checkpoint: no such checkpoint; give that of a pretraining run"
[ -d "$tokenizer" ] || fail "--tokenizer ${tokenizer:-DIR}: no such folder; give that of the checkpoint's pretraining" 2
[ -d "$hebrew" ] || fail "--hebrew ${hebrew:-FOLDER}: no such folder; give corpus.jsonl, queries.jsonl and qrels" 2
[ -n "$english$text" ] || fail "nothing to train on: --english MSMARCO, or --smoke ENGLISH.txt to see that it runs" 2
[ -z "$english" ] || [ -z "$text" ] || fail "--english or --smoke, not both" 2
[ -z "$text" ] || [ -f "$text" ] || fail "$text: no such file; give plain English text"
[ -z "$english" ] || [ -d "$english" ] || fail "--english $english: no such folder; give MS MARCO as BEIR has it" 2
find_environment
choose_devices

if [ -n "$text" ]; then
    updates=${updates:-60} batch=${batch:-16}
else
    updates=${updates:-3930} # one epoch: 502,939 queries by 128; the paper does not tell its own
    batch=${batch:-128}      # pairs an update: each query has 127 passages that are not its own
fi
# The field's rate for a base encoder on MS MARCO (DPR, arXiv 2004.04906: 1e-5 to 2e-5); the paper does not tell its own.
rate=${rate:-2e-5}
for number in "$updates" "$batch"; do
    case $number in '' | *[!0-9]* | 0*) fail "'$number' is no positive number" 2 ;; esac
done
[ $((batch % devices)) -eq 0 ] || fail "--batch $batch: $devices devices do not divide it" 2
mkdir -p "$out"

# What is done there is of one model, one text and one setting: another is not to read its scores off these.
hash_of() { sha256sum "$1" | cut -c1-16; }
made_of() {
    echo "CHECKPOINT $(hash_of "$checkpoint")"
    echo "--tokenizer $(hash_of "$tokenizer/dict.txt")"
    if [ -n "$text" ]; then
        echo "--smoke $(hash_of "$text")"
    else
        echo "--english $(cd "$english" && find -L . -type f -printf '%P:%s ' | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' ')"
        echo "--description $([ -f "$description" ] && hash_of "$description" || echo "$description")"
    fi
    echo "--arch $arch"
    echo "--updates $updates"
    echo "--batch $batch"
    echo "--lr $rate"
    echo "-- ${extra[*]}"
}
made=$(made_of)
if [ -f "$out/made-of" ]; then
    other=$(diff <(echo "$made") "$out/made-of" | sed -n 's/^[<>] \([^ ]*\).*/\1/p' | sort -u | tr '\n' ' ') || true
    [ -z "$other" ] || fail "$out: holds a run with another ${other% }; give another --out, or remove it"
else
    echo "$made" >"$out/made-of"
fi

smoke_banner() {
    [ -z "$text" ] || echo "*** SMOKE RUN: sentences of $(basename "$text") stand in for MS MARCO. ITS SCORES ARE NO RESULT. ***"
}
smoke_banner

# fairseq prints a page of settings at its start: it goes to a file, and is shown only when a command fails.
quietly() { # log file, command
    local file=$1
    shift
    "$@" >>"$file" 2>&1 || { tail -n 5 "$file" >&2 && fail "$file tells what went wrong"; }
}

if [ -n "$text" ]; then
    english=$out/english description=$out/english.yaml
    fairseq-hebrew split --input "$text" --output "$english/text" --valid-bytes $(($(wc -c <"$text") / 20))
    for name in train valid; do
        fairseq-hebrew inverse-cloze --input "$english/text/$name.txt" --documents blank --output "$english/$name.jsonl"
    done
    cat >"$description" <<END
name: smoke
kind: retrieval
format: pairs
files: {train: train.jsonl, valid: valid.jsonl}
metric: mrr@10
max_tokens: 192
max_query_tokens: 32
END
fi

train() { # folder, option...
    local folder=$1 command=(fairseq-train)
    shift
    [ "$devices" -eq 1 ] || command=(torchrun --standalone --nproc-per-node "$devices" "$(command -v fairseq-train)")
    # AdamW, a tenth of the updates to warm up, then linear to zero, as BERT is fine-tuned (arXiv 1810.04805).
    command+=("$english" --user-dir "$root/fairseq_hebrew" --task retrieval --criterion contrastive
        --description "$description" --tokenizer-dir "$tokenizer" --arch "$arch" --finetune-from-model "$checkpoint"
        --batch-size $((batch / devices)) --optimizer adamw --weight-decay 0.01 --clip-norm 1.0 --lr "$rate"
        --lr-scheduler polynomial_decay --warmup-updates $((updates / 10)) --total-num-update "$updates"
        --max-update "$updates" --seed 1 --save-dir "$folder" --no-epoch-checkpoints --log-format json
        --log-file "$folder/train.log")
    if [ "$device" = cpu ]; then
        command+=(--cpu --num-workers 0)
        [ "$devices" -eq 1 ] || command+=(--distributed-backend gloo)
    else
        command+=(--num-workers 4 --autocast bf16)
    fi
    mkdir -p "$folder"
    quietly "$folder/output.txt" "${command[@]}" "${extra[@]}" "$@"
    touch "$folder/done"
}

# The encoder as it is: one update of size 0 gives it the head that predict asks for.
[ -f "$out/before/done" ] || train "$out/before" --lr 0 --max-update 1 --disable-validation
# What is kept is chosen by English queries: Hebrew is never seen.
[ -f "$out/trained/done" ] || train "$out/trained" --best-checkpoint-metric mrr@10 --maximize-best-checkpoint-metric \
    --validate-interval-updates $(((updates + 3) / 4)) --save-interval-updates $(((updates + 3) / 4)) \
    --keep-interval-updates 1

searched=(--description "$hebrew_description" --data "$hebrew" --split "$split")
place=cpu
[ "$device" = cpu ] || place=cuda
fairseq-hebrew predict --bm25 "${searched[@]}" --output "$out/bm25.jsonl"
for name in before trained; do
    which=last
    [ $name = before ] || which=best
    quietly "$out/$name/output.txt" fairseq-hebrew predict "$out/$name/checkpoint_$which.pt" "${searched[@]}" \
        --tokenizer "$tokenizer" --device $place --batch-size 128 --output "$out/$name.jsonl"
done
for name in bm25 before trained; do
    fairseq-hebrew score "$out/$name.jsonl" --output "$out/$name.scores.json" >/dev/null
done

python - "$out" "${text:+smoke}" <<'END' | tee "$out/table.md"
import json, sys
out, smoke = sys.argv[1:]
if smoke:
    print("**A smoke run: English sentences stood in for MS MARCO. These scores are no result.**\n")
names = ("ndcg@20", "ndcg@10", "mrr@10", "recall@100")
print("|", " | ".join(["Hebrew, in percent", *names]), "|")
print("|---" * (len(names) + 1) + "|")
rows = {"bm25": "BM25", "before": "the encoder before", "trained": "trained on English alone"}
for name, shown in rows.items():
    scores = json.load(open(f"{out}/{name}.scores.json", encoding="utf-8"))
    print("|", " | ".join([shown, *(f"{scores[metric]:.2f}" for metric in names)]), "|")
END
smoke_banner
