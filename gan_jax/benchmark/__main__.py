"""The cost of a config on this machine: python -m gan_jax.benchmark --config=FILE

Prints speed, work, memory and the cost of every term and augmentation; --out writes all numbers.
--plan measures nothing: it prints a forecast for the devices of a table. --compile_for compiles the
step for devices that need not be here, and prints what their compiler says of it; --compiled puts
these numbers into a plan.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import functools
import json
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from gan_jax.benchmark import baselines
from gan_jax.benchmark.compilers.compile import compile_for
from gan_jax.benchmark.compilers.table import table as compiled_table
from gan_jax.benchmark.compilers.targets import TABLE, read_targets
from gan_jax.benchmark.measure import NO_BASELINES, measure
from gan_jax.benchmark.planning.programs import read_compiled
from gan_jax.benchmark.planning.report import plan_report, share_of
from gan_jax.benchmark.table import table
from gan_jax.benchmark.workload import Settings, form_of, images_of, make_workload
from gan_jax.experiment import config, memory
from gan_jax.experiment.flags import config_parser, parse_config
from gan_jax.runtime import cli, signals, workdir
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.progress import bar
from gan_jax.runtime.ranges import Choice, Integer
from gan_jax.runtime.versions import commit, versions

# Flags that mean nothing without another.
PARTNERS = {'share': 'plan=TABLE', 'compiled': 'plan=TABLE', 'devices': 'compile_for=DEVICE'}


def main(arguments: Sequence[str]) -> int:
    """Measures one config."""
    flags, overrides = _parse(arguments)
    settings = json.loads(config.load_config(flags.config, overrides).to_json())
    if flags.plan:
        compiled = read_compiled(flags.compiled or (), settings)
        print(plan_report(flags.config, settings, flags.plan, share_of(flags.share), compiled))
        return os.EX_OK
    if flags.out:
        _refuse_unwritable(flags.out)
    if flags.compile_for:
        return _compile(flags, arguments, settings)
    torch = baselines.torch(settings) if flags.against == 'torch' else None
    dataset, real = images_of(settings)
    whole = make_workload(settings, dataset)
    memory.check_memory(whole.program.shapes)
    asked = {
        **_asked(flags, arguments, whole.settings),
        'images': {
            'source': dataset.name if real else f"random, as if '{dataset.name}'",
            'shape': dataset.images.shape[1:],
        },
        'repeats': flags.repeats,
        'devices': whole.mesh.size,
        'load': os.getloadavg()[0],
    }
    compared = (
        functools.partial(baselines.torch_baselines, torch, whole)
        if torch
        else lambda: NO_BASELINES
    )
    options = {'parts': not flags.whole_only, 'baselines': compared, 'progress': bar}
    result = {**asked, 'measured': measure(whole, flags.repeats, **options)}
    signals.check()
    print(table(result))
    if flags.out:
        _write(flags.out, result)
    return os.EX_OK


def _compile(flags: argparse.Namespace, arguments: Sequence[str], settings: Settings) -> int:
    """Compiles for every target; the first results are printed before the last is begun."""
    jax.config.update('jax_platforms', 'cpu')  # a compiler takes no device
    dataset, _ = form_of(settings)
    results = []
    for target in read_targets(flags.compile_for, flags.devices or TABLE):
        with bar(f'compiling for {target.name}'):
            results.append(compile_for(settings, dataset, target))
        signals.check()
        print(compiled_table(flags.config, results[-1]), flush=True)
        if flags.out:
            asked = _asked(flags, arguments, settings)
            _write(flags.out, {**asked, 'compiled': results})
    return os.EX_OK


def _asked(
    flags: argparse.Namespace, arguments: Sequence[str], settings: Settings
) -> dict[str, Any]:
    return {
        'config': flags.config,
        'command': shlex.join(['python', '-m', 'gan_jax.benchmark', *arguments]),
        'settings': settings,
        'versions': versions(),
        'commit': commit(),
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }


def _refuse_unwritable(out: Path) -> None:
    """Raises where nothing can be written, before anything is measured."""
    if out.is_dir():
        raise UserError(f'cannot write --out={out}: it is a folder', UNWRITABLE)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot write --out={out}: {error.strerror}', UNWRITABLE) from error


def _write(out: Path, result: dict) -> None:
    try:
        workdir.write_json(out, result)
    except OSError as error:
        raise UserError(f'cannot write --out={out}: {error.strerror}', UNWRITABLE) from error


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = config_parser('benchmark', __doc__)
    parser.add_argument(
        '--against',
        metavar='torch',
        type=cli.within(Choice(('torch',))),
        help="PyTorch's step in the same turns",
    )
    parser.add_argument(
        '--repeats',
        type=cli.within(Integer(1, 1000)),
        default=9,
        metavar='N',
        help='turns of each',
    )
    parser.add_argument(
        '--whole_only',
        action='store_true',
        help='the step alone, minutes sooner: nothing of its terms and augmentations',
    )
    parser.add_argument('--out', type=cli.path, metavar='FILE.json', help='for all numbers')
    parser.add_argument(
        '--plan',
        metavar='TABLE[:DEVICE,...]',
        type=cli.path_text,
        help='such as configs/devices.toml:H100',
    )
    parser.add_argument(
        '--share',
        metavar='NUMBER|FILE.json',
        type=cli.path_text,
        help="of a device's peak, for --plan",
    )
    parser.add_argument(
        '--compiled',
        metavar='FILE.json,...',
        type=cli.paths,
        help='what --compile_for has written to --out, for --plan',
    )
    parser.add_argument(
        '--compile_for',
        type=cli.named,
        metavar='DEVICE[:SHAPE],...',
        help='such as v5e:2x2,H100: compile for them, and run nothing',
    )
    parser.add_argument(
        '--devices',
        type=cli.path,
        metavar='TABLE',
        help='with the devices of --compile_for, by default configs/devices.toml',
    )
    flags, overrides = parse_config(parser, arguments)
    if flags.plan and (flags.against or flags.out):
        parser.error('--plan measures nothing: leave out --against and --out')
    if flags.compile_for and (flags.against or flags.plan):
        parser.error('--compile_for measures nothing: leave out --against and --plan')
    for name, other in PARTNERS.items():
        if getattr(flags, name) and not getattr(flags, other.partition('=')[0]):
            parser.error(f'--{name} is for --{other}')
    return flags, overrides


if __name__ == '__main__':
    cli.run(main)
