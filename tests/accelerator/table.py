"""The results of run.sh as one file, and as a table.

    python tests/accelerator/table.py SCRATCH FOLDER

SCRATCH has parts.tsv, a line for every part that has ended (name, seconds, sentence), and a JSON
file of each part that wrote one. FOLDER gets results.json and table.txt.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]

COLUMNS = ('images/s', 'step', 'loop', 'host gap', 'eager', 'compiled', 'loop/eager')


def collect(scratch: Path) -> dict[str, dict[str, Any]]:
    """The parts in their order: name -> {'seconds', 'ended', 'result': JSON or None}."""
    parts = {}
    for line in (scratch / 'parts.tsv').read_text('utf-8').splitlines():
        name, seconds, ended = line.split('\t')
        file = scratch / f'{name}.json'
        result = json.loads(file.read_text('utf-8')) if file.exists() else None
        if name == 'digits':
            result = evaluations(scratch / 'digits' / 'metrics.jsonl')
        parts[name] = {'seconds': int(seconds), 'ended': ended, 'result': result}
    return parts


def evaluations(log: Path) -> list[dict[str, Any]] | None:
    """The rows of a run's log that hold an evaluation; None if there is no such log."""
    if not log.exists():
        return None
    rows = map(json.loads, log.read_text('utf-8').splitlines())
    return [row for row in rows if 'eval/fd_digits' in row]


def table(parts: Mapping[str, Result]) -> str:
    """One line for each part but those of speed, a table of these, and what was not run."""
    plain = {n: p for n, p in parts.items() if not n.startswith('speed.')}
    speeds = {n.removeprefix('speed.'): p for n, p in parts.items() if n not in plain}
    lines = [f'{name:11s} {said(name, part)}' for name, part in plain.items() if ran(part)]
    if any(map(ran, speeds.values())):
        lines += ['', f'{"":35s}' + ''.join(f'{name:>11s}' for name in COLUMNS)]
        lines += [f'{name:35s}{speed(part)}' for name, part in speeds.items() if ran(part)]
    lines += [f'{name:35s} {part["ended"]}' for name, part in parts.items() if not ran(part)]
    return '\n'.join(lines)


def ran(part: Result) -> bool:
    """True if the part was begun."""
    return not part['ended'].startswith('not run')


def said(name: str, part: Result) -> str:
    """The result of a part in a line, behind it how the part ended if it did not end well."""
    result, good = part['result'], part['ended'] == 'done'
    text = PARTS[name](result) if result else 'no result'
    return f'{text} ({part["seconds"]} s)' if good else f'{text}; {part["ended"]}'


def versions(of: Result) -> str:
    card, found = of['card'], of['versions']
    device = f'{card["name"]}, driver {card["driver_version"]}' if card else found['device']
    packages = {n: found[n] for n in ('python', 'jax', 'jaxlib', 'flax', 'numpy')}
    listed = ', '.join(f'{n} {version}' for n, version in {**packages, **of['libraries']}.items())
    return f'{device}; {listed}; {of["machine"]}; commit {of["commit"] or "unknown"}, {of["time"]}'


def smoke(of: Result) -> str:
    found = of['methods']
    finite = {name: one for name, one in found.items() if one.get('finite')}
    bad = [name for name, one in found.items() if name not in finite]
    text = f'{len(finite)} of {of["of"]} methods finite'
    if bad:
        text += f', not {", ".join(sorted(bad))}'
    if not finite:
        return text
    worst = max(finite, key=lambda name: finite[name]['largest'])
    largest = finite[worst]['largest']
    over = sum(one['largest'] > of['tolerance'] for one in finite.values())
    text += f'; losses of the first step within {largest:.1e} of the CPU ({worst})'
    return f'{text}, {over} beyond {of["tolerance"]:.0e}' if over else text


def tests(of: Result) -> str:
    counts = ', '.join(f'{number} {outcome}' for outcome, number in sorted(of['counts'].items()))
    return f'{counts}: {", ".join(of["failed"][:3])}' if of['failed'] else counts


def digits(rows: list[Result]) -> str:
    last = rows[-1]
    return (
        f'fd_digits {last["eval/fd_digits"]:.2f} at step {last["step"]}, '
        f'{last["eval/modes"]} digits found'
    )


def dispatch(of: Result) -> str:
    found = of['seconds_a_step'].items()
    return '; '.join(f'{n} at once: {duration(one)} a step' for n, one in found)


def population(of: Result) -> str:
    found = of['seconds_a_member_step'].items()
    return '; '.join(
        f'{name}: {duration(one)}, {of["ratio"][name]["median"]:.2f}' for name, one in found
    )


def metrics(of: Result) -> str:
    return ', '.join(
        f'{name} {one["median"]:,.0f} images/s' for name, one in of['inception'].items()
    )


def speed(part: Result) -> str:
    """The cells of a row of speeds."""
    if not part['result']:
        return f' {part["ended"]}'
    of = part['result']['measured']
    against = {name: other for name, other in of['against'].items() if not isinstance(other, str)}
    cells = [
        f'{of["loop"]["images_per_second"]:,.0f}',
        duration(of['step']['seconds']),
        duration(of['loop']['seconds']),
        f'{of["loop"]["host_gap"]["median"]:.1%}',
        *(
            duration(against[name]['seconds']) if name in against else '-'
            for name in ('eager', 'compiled')
        ),
        f'{against["eager"]["loop_over_this"]["median"]:.2f}' if 'eager' in against else '-',
    ]
    return ''.join(f'{cell:>11s}' for cell in cells)


def duration(seconds: Result) -> str:
    median = seconds['median']
    return f'{median:.3g} s' if median >= 1 else f'{1e3 * median:.3g} ms'


PARTS = {
    part.__name__: part for part in (versions, smoke, tests, digits, dispatch, population, metrics)
}


def main(scratch: str, folder: str) -> None:
    parts = collect(Path(scratch))
    text = table(parts)
    print(text)
    Path(folder, 'table.txt').write_text(text + '\n', encoding='utf-8')
    Path(folder, 'results.json').write_text(json.dumps(parts), encoding='utf-8')


if __name__ == '__main__':
    main(*sys.argv[1:])
