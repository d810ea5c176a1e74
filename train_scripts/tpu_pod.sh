#!/usr/bin/env bash
# Training on a TPU pod slice: a script of this folder on every host of it, and again when the slice was taken away.
#
#   bash train_scripts/tpu_pod.sh setup  TPU --zone ZONE [OPTION...]
#   bash train_scripts/tpu_pod.sh run    TPU --zone ZONE [OPTION...] -- SCRIPT DATA [ARGUMENT...]
#   bash train_scripts/tpu_pod.sh start  TPU --zone ZONE [OPTION...] -- SCRIPT DATA [ARGUMENT...]
#   bash train_scripts/tpu_pod.sh status|stop|logs TPU --zone ZONE [OPTION...]
#
#   setup    copies this clone to every host and builds the environment there (make setup-xla, the extra `tpu`)
#   start    starts SCRIPT (hallelubert_base, ...) on every host, with --device tpu and the number of hosts, and ends
#   run      setup and start, then watches: ends when training does; where the slice was preempted it makes it anew,
#            sets it up and starts again. Training then goes on from --mirror-checkpoints, an option of training
#   status   what each host is doing: running, exit STATUS, stopped, gone, none
#   stop     SIGTERM to training on every host: it writes a checkpoint and ends
#   logs     the last lines of a host's log
#
# Options:
#   --project PROJECT        instead of gcloud's own
#   --before COMMAND         with setup and run: run on every host before the environment is built, in the clone; to
#                            install what the image lacks for that, say
#   --prepare COMMAND        the same, run afterwards; to fetch DATA, say
#   --shared-save-dir        with start and run: all hosts share the folder of --save-dir. Several hosts need this or
#                            --mirror-checkpoints, as one of them writes checkpoints and all go on from them
#   --accelerator-type TYPE  with run: v4-128, ... of the slice to make where there is none
#   --version VERSION        with run: its image, tpu-ubuntu2204-base, ...
#   --on-demand              with run: no spot slice
#   --queued-resource        with run: ask for the slice as a queued resource of the same name
#   --every SECONDS          with run: between two looks (60)
#   --grace SECONDS          with run: for the checkpoint of hosts that are to end because others did (60)
#   --tries N                with run: failures or losses in a row before it gives up (5); what came before 4 x N looks
#                            that found all well is forgotten
#   --worker N               with logs: of which host (0)
#
# Needs gcloud, logged in, on this machine. Nothing is made, deleted or installed but by `setup` and `run`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
clone=fairseq_hebrew # in the home of each host

fail() {
    echo "error: $1" >&2
    exit "${2:-1}"
}

say() { echo "$(date '+%F %T') $*"; }

usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

