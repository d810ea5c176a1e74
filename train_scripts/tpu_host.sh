# What a host of a TPU pod slice does for tpu_pod.sh, which sends all of this with each call: a host may have no clone
# yet. Run by bash in the home of the host; $clone, set by tpu_pod.sh, is the clone's folder there.
#
# In run/ of the clone:
#   pid      the process that trains, and its birth
#   exit     the status it ended with
#   stopped  there if `stop` told it to end
#   log      what it printed, run after run

unpack() {
    if cd "$clone" 2>/dev/null; then
        none_trains || return 1 # its files would change under it
        cd ..
    fi
    mkdir -p "$clone" && tar -xzf "$clone.tgz" -C "$clone"
}

in_clone() { cd "$clone" && eval "$1"; }

build() {
    cd "$clone" && make setup-xla &&
        .venv-xla/bin/pip install --quiet --constraint constraints-xla.txt --editable '.[tpu]'
}

# start COMMAND [ARGUMENT...]: in the clone, for longer than whoever starts it is logged in.
start() {
    cd "$clone" && mkdir -p run && none_trains || return 1
    rm -f run/pid run/exit run/stopped
    nohup setsid bash -c "$(declare -f birth keep); keep \"\$@\"" keep "$@" >>run/log 2>&1 </dev/null &
    while [ ! -f run/pid ]; do sleep 0.1; done
}

# Files are written whole, as they are read at any moment.
keep() {
    "$@" &
    echo "$! $(birth $!)" >run/pid.new
    mv run/pid.new run/pid
    wait $!
    echo $? >run/exit.new
    mv run/exit.new run/exit
}

# running, exit STATUS, stopped (by `stop`), gone (killed, or the machine was started again), none.
status() {
    if ! cd "$clone" 2>/dev/null; then echo none
    elif trains; then echo running
    elif [ -f run/exit ] && [ -f run/stopped ]; then echo stopped
    elif [ -f run/exit ]; then echo "exit $(cat run/exit)"
    elif [ -f run/pid ]; then echo gone
    else echo none; fi
}

stop() {
    if cd "$clone" 2>/dev/null && trains && kill -TERM "$pid" 2>/dev/null; then
        touch run/stopped
        echo stopping
    else
        echo 'nothing runs'
    fi
}

# end SECONDS: stop, and kill what has not ended then. A host that waits for one that is gone may not come to the end of
# its update.
end() {
    cd "$clone" 2>/dev/null || return 0
    for _ in $(seq 0 "$1"); do
        trains || return 0
        kill -TERM "$pid"
        sleep 1
    done
    ! trains || kill -KILL -- "-$(ps -o pgid= -p "$pid" | tr -d ' ')"
    while trains; do sleep 0.1; done
}

# log LINES: its last ones.
log() { tail -n "$1" "$clone/run/log"; }

none_trains() {
    ! trains || { echo 'error: a run is going on here; stop it first' >&2 && return 1; }
}

# Whether training runs in this clone; sets pid. By its number alone a stranger could be taken for it, above all after
# the machine was started again.
trains() {
    local born
    { read -r pid born <run/pid; } 2>/dev/null && [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ]
}

# birth PID: the start of this machine, and when the process began after it, in ticks of its clock (proc(5)). Fails
# where there is none, or one that has ended and is not yet waited for.
birth() {
    local told fields
    told=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${told##*) }" # from the third on: the second is a name, which may hold anything
    [ "${fields[0]}" != Z ] && echo "$(cat /proc/sys/kernel/random/boot_id) ${fields[19]}"
}
