#!/bin/sh
# What launch/tpu_vm.sh calls on every worker of a TPU, in the checkout that it has copied there.
#
#   launch/tpu_worker.sh install
#   BUCKET=gs://... launch/tpu_worker.sh train --config=FILE --workdir=DIR [...]
#
# The workdir comes from BUCKET before training, and goes there every minute and in the end. A copy
# that was cut off is a damaged checkpoint, which gan_jax notices and passes over.

set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"

# A TPU's Python may be too old, and its user may not install another one: uv brings one.
install() {
    python3 -m pip install --quiet --user uv
    python3 -m uv python install --quiet 3.12
    PYTHON=$(python3 -m uv python find 3.12) ACCELERATOR=tpu sh launch/setup.sh core
}

# Only the process that writes the workdir has its lock.
upload() {
    [ ! -e "$workdir/.lock" ] ||
        gcloud storage rsync --recursive --delete-unmatched-destination-objects \
            --exclude='\.lock$' "$workdir" "$BUCKET/$workdir" >/dev/null 2>&1 ||
        echo "gan_jax: cannot copy $workdir to $BUCKET" >&2
}

# All or nothing: a run that began anew by mistake would replace the one in the bucket.
download() {
    if found=$(gcloud storage ls "$BUCKET/$workdir/" 2>&1); then
        mkdir -p "$workdir.part"
        gcloud storage rsync --recursive "$BUCKET/$workdir" "$workdir.part" >/dev/null
        mv "$workdir.part" "$workdir"
        return
    fi
    case $found in
        *'matched no objects'*) ;;
        *) printf '%s\n' "$found" >&2 && exit 1 ;;
    esac
}

train() {
    workdir=''
    for argument; do
        case $argument in --workdir=*) workdir=${argument#--workdir=} ;; esac
    done
    case $workdir in
        '' | /*) echo 'gan_jax: give --workdir=DIR, a path below the checkout' >&2 && exit 2 ;;
    esac
    [ -e "$workdir" ] || download

    # sleep may outlast the loop: what reads this output must not wait for it.
    while sleep "${PAUSE:-60}" >/dev/null 2>&1; do upload; done &
    uploads=$!
    # A worker that is shut down is told so here too, and has to upload what the run then saves. Not
    # sooner: the loop would begin with this trap, and might lose the signal that ends it.
    trap : TERM
    status=0
    .venv/bin/python -m gan_jax.train --cluster=detect "$@" || status=$?
    kill "$uploads" 2>/dev/null || true
    wait "$uploads" 2>/dev/null || true
    upload
    exit "$status"
}

command=${1:-}
[ "$#" = 0 ] || shift
case $command in
    install | train) "$command" "$@" ;;
    *) echo "gan_jax: tpu_worker.sh takes install or train, not '$command'" >&2 && exit 2 ;;
esac
