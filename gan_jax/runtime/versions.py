"""Versions of packages and the device, on which results depend beside the code's inputs."""

import functools
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import jax

import gan_jax

PACKAGES = ('gan_jax', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy')
COMPILERS = ('libtpu',)  # named where they are installed


def versions() -> dict[str, str]:
    """Python, packages and device of this process."""
    found = {'python': platform.python_version()}
    for package in (*PACKAGES, *COMPILERS):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            if package in PACKAGES:
                found[package] = 'not installed'
    device = jax.devices()[0]
    return {**found, 'device': f'{device.platform}: {device.device_kind} x {jax.device_count()}'}


@functools.cache
def commit() -> str | None:
    """The commit of a checkout, with '-dirty' if files differ from it; None for a package."""
    root = Path(gan_jax.__file__).parent.parent
    if not (root / '.git').exists():  # else git would find a repository around the environment
        return None
    command = ['git', '-C', str(root), 'describe', '--always', '--dirty', '--exclude=*']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
