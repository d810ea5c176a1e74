#!/bin/bash
# gcloud, played: a slice of $FAKE/hosts machines, each a folder in which its commands are run.
#
# $FAKE/calls gets the words of each call, a \0 behind each and a \1 behind the last; $FAKE/states is what `describe`
# says, a line a call, the last one from then on; $FAKE/fail, where it is, holds words of calls that fail, and what they
# say; with $FAKE/once the first one alone. $FAKE/greeting is what a host says to whoever logs in.
here=$FAKE
printf '%s\0' "$@" >>"$here/calls"
printf '\1' >>"$here/calls"
if [ -f "$here/fail" ]; then
    while IFS='|' read -r words said; do
        if [[ "$*" == *$words* ]]; then
            echo "ERROR: (gcloud) $said" >&2
            [ ! -f "$here/once" ] || rm "$here/fail"
            exit 1
        fi
    done <"$here/fail"
fi
[ "$1 $2" = "compute tpus" ] || exit 2
count=$(cat "$here/hosts")
case "$3 $4" in
    "tpu-vm describe")
        case "$*" in
            *networkEndpoints*) seq -s ';' -f '10.0.0.%g' "$count" ;;
            *)
                now=$(head -n 1 "$here/states")
                [ "$(wc -l <"$here/states")" = 1 ] || sed -i 1d "$here/states"
                if [ "$now" = NONE ]; then
                    echo "ERROR: (gcloud.compute.tpus.tpu-vm.describe) NOT_FOUND: Resource was not found" >&2
                    exit 1
                fi
                echo "$now"
                ;;
        esac
        ;;
    "tpu-vm ssh")
        while [ $# -gt 0 ]; do
            [ "$1" = --command ] && command=$2
            [[ $1 == --worker=* ]] && worker=${1#--worker=}
            shift
        done
        for ((i = 0; i < count; i++)); do
            [ "$worker" = all ] || [ "$worker" = $i ] || continue
            [ ! -f "$here/greeting" ] || cat "$here/greeting"
            (cd "$here/host$i" && HOME=$here/host$i HOST=$i bash -c "$command") || failed=yes
        done
        [ -z "${failed:-}" ]
        ;;
    "tpu-vm scp")
        for ((i = 0; i < count; i++)); do cp "$5" "$here/host$i/${6#*:}"; done
        ;;
    "tpu-vm create" | "queued-resources create" | "tpu-vm delete" | "queued-resources delete")
        for ((i = 0; i < count; i++)); do
            rm -rf "${here:?}/host$i"
            mkdir "$here/host$i"
        done
        ;;
    *) exit 2 ;;
esac
