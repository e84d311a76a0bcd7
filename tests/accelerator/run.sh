#!/usr/bin/env bash
# Measurements of this code on a borrowed GPU, in eight minutes, the most important first.
#
#   tests/accelerator/run.sh [FOLDER]
#
#   FOLDER    gets results.json, table.txt and log.txt; by default $OUT, else build/accelerator
#   MINUTES   that it may take, 8 by default
#   PARTS     what to run, by how the names begin: PARTS='smoke speed.biggan'; everything by default
#   PYTHON    with JAX; by default that of .venv, else python3
#   WHEELS    a folder of the wheels in wheels.txt, for a machine that lacks some; build/wheels
#
# A part that hangs is ended after its own share of the time. Without a GPU the same parts run on the
# CPU, with small networks: a trial of the script, whose numbers mean nothing.

set -eu

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
here=$root/tests/accelerator
out=${1:-${OUT:-$root/build/accelerator}}
wheels=$(realpath -m "${WHEELS:-$root/build/wheels}")
end=$((${MINUTES:-8} * 60 - 10)) # seconds; the last ten are for the table
python=${PYTHON:-$root/.venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || python=python3

fail() {
    printf 'run.sh: %s\n' "$*" >&2
    exit 69
}

mkdir -p "$out" || fail "cannot make $out: name another folder"
out=$(cd "$out" && pwd -P)
: >"$out/log.txt" || fail "cannot write into $out: name another folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$root"

export PYTHONPATH=$root:$here${PYTHONPATH:+:$PYTHONPATH}
export PYTHONDONTWRITEBYTECODE=1
export XLA_PYTHON_CLIENT_PREALLOCATE=false # PyTorch has its memory on the same card
export JAX_COMPILATION_CACHE_DIR=$scratch/compiled
export COMMIT=${COMMIT:-$(git describe --always --dirty --exclude='*' 2>/dev/null || true)}

# Packages ----------------------------------------------------------------------------------------

# Into a folder of its own: the machine is not ours to change.
bring() {
    "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile \
        --find-links="$wheels" --target="$scratch/site" -r "$here/wheels.txt" >>"$out/log.txt" 2>&1 ||
        echo "run.sh: pip cannot install the wheels of $wheels, see $out/log.txt" >&2
    rm -rf "$scratch/site/tests" # torch-fidelity's own, which would hide ours
    export PYTHONPATH=$PYTHONPATH:$scratch/site
}

look() { # sets $missing, what the package needs, and $absent, what only comparisons need
    { read -r missing && read -r absent; } < <("$python" "$here/missing.py") ||
        fail "$python cannot run $here/missing.py"
}

"$python" -c '' 2>/dev/null || fail "$python does not run: set PYTHON to the Python that has JAX"
look
if [ -n "$missing$absent" ] && [ -d "$wheels" ]; then
    bring
    look
fi
[ -z "$missing" ] ||
    fail "$python lacks $missing: bring the wheels of tests/accelerator/wheels.txt along in $wheels"

lacks() { # MODULE
    case " $absent " in
        *" $1 "*) return 0 ;;
    esac
    return 1
}

# Parts -------------------------------------------------------------------------------------------

chosen() { # NAME
    local beginning
    [ -n "${PARTS:-}" ] && [ "$1" != versions ] || return 0
    for beginning in $PARTS; do
        case $1 in "$beginning"*) return 0 ;; esac
    done
    return 1
}

note() { # NAME SECONDS SENTENCE: how a part ended
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$scratch/parts.tsv"
    printf '%5d s  %s: %s\n' "$SECONDS" "$1" "$3" >&2
    "$python" "$here/table.py" "$scratch" "$out" >/dev/null
}

patience=1 # times LIMIT that a part may take

part() { # NAME LIMIT COMMAND...: if at least half of LIMIT seconds are left
    local name=$1 limit=$(($2 * patience)) left=$((end - SECONDS)) begun=$SECONDS status=0
    chosen "$name" || return 0
    if [ $((2 * left)) -lt "$2" ]; then
        note "$name" 0 'not run: no time'
        return 0
    fi
    shift 2
    [ "$left" -ge "$limit" ] || limit=$left
    printf '\n== %s: %s\n' "$name" "$*" >>"$out/log.txt"
    # A folder of its own: PyTorch trips over a program that an ended part has half written.
    TORCHINDUCTOR_CACHE_DIR=$scratch/$name.torch \
        timeout --kill-after=5 "$limit" "$@" >>"$out/log.txt" 2>&1 </dev/null || status=$?
    case $status in
        0) note "$name" $((SECONDS - begun)) 'done' ;;
        124 | 137) note "$name" $((SECONDS - begun)) "ended after its $limit s" ;;
        *) note "$name" $((SECONDS - begun)) "failed with status $status, see log.txt" ;;
    esac
}

