#!/bin/sh
# Makes the virtual environment of this checkout, or brings it up to date, from python3 and pip.
#
#   launch/setup.sh core    what training needs: requirements.lock
#   launch/setup.sh dev     that, and what the tests and linters need: requirements-dev.lock
#
#   VENV          the folder of the environment; .venv in the checkout by default
#   PYTHON        the interpreter to build it on; by default the first that is new enough
#   ACCELERATOR   cuda12, cuda13 or tpu: adds what JAX needs for it, in the version of the lock
#
# A stamp in the environment keeps a checksum of the lock files, so that a second call does nothing.

set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
venv=${VENV:-$root/.venv}
wanted=${1:-core}

fail() {
    printf 'gan_jax: %s\n' "$*" >&2
    exit 1
}

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Sets $python: the first candidate that runs and is new enough.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python
    fi
    old=''
    for python in "$@"; do
        if new_enough "$python"; then
            return
        fi
        found=$(version "$python") && old="${old:-$python is Python $found}"
    done
    if [ -n "$old" ]; then
        fail "$old, but 3.11 or newer is needed: install one, or set PYTHON to its path"
    fi
    fail "no $1 here: install Python 3.11 or newer, or set PYTHON to its path"
}

# pip of the environment; -I hides PYTHONPATH and the user's own packages, which would otherwise
# stand in for locked ones.
pip() {
    "$venv/bin/python" -I -m pip --disable-pip-version-check "$@"
}

make_venv() {
    find_python
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments: install its venv module" \
            "(Debian and Ubuntu: apt install python$(version "$python")-venv)"
    # --clear empties the folder: only an environment whose Python is gone may lose what is in it.
    if [ ! -e "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then
        fail "$venv holds other files than a virtual environment's: set VENV to another folder"
    fi
    "$python" -m venv --clear "$venv" ||
        fail "cannot make $venv: set VENV to a folder that can be written"
}

# setuptools goes first, and builds what has no wheel: pip would otherwise fetch one without a hash.
install() {
    sed -n '/^setuptools==/,/[^\\]$/p' "$1" >"$venv/setuptools.lock" &&
        pip install --no-compile --require-hashes -r "$venv/setuptools.lock" &&
        pip install --no-compile --require-hashes --no-build-isolation --use-pep517 -r "$1" &&
        pip install --no-index --no-deps --no-build-isolation -e "$root" &&
        accelerate
}

# Gigabytes of libraries that a laptop does without, and the lock too: their hashes are not checked.
accelerate() {
    [ -z "${ACCELERATOR:-}" ] ||
        pip install --no-compile "jax[$ACCELERATOR]==$(
            "$venv/bin/python" -I -c 'import importlib.metadata as m; print(m.version("jax"))'
        )"
}

case $wanted in
    core) lock=$root/requirements.lock ;;
    dev) lock=$root/requirements-dev.lock ;;
    *) fail "setup.sh takes core or dev, not '$wanted'" ;;
esac

# The path is in the sum because the environment refers to the checkout by it.
sum=$({
    echo "$root${ACCELERATOR:+ $ACCELERATOR}"
    cat "$root"/requirements*.lock "$root/setup.py"
} | cksum)
stamp=$(cat "$venv/gan_jax.stamp" 2>/dev/null || true)

if [ -n "${PYTHON:-}" ] && [ -x "$venv/bin/python" ]; then
    [ "$(version "$PYTHON")" = "$(version "$venv/bin/python")" ] ||
        fail "$venv is built on another Python than $PYTHON: remove it, or set VENV to another folder"
fi
if version "$venv/bin/python" >/dev/null; then
    case $stamp in
        "$wanted $sum" | "dev $sum") exit 0 ;;
    esac
fi

if ! version "$venv/bin/python" >/dev/null; then
    make_venv
elif ! new_enough "$venv/bin/python"; then
    fail "$venv is built on a Python older than 3.11: remove it, or set VENV to another folder"
elif ! pip --version >/dev/null 2>&1; then
    "$venv/bin/python" -m ensurepip >/dev/null || fail "$venv has no pip, and none can be added"
fi
echo "gan_jax: installing $(grep -c '^[a-z].*==' "$lock") packages into $venv, about a minute" >&2
rm -f "$venv/gan_jax.stamp"
if ! install "$lock" >"$venv/install.log" 2>&1; then
    tail -n 5 "$venv/install.log" >&2
    fail "pip failed: check the network, then run this again (its log: $venv/install.log)"
fi
# On all cores at once, where pip would take one; some packages hold files that do not compile.
"$venv/bin/python" -I -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || true
echo "$wanted $sum" >"$venv/gan_jax.stamp"
