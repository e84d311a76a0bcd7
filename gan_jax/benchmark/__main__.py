"""The command that measures the cost of a config: `python -m gan_jax.benchmark`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.benchmark')

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
from gan_jax.flags.benchmark import parse
from gan_jax.runtime import cli, output, signals, workdir
from gan_jax.runtime.errors import UNWRITABLE, UserError
from gan_jax.runtime.progress import bar
from gan_jax.runtime.versions import commit, versions


def main(arguments: Sequence[str]) -> int:
    """Measures one config."""
    flags, overrides = parse(arguments)
    settings = json.loads(config.load_config(flags.config, overrides).to_json())
    if flags.plan:
        compiled = read_compiled(flags.compiled or (), settings)
        report = plan_report(flags.config, settings, flags.plan, share_of(flags.share), compiled)
        output.show(report)
        output.result(plan=report.splitlines())
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
    output.show(table(result))
    output.result(**result)
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
        output.show(compiled_table(flags.config, results[-1]))
        output.result(compiled=results)
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
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot write --out={out}: {error.strerror}', UNWRITABLE) from error


def _write(out: Path, result: dict) -> None:
    try:
        workdir.write_json(out, result)
    except OSError as error:
        raise UserError(f'cannot write --out={out}: {error.strerror}', UNWRITABLE) from error


if __name__ == '__main__':
    cli.run(main)
