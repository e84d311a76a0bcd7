"""A machine whose programs are scripts that stand in for them, to run launch/ on."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent

# A Python of version $VERSION that can do what $BROKEN does not name, and notes what it was asked.
PYTHON = r"""#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in
    *'print('*) echo "$VERSION" ;;
    *'version_info < (3, 11)'*) case $VERSION in 2.* | 3.[0-9] | 3.10) exit 1 ;; esac ;;
    *ensurepip*) [ "$BROKEN" != venv ] ;;
    '-m venv '*)
        [ "$BROKEN" != folder ] || exit 1
        for venv; do :; done
        mkdir -p "$venv/bin" && touch "$venv/pyvenv.cfg" && cp "$0" "$venv/bin/python" ;;
    *'pip '*'--version') [ ! -e "$LOG.no-pip" ] ;;
    '-m ensurepip') rm "$LOG.no-pip" ;;
    *gan_jax.train*) printf '[%s]' "$@" >>"$LOG" ;;
    *' install '*-e*) ;;
    *' install '*) [ "$BROKEN" != network ] || { echo 'ERROR: no route' >&2; exit 1; } ;;
esac
"""

TOOLS = ('sh', 'cat', 'cksum', 'cp', 'dirname', 'grep', 'ls', 'mkdir', 'rm', 'sed', 'tail', 'touch')


class Machine:
    """A checkout in a folder with a space in its name, and a PATH on which `python` is ours."""

    def __init__(self, folder: Path, python: str = 'python3'):
        self.root, self.log, self.bin = folder / 'a checkout', folder / 'log', folder / 'bin'
        self.bin.mkdir()
        shutil.copytree(ROOT / 'launch', self.root / 'launch')
        for name in ('setup.py', 'requirements.lock', 'requirements-dev.lock'):
            shutil.copy(ROOT / name, self.root)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        if python:
            self.add(python)

    def add(self, name: str, text: str = PYTHON) -> None:
        (self.bin / name).unlink(missing_ok=True)  # or a link's own target would be written
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, script: str, *args: str, version='3.11', broken='', **environment: str):
        self.log.write_text('')
        return subprocess.run(
            ['sh', str(self.root / 'launch' / script), *args],
            env={
                **{'PATH': str(self.bin), 'LOG': str(self.log), 'HOME': '/nonexistent'},
                **{'VERSION': version, 'BROKEN': broken, **environment},
            },
            cwd=self.bin.parent,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def calls(self, word: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if word in line]
