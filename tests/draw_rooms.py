"""Draws docs/rooms.svg, the rooms of gan_jax/ and the imports between them.

    python -m tests.draw_rooms

An import that a chain of others implies is not drawn; all are listed in the file, and
tests/test_rooms.py compares that list with the source. Equal source gives equal bytes.
"""

import itertools
import json
from collections.abc import Collection, Iterable, Mapping
from html import escape

from tests.imports import COMMANDS, FLOOR, FLOORS, ROOT, graph, modules, room

PICTURE = ROOT / 'docs' / 'rooms.svg'
# A description of each room, on one line.
WORDS = {
    'runtime': 'devices, files, errors',
    'keys': 'random keys by name',
    'labels': 'labels of fakes',
    'profiles': 'averages of averages',
    'extractors': 'trained, frozen networks',
    'latents': 'distributions of z',
    'augment': 'ops and policies',
    'data': 'data sets, batches',
    'models': 'networks',
    'schedules': 'numbers over time',
    'freezing': 'what never moves',
    'views': 'what D looks at',
    'terms': 'losses, one idea a file',
    'networks': 'networks of terms',
    'losses': 'losses as functions',
    'routing': 'views to terms',
    'critique': 'the joint pass of D',
    'state': 'the tree of training',
    'running_means': 'of a log window',
    'accumulation': 'a batch in parts',
    'control': 'numbers of states',
    'synthesis': 'one call of G',
    'metric': 'contract of a metric',
    'gan': 'networks and options',
    'sources': 'real and fake images',
    'players': "both players' losses",
    'step': 'the algorithm',
    'sampling': 'images from a generator',
    'experiment': 'config to program',
    'evaluate': 'metrics',
    'exported': 'a generator alone',
    'instances': 'neighbourhoods',
    'run': 'one run in its workdir',
    'reports': 'runs as a page',
    'sweeps': 'grids of runs',
    'benchmark': 'time and memory',
    'api': 'for your own programs',
    'explorer': 'a page to play with',
    'testing': 'contracts for your parts',
    'flags': 'what a command takes',
    'commands': 'all, by name',
    '__main__': 'gan_jax COMMAND',
    'train': 'command',
    'sample': 'command',
    'project': 'command',
    'explore': 'command',
    'sweep': 'command',
    'prepare': 'command',
    'report': 'command',
    'export': 'command',
    'evaluate.__main__': 'command',
    'benchmark.__main__': 'command',
}
COLOURS = ('#fde8c8', '#dcecf9', '#dff2e1', '#efe4f7')  # commands, around, algorithm, ground
AROUND = ('sampling', 'experiment', 'evaluate', 'exported', 'run', 'reports', 'sweeps')
AROUND += ('benchmark', 'api', 'explorer', 'flags', 'commands', 'testing')
WIDTH, HEIGHT, LANE, GAP, STOREY, MARGIN = 158, 46, 16, 16, 92, 34

Arrow = tuple[str, str]
Place = tuple[str, int]  # a room or the lane of arrows to a room, and the floor


def node(module: str) -> str:
    """The room of a module; a command that lies in a folder is a room of its own."""
    name = module.removeprefix('gan_jax.')
    return name if name in COMMANDS else room(module)


def arrows() -> set[Arrow]:
    """(room, room that it imports), for all modules of the package."""
    found = {(node(a), node(b)) for a, others in graph(modules()).items() for b in others}
    return {(a, b) for a, b in found if a != b and a and b}


def rooms_of_package() -> list[str]:
    """All rooms, commands included, by name."""
    return sorted({node(name) for name in modules()} - {''})


def reduced(found: Collection[Arrow]) -> list[Arrow]:
    """The arrows without those that a chain of others implies; there is no circle."""
    below: dict[str, set[str]] = {}
    for a, b in sorted(found):
        below.setdefault(a, set()).add(b)

    def reached(start: str) -> set[str]:
        return set().union(*({b} | reached(b) for b in below.get(start, ())))

    return [
        (a, b) for a, b in sorted(found) if not any(b in reached(c) for c in below[a] if c != b)
    ]


def floors_of(rooms: Iterable[str]) -> dict[str, int]:
    """The floor of each room, from below; commands, and what has no floor, are on the highest."""
    highest = len(FLOORS) - 1
    return {one: highest if one in COMMANDS else FLOOR.get(one, highest) for one in rooms}


def chains(drawn: Collection[Arrow], floor: Mapping[str, int]) -> dict[Arrow, list[Place]]:
    """For each arrow the places that it passes; arrows to one room share its lane."""
    ways = {}
    for a, b in drawn:
        step = -1 if floor[b] < floor[a] else 1
        between = [(f'>{b}', level) for level in range(floor[a] + step, floor[b], step)]
        ways[a, b] = [(a, floor[a]), *between, (b, floor[b])]
    return ways


def neighbours(ways: Mapping[Arrow, list[Place]]) -> dict[Place, set[Place]]:
    """The places that arrows join to each place."""
    found: dict[Place, set[Place]] = {}
    for way in ways.values():
        for one, two in itertools.pairwise(way):
            found.setdefault(one, set()).add(two)
            found.setdefault(two, set()).add(one)
    return found


