# What the scripts of the published runs share: their arguments, the devices, the global batch, the command.
# Read by `source`; a script sets the recipe's numbers first:
#
#   name           of the run, and of its default folder
#   arch           architecture of the plugin; --smoke takes the family's tiny one
#   global_batch   sequences an update, over all devices and accumulated steps
#   device_batch   sequences a GPU or TPU device holds at once, where --device-batch does not say
#   tokens         tokens of a sequence, <s> included
#   updates, warmup
#
# then calls `read_arguments "$@"`, and `train OPTION...` with the rest of the recipe as fairseq-train's options.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
precision=fp32             # of matrix products, where a script or --precision does not say another
matmul_precision=default   # of fp32 products on a TPU
cpu_batch=8 # sequences a CPU process holds at once: more are no faster

fail() {
    echo "error: $1" >&2
    exit "${2:-1}"
}

usage() {
    # the comment a script begins with
    sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"
    cat <<'END'

Options of every script:
  --device cpu|gpu|tpu   default: gpu where torch sees one, else cpu
  --devices N            of this machine; a process each, but one process drives all of a TPU host's; default: every
                         GPU, every device of the TPU host, one on the CPU
  --nodes N --node-rank R --master HOST:PORT
                         several machines: the same command on each, R from 0; the hosts of a TPU pod slice find each
                         other, they need --nodes alone (train_scripts/tpu_pod.sh)
  --device-batch N       sequences a device holds at once; the global batch stays the published one
  --matmul-precision default|high|highest
                         of fp32 products on a TPU, whose units multiply bf16. default: operands are rounded to bf16,
                         sums are fp32: what torch_xla and fairseq did on a TPU when nobody chose, so the likely
                         setting of a paper that says fp32; high: three such passes; highest: six, true fp32, for
                         comparing with a CPU or a GPU. Weights and optimizer are fp32 in all of them
  --updates N            instead of the published number
  --save-dir DIR         checkpoints and logs; a run that is there goes on; default: runs/NAME
  --smoke                the same recipe, made small: the family's tiny size, 20 updates of a few sequences
  --dry-run              print the command and end
  -- OPTION...           for fairseq-train, after the recipe's own, which they replace
END
}

# Sets data, device, devices, smoke, save_dir, update_freq, extra; scales the recipe down for --smoke. A script may name
# options of its own with a value in own_options=(NAME...); they become variables (--peak-lr: peak_lr).
read_arguments() {
    data='' device='' devices='' nodes=1 node_rank=0 master='' save_dir='' smoke=no dry_run=no extra=()
    local given_batch='' given_updates='' own
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --smoke) smoke=yes && shift && continue ;;
            --dry-run) dry_run=yes && shift && continue ;;
            --) shift && extra=("$@") && break ;;
        esac
        if [ "${1#-}" = "$1" ]; then
            [ -z "$data" ] || fail "one DATA, not also $1; options for fairseq-train go behind --" 2
            data=$1
            shift
            continue
        fi
        [ $# -ge 2 ] || fail "$1 wants a value, or is no option here; options for fairseq-train go behind --" 2
        case $1 in
            --device) device=$2 ;;
            --devices) devices=$2 ;;
            --nodes) nodes=$2 ;;
            --node-rank) node_rank=$2 ;;
            --master) master=$2 ;;
            --device-batch) given_batch=$2 ;;
            --matmul-precision) matmul_precision=$2 ;;
            --updates) given_updates=$2 ;;
            --save-dir) save_dir=$2 ;;
            *)
                own=$(printf '%s\n' "${own_options[@]:-}" | grep -Fx -- "${1#--}" || true)
                [ -n "$own" ] || fail "unknown option $1; --help names them, options for fairseq-train go behind --" 2
                printf -v "${own//-/_}" %s "$2"
                ;;
        esac
        shift 2
    done
    [ -n "$data" ] || fail "no DATA: bash $0 DATA [--device cpu|gpu|tpu] ...; --help tells more" 2
    case $matmul_precision in
        default | high | highest) ;;
        *) fail "--matmul-precision $matmul_precision; give default, high or highest" 2 ;;
    esac
    find_environment
    save_dir=${save_dir:-runs/$name}
    choose_devices
    if [ $smoke = yes ]; then
        local sequences=8
        [ "$tokens" -le 1024 ] || sequences=4
        arch=${arch%_*}_tiny global_batch=$((sequences * nodes * devices)) device_batch=2 cpu_batch=2 updates=20 warmup=2
    fi
    [ "$device" = cpu ] && device_batch=$cpu_batch
    device_batch=${given_batch:-$device_batch} updates=${given_updates:-$updates}
    local number
    for number in "$device_batch" "$updates" "$devices" "$nodes"; do
        case $number in '' | *[!0-9]* | 0*) fail "'$number' is no positive number" 2 ;; esac
    done
    [ "$updates" -gt "$warmup" ] || fail "--updates $updates: the warm-up alone takes $warmup" 2
    share_batch
}

