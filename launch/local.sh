#!/bin/sh
# Trains on this machine: makes the environment where it is missing, then runs the training program.
#
#   launch/local.sh --config=configs/digits.py --workdir=workdirs/digits [--config.steps=500 ...]
#
# Relative paths start where you stand. VENV and PYTHON are those of launch/setup.sh.

set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
sh "$root/launch/setup.sh" core
exec "${VENV:-$root/.venv}/bin/python" -m gan_jax.train "$@"