read_arguments() {
    command='' tpu='' zone='' project='' before='' prepare='' accelerator='' version=''
    every=60 grace=60 tries=5 worker=0 spot=yes queued=no shared=no training=()
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --on-demand) spot=no && shift && continue ;;
            --queued-resource) queued=yes && shift && continue ;;
            --shared-save-dir) shared=yes && shift && continue ;;
            --) shift && training=("$@") && break ;;
        esac
        if [ "${1#-}" = "$1" ]; then
            if [ -z "$command" ]; then command=$1; elif [ -z "$tpu" ]; then tpu=$1; else
                fail "one TPU, not also $1; the training script goes behind --" 2
            fi
            shift
            continue
        fi
        [ $# -ge 2 ] || fail "$1 wants a value, or is no option here; --help names them" 2
        case $1 in
            --zone) zone=$2 ;;
            --project) project=$2 ;;
            --before) before=$2 ;;
            --prepare) prepare=$2 ;;
            --accelerator-type) accelerator=$2 ;;
            --version) version=$2 ;;
            --every) every=$2 ;;
            --grace) grace=$2 ;;
            --tries) tries=$2 ;;
            --worker) worker=$2 ;;
            *) fail "unknown option $1; --help names them, what is for the training script goes behind --" 2 ;;
        esac
        shift 2
    done
    case $command in
        setup | status | stop | logs) [ ${#training[@]} = 0 ] || fail "$command takes nothing behind --" 2 ;;
        start | run)
            [ ${#training[@]} -ge 2 ] || fail "$command wants -- SCRIPT DATA, as in -- hallelubert_base DATA" 2
            [ -f "$root/train_scripts/${training[0]}.sh" ] || fail "no script train_scripts/${training[0]}.sh" 2
            ;;
        '') fail "bash $0 setup|run|start|status|stop|logs TPU --zone ZONE ...; --help tells more" 2 ;;
        *) fail "unknown command $command; give setup, run, start, status, stop or logs" 2 ;;
    esac
    is "$tpu" '[a-z]([-a-z0-9]{0,61}[a-z0-9])?' ||
        fail "'$tpu' is no name of a TPU: small letters, digits and hyphens, a letter first" 2
    is "$zone" '[a-z]+-[a-z]+[0-9]+-[a-z]' || fail "'$zone' is no zone; give --zone, as in us-central2-b" 2
    [ -z "$project" ] || is "$project" '[a-z][-a-z0-9.:]*' || fail "'$project' is no project" 2
    is "$every" '[0-9]+(\.[0-9]+)?' || fail "--every $every: give seconds" 2
    is "$grace" '[0-9]+' || fail "--grace $grace: give whole seconds" 2
    is "$tries" '[1-9][0-9]*' || fail "--tries $tries: give a number, 1 or more" 2
    is "$worker" '[0-9]+' || fail "--worker $worker: give a host's number" 2
    if [ ${#training[@]} -gt 0 ] && is "$accelerator" '.*-[1-9][0-9]*' && [ "${accelerator##*-}" -gt 8 ]; then
        begin_alike "$accelerator has several hosts" # 8 cores, or chips of one core, are the most that one has
    fi
    command -v gcloud >/dev/null ||
        fail "no gcloud here; install Google Cloud's command line (cloud.google.com/sdk) and run gcloud auth login"
}

is() { [[ $1 =~ ^($2)$ ]]; }

# cloud WHAT VERB [OPTION...]: gcloud about this TPU, in its zone.
cloud() {
    gcloud compute tpus "$1" "$2" "$tpu" --zone "$zone" --quiet ${project:+--project "$project"} "${@:3}"
}

# on WORKER FUNCTION [ARGUMENT...]: of tpu_host.sh, on a host or `all`; what they print, one behind the other.
on() {
    cloud tpu-vm ssh --worker="$1" --command "clone=$clone
$(cat "$root/train_scripts/tpu_host.sh")
$(printf '%q ' "${@:2}")"
}

# READY, PREEMPTED, ...; NONE where there is no such TPU; fails where nobody answers.
state() {
    local told
    if told=$(cloud tpu-vm describe --format='value(state)' 2>&1); then
        echo "${told##*$'\n'}"
    elif [[ $told == *NOT_FOUND* || $told == *"not found"* ]]; then
        echo NONE
    else
        echo "warning: ${told##*$'\n'}" >&2
        return 1
    fi
}

# Sets count; more than one host have to begin alike.
count_hosts() {
    local told found
    told=$(cloud tpu-vm describe --format='value(networkEndpoints[].ipAddress)') || return 1
    IFS=' ;,' read -ra found <<<"$told"
    count=${#found[@]}
    [ "$count" -gt 0 ] || return 1
    [ "$count" = 1 ] || begin_alike "$tpu has $count hosts"
}

# begin_alike WHY: that several hosts will begin from the same checkpoint, which one of them has written.
begin_alike() {
    local word last=''
    [ $shared = no ] || return 0
    for word in "${training[@]}"; do # as two words, or as one
        case $last=$word in --mirror-checkpoints=?* | *=--mirror-checkpoints=?*) return 0 ;; esac
        last=$word
    done
    fail "$1, of which one writes checkpoints; give --mirror-checkpoints URL behind the second --, or \
--shared-save-dir where all share the folder of --save-dir" 2
}

present() {
    local name
    while IFS= read -r -d '' name; do
        [ ! -e "$root/$name" ] || printf '%s\0' "$name"
    done
}

# The files of this clone that git knows, as they are now; of a copy without git, all but what was built or trained.
pack() {
    if git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
        git -C "$root" ls-files -z | present | tar -C "$root" --null -T - -czf "$1"
    else
        tar -C "$root" --exclude='./.venv*' --exclude=./runs --exclude=./demo-out --exclude=./run -czf "$1" .
    fi
}

setup() {
    local parcel code=0
    parcel=$(mktemp -d)
    pack "$parcel/$clone.tgz" || fail "the clone at $root could not be packed"
    say "copying the clone to the hosts of $tpu"
    gcloud compute tpus tpu-vm scp "$parcel/$clone.tgz" "$tpu:$clone.tgz" --worker=all --zone "$zone" \
        --quiet ${project:+--project "$project"} || code=$?
    rm -rf "$parcel"
    [ $code = 0 ] && on all unpack || return 1
    [ -z "$before" ] || on all in_clone "$before" || return 1
    say "building the environment there"
    on all build || return 1
    [ -z "$prepare" ] || on all in_clone "$prepare"
}

start() {
    local count script=${training[0]}
    count_hosts || return 1
    say "starting $script on $count hosts"
    on all start env PJRT_DEVICE=TPU bash "train_scripts/$script.sh" "${training[1]}" --device tpu --nodes "$count" \
        "${training[@]:2}"
}

# A line a host; what else a host says to whoever logs in is left out.
status() { on all status | grep -xE 'running|exit [0-9]+|stopped|gone|none'; }

stop() { on all stop; }

logs() { on "$worker" log 50; }

# can_be_made WHY: whether it is said what to make.
can_be_made() {
    [ -n "$accelerator" ] && [ -n "$version" ] || fail "$1; give --accelerator-type and --version to have it made" 2
}

# Makes the slice and waits for it. No room in the zone is waited for; whatever else gcloud says ends the run.
make_slice() {
    local told options=(--accelerator-type "$accelerator")
    [ $spot = yes ] && options+=(--spot)
    while :; do
        say "making $tpu ($accelerator)"
        if [ $queued = yes ]; then
            told=$(cloud queued-resources create --node-id "$tpu" --runtime-version "$version" \
                "${options[@]}" 2>&1) && break
        else
            told=$(cloud tpu-vm create --version "$version" "${options[@]}" 2>&1) && break
        fi
        grep -qiE 'RESOURCE_EXHAUSTED|capacity|stockout' <<<"$told" || fail "$tpu cannot be made: ${told##*$'\n'}"
        say "no room in $zone now; trying again"
        sleep "$every"
    done
}

delete_slice() {
    say "deleting what is left of $tpu"
    if [ $queued = yes ]; then
        cloud queued-resources delete --force || return 1
    else
        cloud tpu-vm delete || return 1
    fi
}

# Looks at the slice every so often, until training has ended or cannot go on.
run() {
    local now told # what a look has found: of the slice, of its hosts
    local begun=no # waiting for a slice just made, tried to start, yes
    local misses=0 ends=0 losses=0 good=0
    while :; do
        if ! now=$(state); then
            miss "$tpu does not answer"
        elif [ "$now" = NONE ] && [ $begun != waiting ]; then
            can_be_made "there is no TPU $tpu in $zone"
            if [ $begun != no ] && [ $queued = yes ]; then delete_slice || true; fi # the request that it was made by
            make_slice
            begun=waiting
        elif [ "$now" = PREEMPTED ] || [ "$now" = TERMINATED ]; then
            can_be_made "$tpu is $now"
            say "$tpu is $now"
            if delete_slice; then
                make_slice
                begun=waiting
            else
                miss "$tpu cannot be deleted"
            fi
        elif [ "$now" = READY ]; then
            look
        else
            misses=0 # on its way
        fi
        sleep "$every"
    done
}

# At the hosts of a slice that is there.
look() {
    if ! told=$(status); then
        miss "the hosts of $tpu cannot be reached"
    elif all running; then
        goes_on
    elif [ $begun = yes ]; then
        misses=0
        ended
    elif ! some running; then
        begin
    elif [ $begun = no ] && all 'running|exit 0'; then
        goes_on # the others are about to be done
    else # hosts were lost while nobody watched, or the start did not reach all of them
        say "only some hosts of $tpu are training"
        end_all
        begin
    fi
}

# all PATTERN, some PATTERN: of the lines that the hosts have told, whole ones.
all() { ! grep -qvxE "$1" <<<"$told"; }
some() { grep -qxE "$1" <<<"$told"; }

goes_on() {
    [ $begun = yes ] || say "$tpu is training"
    begun=yes misses=0 ends=0 good=$((good + 1))
    [ $good -lt $((4 * tries)) ] || losses=0
}

begin() {
    local count
    good=0
    if count_hosts && setup && start; then
        begun=yes misses=0 ends=0
    else
        begun=tried
        miss "$tpu could not be set up and started"
    fi
}

# Training has ended on some host. Hosts of a slice that is being taken away end in one way or another before its state
# says so: only what is still so at the next look counts.
ended() {
    if all 'exit 0'; then
        say "training is done"
        exit 0
    fi
    ends=$((ends + 1))
    [ $ends -ge 2 ] || return 0
    if some stopped; then
        fail "training was stopped; it goes on with the same command"
    elif grep '^exit' <<<"$told" | grep -qvxE 'exit (0|138|143)' && ! some gone; then
        end_all
        on all log 5 >&2 || true
        fail "training has failed ($(tr '\n' ' ' <<<"$told")); its last lines are above"
    elif some 'exit (138|143)|gone|none'; then
        losses=$((losses + 1))
        [ $losses -lt "$tries" ] || fail "hosts of $tpu were lost $losses times; see tpu_pod.sh logs"
        say "hosts of $tpu were lost; starting again"
        end_all
        begin
    fi # else some are done, and the others about to be
}

end_all() { on all end "$grace" || true; }

miss() {
    misses=$((misses + 1))
    say "$1 ($misses of $tries)"
    [ $misses -lt "$tries" ] || fail "$1"
}

read_arguments "$@"
case $command in
    run) run ;;
    *) "$command" || fail "$command on $tpu did not work; see what gcloud says above" ;;
esac
