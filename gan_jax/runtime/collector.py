"""The garbage collector while a command imports its packages, and afterwards."""

import gc


def rest() -> None:
    """Lets the garbage collector rest until `resume`."""
    gc.disable()


def resume() -> None:
    """Ends the rest: the garbage collector passes over all that exists by now.

    It is a million objects of modules, which never become garbage. To look through them during the
    imports, later and once more at the exit takes half a second, a third of a short command.
    """
    gc.freeze()
    gc.enable()
