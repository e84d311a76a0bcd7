#!/bin/sh
# Trains on a Cloud TPU, on all of its workers, and goes on when a spot TPU is taken away.
#
#   launch/tpu_vm.sh train --config=configs/digits.py --workdir=workdirs/digits
#   launch/tpu_vm.sh delete
#
# `train` is create, install and run, again after each preemption; it ends when the run does, and can
# be typed again at any time. `create`, `install` and `run ...` are its parts. TPUs cost money until
# `delete`. gcloud must be logged in and have a project.
#
#   BUCKET    gs://... : workdirs are copied there and back, because a TPU's disk goes with it
#   TPU       the name of the TPU and of its request, gan-jax by default
#   ZONE, TYPE, RUNTIME    us-west4-a, v5litepod-16, v2-alpha-tpuv5-lite by default
#   SPOT      1 by default: cheap, and taken away at any time; 0 asks for one that stays
#   DRY_RUN   1 prints the commands instead

set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
tpu=${TPU:-gan-jax}
zone=--zone=${ZONE:-us-west4-a}
pause=${PAUSE:-60} # seconds between two looks at a TPU, or two attempts
attempts=100       # to run, preemptions included
asked=''
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT

fail() {
    printf 'gan_jax: %s\n' "$*" >&2
    exit 1
}

# The arguments as a shell reads them.
quoted() {
    for word; do
        printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
    done
}

# gcloud, or what would be called.
cloud() {
    if [ "${DRY_RUN:-0}" = 1 ]; then
        echo "gcloud $(quoted "$@")"
    else
        gcloud "$@"
    fi
}

on_all() {
    cloud compute tpus tpu-vm ssh "$tpu" "$zone" --worker=all --command="$1"
}

# ACTIVE, SUSPENDED (it was taken away), FAILED, ...; nothing where nobody has asked for it.
state() {
    if [ "${DRY_RUN:-0}" = 1 ]; then
        [ -z "$asked" ] || echo ACTIVE
        return
    fi
    gcloud compute tpus queued-resources describe "$tpu" "$zone" \
        --format='value(state.state)' 2>/dev/null || true
}

ask() {
    asked=yes
    set --
    [ "${SPOT:-1}" = 0 ] || set -- --spot
    cloud compute tpus queued-resources create "$tpu" --node-id="$tpu" "$zone" \
        --accelerator-type="${TYPE:-v5litepod-16}" \
        --runtime-version="${RUNTIME:-v2-alpha-tpuv5-lite}" "$@"
}

delete() {
    cloud compute tpus queued-resources delete "$tpu" "$zone" --force --quiet
}

# Waits until there is a TPU.
create() {
    while :; do
        now=$(state)
        case $now in
            ACTIVE) return ;;
            '') ask ;;
            SUSPENDED) delete ;;
            FAILED) fail "the request for $tpu has failed: gcloud compute tpus queued-resources" \
                "describe $tpu $zone says why; then $0 delete" ;;
            *) echo "gan_jax: $tpu is $now" >&2 && sleep "$pause" ;;
        esac
    done
}

# The checkout as git sees it, without environments, data and workdirs.
install() {
    (cd "$root" && git ls-files -z --cached --others --exclude-standard |
        tar --null --files-from=- -czf "$archive") &&
        cloud compute tpus tpu-vm scp "$archive" "$tpu:gan_jax.tgz" "$zone" --worker=all &&
        on_all 'mkdir -p gan_jax && tar -xzf gan_jax.tgz -C gan_jax &&
            sh gan_jax/launch/tpu_worker.sh install'
}

run() {
    on_all "BUCKET=$(quoted "$BUCKET")sh gan_jax/launch/tpu_worker.sh train $(quoted "$@")"
}

train() {
    while [ "$attempts" -gt 0 ]; do
        create
        status=0
        { install && run "$@"; } || status=$?
        case $status in
            0) return ;;
            # What a second attempt would meet as well: gan_jax has said what to do.
            2 | 65 | 66 | 69 | 70 | 73 | 74 | 75) exit "$status" ;;
        esac
        attempts=$((attempts - 1))
        echo "gan_jax: status $status; once more in $pause s" >&2
        sleep "$pause"
    done
    fail "$tpu does not finish: see what was said above"
}

command=${1:-}
[ "$#" = 0 ] || shift
case $command in
    run | train)
        [ -n "${BUCKET:-}" ] || fail 'set BUCKET=gs://NAME/FOLDER: workdirs are kept there'
        "$command" "$@"
        ;;
    create | install | delete) "$command" ;;
    *) fail "tpu_vm.sh takes train, create, install, run or delete, not '$command'" ;;
esac
