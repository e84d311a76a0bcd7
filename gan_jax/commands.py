"""The commands of gan_jax: `gan_jax COMMAND`, or `python -m gan_jax COMMAND`.

`gan_jax train` is `python -m gan_jax.train`. The flags of a command are in gan_jax/flags/, in a
module of its name.
"""

import os
import runpy
import sys
from typing import NoReturn

from gan_jax.runtime import begin, output
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.nearest import nearest

# A new command is a line here. Its module may be run by `python -m gan_jax.NAME`.
COMMANDS = {
    'train': 'trains the experiment of a config, or goes on with it',
    'sample': 'draws images of a trained run',
    'evaluate': 'scores a trained run, or images without a run',
    'sweep': 'runs a grid of experiments, and makes tables and a figure of them',
    'prepare': 'prepares a data set',
    'project': 'looks for pictures in the w of a trained StyleGAN2 or 3',
    'explore': 'serves a generator to play with in a browser',
    'report': 'shows runs as one page for a browser',
    'export': 'writes a generator into a folder of its own',
    'benchmark': 'measures the cost of a config',
}


def main() -> None:
    """Runs the command that the first of the process's arguments names."""
    begin.command()
    _import_from_here()
    name = sys.argv[1] if len(sys.argv) > 1 else '--help'
    if name in COMMANDS:
        del sys.argv[1]
        runpy.run_module(f'gan_jax.{name}', run_name='__main__', alter_sys=True)
    elif name in ('-h', '--help'):
        output.show(listed())
    else:
        from gan_jax.runtime import cli

        cli.read(lambda arguments: _refuse(name))


def _import_from_here() -> None:
    """Lets configs name modules of the current folder, as `python -m` does."""
    here = os.getcwd()
    if not (sys.flags.safe_path or {'', here} & {*sys.path}):
        sys.path.insert(0, here)


def listed() -> str:
    """The commands and what they do, a line each."""
    lines = [f'  {name:<10} {purpose}' for name, purpose in COMMANDS.items()]
    return '\n'.join(
        [
            'usage: gan_jax COMMAND [--help] ...',
            '',
            'GANs with augmentation, consistency and contrastive regularisation, in JAX.',
            '',
            *lines,
            '',
            'gan_jax COMMAND --help lists what a command takes. A first run, in minutes on a CPU:',
            '',
            '  gan_jax train --config=digits --workdir=workdirs/digits',
        ]
    )


def _refuse(name: str) -> NoReturn:
    hint = nearest(name, COMMANDS) or f'; there are {", ".join(COMMANDS)}'
    raise UserError(f"gan_jax has no command '{name}'{hint}")
