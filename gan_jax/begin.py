"""What a command does first: importing JAX takes seconds, in which much can happen."""

from gan_jax import signals, streams


def command() -> None:
    """Has output never fail and signals remembered from here on, in this whole process."""
    streams.hold()
    signals.arm()