# The environment that `make setup`, for a TPU `make setup-xla`, built here, else the one that is active.
find_environment() {
    local folder=.venv made=setup
    [ "$device" = tpu ] && folder=.venv-xla made=setup-xla
    [ -d "$root/$folder/bin" ] && PATH="$root/$folder/bin:$PATH"
    command -v fairseq-train >/dev/null || fail "no fairseq-train here; run make $made, or activate your environment"
}

choose_devices() {
    local seen
    if [ "$device" = tpu ]; then
        choose_tpu_devices
        return
    fi
    seen=$(python -c 'import torch; print(torch.cuda.device_count())' 2>/dev/null) || fail "torch cannot be imported"
    [ -n "$device" ] || { [ "$seen" -gt 0 ] && device=gpu || device=cpu; }
    case $device in
        gpu)
            [ "$seen" -gt 0 ] || fail "--device gpu: torch sees no GPU here"
            devices=${devices:-$seen}
            [ "$devices" -le "$seen" ] || fail "--devices $devices: torch sees $seen GPUs here"
            ;;
        cpu) devices=${devices:-1} ;;
        *) fail "--device $device; give cpu, gpu or tpu" 2 ;;
    esac
    if [ "$nodes" != 1 ] && [ -z "$master" ]; then
        fail "--nodes $nodes needs --master HOST:PORT, the first machine's address" 2
    fi
}

# One process drives all devices of a host. They are counted in a process of its own, as the runtime that counts them
# keeps them to itself while it lives.
choose_tpu_devices() {
    local counted seen hosts
    counted=$(python -m fairseq_hebrew.xla.devices) || exit 1 # it has said why
    read -r seen hosts <<<"$counted"
    devices=${devices:-$seen}
    [ "$devices" = "$seen" ] || fail "--devices $devices: a TPU run takes all of the host's devices, here $seen"
    [ "$nodes" = "$hosts" ] || fail "--nodes $nodes: the devices here are those of $hosts host(s); give --nodes $hosts"
}

# What --precision asks for, as fairseq-train's options: products. Weights and optimizer are fp32 in all of them.
choose_precision() {
    case $precision in
        fp32) products=() ;;
        bf16) products=(--autocast bf16) ;;
        fp8)
            [ "$device" = gpu ] || fail "--precision fp8 is for Hopper GPUs; give fp32 or bf16" 2
            products=(--autocast bf16 --fp8)
            ;;
        *) fail "--precision $precision; give fp32, bf16 or fp8" 2 ;;
    esac
}

# The global batch is the published one exactly, or the run does not start.
share_batch() {
    local at_once=$((device_batch * devices * nodes))
    if [ $((global_batch % at_once)) -ne 0 ]; then
        fail "$devices x $nodes devices with $device_batch sequences each do not divide the batch of $global_batch; \
choose --device-batch or --devices so that their product does" 2
    fi
    update_freq=$((global_batch / at_once))
}

# train OPTION...: runs the recipe. A run that is stopped goes on with the same command.
train() {
    local command=(fairseq-train) rows=$device_batch
    if [ "$device" = tpu ]; then
        rows=$((device_batch * devices)) # of the host's one process, which shares them out
    elif [ "$devices" -gt 1 ] || [ "$nodes" -gt 1 ]; then
        local meet=(--standalone)
        [ "$nodes" -gt 1 ] && meet=(--nnodes "$nodes" --node-rank "$node_rank" --rdzv-backend static
            --master-addr "${master%:*}" --master-port "${master##*:}")
        command=(torchrun "${meet[@]}" --nproc-per-node "$devices" "$(command -v fairseq-train)")
    fi
    command+=("$data" --user-dir "$root/fairseq_hebrew" --task hebrew_masked_lm --criterion hebrew_masked_lm
        --arch "$arch" --tokens-per-sample "$tokens" --batch-size "$rows" --update-freq "$update_freq"
        --max-update "$updates" --save-dir "$save_dir" --log-format json --log-file "$save_dir/train.log"
        --tensorboard-logdir "$save_dir/tensorboard")
    if [ "$device" = cpu ]; then
        command+=(--cpu --num-workers 1)
        [ "$devices" -gt 1 ] || [ "$nodes" -gt 1 ] && command+=(--distributed-backend gloo)
    elif [ "$device" = tpu ]; then
        command+=(--tpu --fixed-shapes --xla-matmul-precision "$matmul_precision" --num-workers 4)
    else
        command+=(--num-workers 4)
    fi
    command+=("$@")
    # Often enough to lose little, and two older ones to fall back to.
    if [ $smoke = yes ]; then
        command+=(--log-interval 1 --save-interval-updates 10 --validate-interval-updates 10 --max-valid-steps 4
            --keep-interval-updates 2 --no-epoch-checkpoints)
    else
        command+=(--log-interval 20 --save-interval-updates 500 --validate-interval-updates 1000
            --keep-interval-updates 3 --no-epoch-checkpoints)
    fi
    command+=("${extra[@]}")
    if [ $dry_run = yes ]; then
        printf '%q ' "${command[@]}"
        echo
        return
    fi
    mkdir -p "$save_dir"
    exec "${command[@]}" # a signal to the script is one to the run
}
