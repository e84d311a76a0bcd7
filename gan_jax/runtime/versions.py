"""Versions of packages and the device, on which results depend beside the code's inputs."""

import platform
from importlib import metadata

import jax

PACKAGES = ('gan_jax', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy')


def versions() -> dict[str, str]:
    """Python, packages and device of this process."""
    found = {'python': platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = 'not installed'
    device = jax.devices()[0]
    return {**found, 'device': f'{device.platform}: {device.device_kind} x {jax.device_count()}'}