skip() { # NAME SENTENCE
    ! chosen "$1" || note "$1" 0 "not run: $2"
}

part versions 60 "$python" "$here/versions.py" --out="$scratch/versions.json"
if grep -qs '"platform": "gpu"' "$scratch/versions.json"; then
    small=() digits=() population=(--members=8) images=2048 repeats=5
else
    echo 'run.sh: there is no GPU here, so this is a trial with small networks on the CPU' >&2
    small=(--config.batch_size=8) images=8 repeats=1 patience=4
    digits=(--config.{generator,discriminator}.width"=0.0625" --config.{steps,every.evaluate}"=40")
    digits+=(--config.batch_size=8 --config.evaluate.num=200)
    population=(--members=2 --width=0.0625 --batch=8 --repeats=2)
fi
torch=(--against=torch)
if lacks torch; then
    torch=()
    echo 'run.sh: PyTorch is not installed, so nothing is compared with it' >&2
fi

speed() { # NETWORK DTYPE METHOD LIMIT: images a second, and the host gap
    local name=speed.$1.$2.$3 config width=width=0.0625 more=()
    case $1 in
        sndcgan-32) config=cifar10_sndcgan.py ;;
        resnet-32) config=cifar10_resnet.py ;;
        *) config=cifar10_biggan.py width=channels=8 ;;
    esac
    if [ "$1" = biggan-128 ]; then # as many images as bCR and Cntr leave room for, in float32
        more=(--config.data.name=imagenet --config.data.size=128 --config.latent.dim=120
            --config.{generator,logit}.num_classes=1000 --config.batch_size=32)
    fi
    [ ${#small[@]} -eq 0 ] || more+=("${small[@]}" --config.{generator,discriminator}."$width")
    # One step a dispatch: longer ones have a part of their own, and would be compiled here.
    part "$name" "$4" "$python" -m gan_jax.benchmark --whole_only "${torch[@]}" \
        --config="configs/$config:method=$3,augment=translation" --config.dtype="$2" \
        --config.steps_per_dispatch=1 "${more[@]}" --repeats="$repeats" --out="$scratch/$name.json"
}

# The mathematics, by hand or from a reference, where a device rounds and fuses in its own way. Not
# tests/models/test_conv.py, whose subject is the CPU's products on four devices, nor the commands'.
tests=(tests/test_algorithms.py tests/test_step.py tests/test_step_sources.py tests/terms
    tests/augment tests/models --deselect=tests/models/test_conv.py)
fast_tests() {
    local many=()
    if lacks pytest; then
        skip tests 'pytest is not installed'
        return 0
    fi
    lacks xdist || many=(-n 4 --dist loadfile)
    # Full float32 where a GPU would take TF32, or the tolerances would be of no use.
    part tests "$1" env GAN_JAX_TEST_PLATFORM= JAX_DEFAULT_MATMUL_PRECISION=highest \
        RESULT="$scratch/tests.json" "$python" -m pytest -p record -q -m 'not slow' "${many[@]}" \
        "${tests[@]}"
}

metrics() {
    if lacks torch_fidelity; then
        skip metrics 'torch-fidelity is not installed'
        return 0
    fi
    part metrics "$1" "$python" tests/benchmark_metrics.py inception --images="$images" \
        --repeats="$repeats" --out="$scratch/metrics.json"
}

# Nothing is timed in it, so the compiler need not try which of its kernels is the fastest.
part smoke 100 env XLA_FLAGS="${XLA_FLAGS:-} --xla_gpu_autotune_level=0" \
    "$python" "$here/smoke.py" --out="$scratch/smoke.json"
speed sndcgan-32 float32 none 110
part digits 90 "$python" -m gan_jax.train --config=configs/digits.py --workdir="$scratch/digits" \
    "${digits[@]}"
fast_tests 75
speed biggan-32 bfloat16 none 140
part dispatch 75 "$python" "$here/dispatch.py" --out="$scratch/dispatch.json"
part population 60 "$python" tests/benchmark_population.py "${population[@]}" \
    --out="$scratch/population.json"
speed sndcgan-32 float32 bcr_cntr 110
speed resnet-32 float32 none 120
metrics 60
speed biggan-128 bfloat16 none 170
speed sndcgan-32 bfloat16 none 110
speed biggan-32 float32 none 140
speed biggan-32 bfloat16 bcr_cntr 140
speed biggan-128 float32 none 170
speed biggan-128 bfloat16 bcr_cntr 170
speed resnet-32 bfloat16 none 120
speed sndcgan-32 bfloat16 bcr_cntr 110
speed resnet-32 float32 bcr_cntr 120
speed resnet-32 bfloat16 bcr_cntr 120
speed biggan-32 float32 bcr_cntr 140
speed biggan-128 float32 bcr_cntr 170

"$python" "$here/table.py" "$scratch" "$out"