def width(place: Place) -> int:
    """Of a room or of a lane, in pixels."""
    return LANE if place[0].startswith('>') else WIDTH


def spread(row: list[Place], wanted: Mapping[Place, float]) -> dict[Place, float]:
    """Centres near the wanted ones, in their order, with a gap between."""
    row = sorted(row, key=lambda p: (wanted[p], p))
    left, x = [], float('-inf')
    for one in row:
        x = max(wanted[one], x + width(one) / 2)
        left.append(x)
        x += width(one) / 2 + GAP
    right, x = [], float('inf')
    for one in reversed(row):
        x = min(wanted[one], x - width(one) / 2)
        right.append(x)
        x -= width(one) / 2 + GAP
    return {p: (a + b) / 2 for p, a, b in zip(row, left, reversed(right), strict=True)}


def pull(place: Place) -> float:
    """The weight of the middle of the picture, at 0, among the wishes of a place."""
    return 0 if place[0].startswith('>') else 0.4


def centres(places: Collection[Place], near: Mapping[Place, set[Place]]) -> dict[Place, float]:
    """The horizontal centre of each place: near the mean of those that it is joined to."""
    rows = [sorted(p for p in places if p[1] == level) for level in range(len(FLOORS))]
    x = {p: 10.0 * (i - len(row) / 2) for row in rows for i, p in enumerate(row)}
    for turn in range(60):
        for row in rows if turn % 2 else reversed(rows):
            mean = {p: (sum(x[q] for q in near[p])) / (len(near[p]) + pull(p)) for p in row}
            x |= spread(row, mean)
    first = min(x[p] - width(p) / 2 for p in places)
    return {p: round(value - first + MARGIN, 1) for p, value in x.items()}


def top(level: int) -> int:
    """The upper edge of the rooms of a floor."""
    return MARGIN + (len(FLOORS) - 1 - level) * STOREY


def curve(way: list[Place], x: Mapping[Place, float]) -> str:
    """The path of an arrow: upright at each place that it passes."""
    up = way[-1][1] > way[0][1]
    edges = [(x[p], top(p[1]), top(p[1]) + HEIGHT) for p in way]
    parts = [f'M{edges[0][0]} {edges[0][1] if up else edges[0][2]}']
    for i in range(1, len(edges)):
        (a, high, low), (b, upper, lower) = edges[i - 1], edges[i]
        start, end = (high, lower) if up else (low, upper)
        end += (5 if up else -5) if i == len(edges) - 1 else 0
        middle = (start + end) / 2
        parts.append(f'C{a} {middle} {b} {middle} {b} {end}')
        if i < len(edges) - 1:
            parts.append(f'L{b} {upper if up else lower}')
    return ' '.join(parts)


def colour(name: str) -> str:
    """Of a room: commands, what surrounds the algorithm, the algorithm, the ground floors."""
    if name in COMMANDS:
        return COLOURS[0]
    return COLOURS[1 if name in AROUND else 3 if FLOOR[name] < 2 else 2]


def box(place: Place, x: float) -> str:
    """A room: its name and what it is."""
    name, level = place
    y, label = top(level), name.removesuffix('.__main__')
    folder = (ROOT / 'gan_jax' / name).is_dir()
    return (
        f'<rect x="{x - WIDTH / 2}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7" '
        f'fill="{colour(name)}" stroke="#5b6770"/>'
        f'<text x="{x}" y="{y + 20}" class="name">{label}{"/" if folder else ""}</text>'
        f'<text x="{x}" y="{y + 36}">{escape(WORDS[name])}</text>'
    )


def svg() -> str:
    """The picture, with all rooms and arrows listed in its metadata."""
    found, rooms = arrows(), rooms_of_package()
    floor = floors_of(rooms)
    ways = chains(reduced(found), floor)
    places = {place for way in ways.values() for place in way} | {*floor.items()}
    x = centres(places, neighbours(ways))
    wide = round(max(x[p] + width(p) / 2 for p in places) + MARGIN)
    high = top(0) + HEIGHT + MARGIN
    listed = json.dumps({'rooms': rooms, 'arrows': sorted(found)})
    up = {way: 'up' if floor[way[1]] > floor[way[0]] else 'down' for way in ways}
    lines = [f'<path class="{up[way]}" d="{curve(ways[way], x)}"/>' for way in ways]
    boxes = [box(place, x[place]) for place in sorted(floor.items())]
    return '\n'.join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}">',
            '<title>The rooms of gan_jax/ and the imports between them</title>',
            f'<metadata>{escape(listed)}</metadata>',
            '<style>text{font:12px Helvetica,Arial,sans-serif;text-anchor:middle;fill:#36454f}'
            '.name{font-weight:bold;font-size:14px;fill:#111}'
            'path{fill:none;stroke:#7b8894;stroke-width:1.4;marker-end:url(#tip)}'
            '.up{stroke:#c0392b;stroke-dasharray:5 3}</style>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" '
            'style="fill:#55606a;stroke:none;marker-end:none"/></marker></defs>',
            f'<rect width="{wide}" height="{high}" fill="#fff"/>',
            *lines,
            *boxes,
            '</svg>\n',
        ]
    )


if __name__ == '__main__':
    PICTURE.write_text(svg(), encoding='utf-8')
