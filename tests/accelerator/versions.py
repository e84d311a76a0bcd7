"""The card, its driver and all versions on which a number of run.sh depends, as JSON.

python tests/accelerator/versions.py --out=FILE.json
"""

import argparse
import json
import os
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path

import jax

from gan_jax.runtime.versions import versions

# The libraries between JAX or PyTorch and the card.
LIBRARIES = re.compile(r'(jax-cuda.*|torch|triton|nvidia-(cudnn|cuda-runtime|cublas|nccl).*)')
QUERY = ('name', 'driver_version', 'memory.total', 'clocks.max.sm', 'power.limit')


def libraries() -> dict[str, str]:
    """Versions of PyTorch and of the libraries of CUDA that Python brings along."""
    found = {x.metadata['Name'].lower(): x.version for x in metadata.distributions()}
    return {name: found[name] for name in sorted(found) if LIBRARIES.fullmatch(name)}


def card() -> dict[str, str]:
    """The first card, by its driver; {} if there is no driver."""
    command = ['nvidia-smi', f'--query-gpu={",".join(QUERY)}', '--format=csv,noheader']
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return {}
    first = done.stdout.splitlines()[0].split(', ')
    return dict(zip(QUERY, first, strict=False))


def everything() -> dict[str, object]:
    """All of it, as JSON."""
    return {
        'platform': jax.default_backend(),
        'versions': versions(),
        'libraries': libraries(),
        'card': card(),
        'machine': f'{platform.machine()}, {os.cpu_count()} cores',
        'commit': os.environ.get('COMMIT') or None,
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, required=True)
    flags = parser.parse_args()
    found = everything()
    print(json.dumps(found, indent=1))
    flags.out.write_text(json.dumps(found))


if __name__ == '__main__':
    main()
