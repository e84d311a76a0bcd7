"""The model card of an exported generator: README.md, with the metadata that the Hub reads.

The metadata follow the Hugging Face Hub's model cards; each entry is JSON, which YAML includes.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from gan_jax.data.classes import described
from gan_jax.exported.description import Description
from gan_jax.exported.own_code import tops
from gan_jax.runtime.errors import printable

NAME, PICTURE = 'README.md', 'samples.png'
TASK = 'unconditional-image-generation'
USE = """\
```python
import gan_jax

generator = gan_jax.load_generator('FOLDER'{allowed})
images = generator.generate(range(64))  # seeds; uint8 [64, H, W, C]
z = generator.latents(range(8))  # float32 [8, Z]
images = generator.generate(z)
```

`FOLDER` is this folder, or the name of its repository on the Hub. Seed i gives image i of
`python -m gan_jax.sample --workdir=FOLDER`."""
PROGRAM = """\
Without gan_jax, by JAX alone, with latents and labels for {many} images:

```python
import numpy as np
from jax import export

program = export.deserialize(bytearray(open('FOLDER/generator.stablehlo', 'rb').read()))
z = np.random.default_rng(0).normal(size=({size}, {dim})).astype(np.float32)
images = program.call(z, np.zeros({size}, np.int32))
```"""
SHOWN_PROTOCOL = ('num', 'data', 'size', 'reference', 'weights', 'batch_norm', 'labels', 'seed')


class Score(NamedTuple):
    """Metrics that were measured together; see `run.kept_scores.Scores`."""

    source: str
    metrics: Mapping[str, float | None]
    protocol: Mapping[str, Any]


class Card(NamedTuple):
    """All that a card says beside the description.

    Attributes:
        name: of the generator: its folder's.
        license: identifier of the Hub, such as 'apache-2.0'; '' if none is given.
        scores: of its weights.
        parameters: number of its parameters.
        stablehlo_batch: images of a call of its program; None if any number, 0 without a program.
    """

    name: str
    license: str
    scores: Sequence[Score]
    parameters: int
    stablehlo_batch: int | None = 0


def render(card: Card, description: Description) -> str:
    """The text of README.md."""
    parts = [
        _metadata(card, description),
        f'# {_text(card.name)}',
        f'![samples, by seed from 0 on]({PICTURE})',
        _facts(card, description),
        '## Use',
        _use(card, description),
        '## Scores',
        _scores(card.scores),
        '## Origin',
        _origin(description.origin),
        '## Licence',
        _license(card.license),
    ]
    return '\n\n'.join(parts) + '\n'


def count(variables: Mapping[str, Any]) -> int:
    """The number of parameters among a generator's variables."""
    return sum(math.prod(x.shape) for x in jax.tree.leaves(variables.get('params', {})))


def _metadata(card: Card, description: Description) -> str:
    entries: dict[str, Any] = {
        'library_name': 'gan_jax',
        'pipeline_tag': TASK,
        'tags': ['gan', 'gan_jax', 'jax', 'flax'],
    }
    if card.license:
        entries = {'license': card.license, **entries}
    if results := [*_results(card.scores, description)]:
        entries['model-index'] = [{'name': card.name, 'results': results}]
    lines = [f'{key}: {json.dumps(value)}' for key, value in entries.items()]
    return '\n'.join(['---', *lines, '---'])


def _results(scores: Sequence[Score], description: Description) -> Iterator[dict[str, Any]]:
    """An entry of 'model-index' for each set of scores; the protocol is in the metrics' args."""
    for one in scores:
        name = str(one.protocol.get('data', ''))
        metrics = [
            {'type': metric, 'name': metric, 'value': value, 'args': {**one.protocol}}
            for metric, value in one.metrics.items()
            if value is not None
        ]
        if metrics:
            yield {
                'task': {'type': TASK},
                'dataset': {'type': name or 'unknown', 'name': name or 'unknown'},
                'metrics': metrics,
            }


def _facts(card: Card, description: Description) -> str:
    height, width, channels = description.shape
    size = description.generator.get('label_size', 0)
    classes = described(description.class_names, len(description.class_counts), size)
    trained = ', '.join(f'`{one}`' for one in description.origin.get('terms', {}))
    rows = [
        f'- images: {height}x{width}x{channels}, uint8, or [0, 1] as the network makes them',
        f'- network: `{description.generator["fn"]}`, {card.parameters:,} parameters',
        f'- latents: `{description.latent["fn"]}`, {description.latent["dim"]} numbers',
        f'- training data: `{_text(description.origin.get("data", {}).get("name", "unknown"))}`, '
        f'{_text(classes)}',
        f'- weights: `{_text(description.weights)}` of step {description.step:,}',
    ]
    return '\n'.join(rows + ([f'- trained by the terms {_text(trained)}'] if trained else []))


def _use(card: Card, description: Description) -> str:
    names = tops(description.code)
    parts = [USE.format(allowed=f', allow={names!r}' if names else '')]
    if names:
        parts.append(
            f'The network is code of {", ".join(names)}, which lies in `code/` and is run by '
            'loading: read it first.'
        )
    if card.stablehlo_batch != 0:
        many = 'any number of' if card.stablehlo_batch is None else f'{card.stablehlo_batch}'
        size, dim = card.stablehlo_batch or 8, description.latent['dim']
        parts.append(PROGRAM.format(many=many, size=size, dim=dim))
    return '\n\n'.join(parts)


def _scores(scores: Sequence[Score]) -> str:
    """Tables, each beneath its protocol."""
    parts = []
    for one in scores:
        how = ', '.join(f'{k} {one.protocol[k]}' for k in SHOWN_PROTOCOL if k in one.protocol)
        rows = [f'| {_text(name)} | {_number(value)} |' for name, value in one.metrics.items()]
        head = [f'`{one.source}`: {_text(how)}.', '', '| metric | value |', '|---|---|']
        parts.append('\n'.join([*head, *rows]))
    return '\n\n'.join(parts) or 'Nothing was measured of these weights.'


def _origin(origin: Mapping[str, Any]) -> str:
    known = {key: value for key, value in origin.items() if value is not None}
    lines = [f'- {_text(key)}: `{_text(json.dumps(value))}`' for key, value in known.items()]
    return '\n'.join(lines) or 'Nothing is known.'


def _license(name: str) -> str:
    if name:
        return f'`{name}`, as whoever exported the generator says.'
    return 'None was given: ask whoever exported the generator before you use it.'


def _number(value: float | None) -> str:
    return 'not finite' if value is None else f'{value:.6g}'


def _text(words: Any) -> str:
    """Words on one line that do not end a cell of a table."""
    return printable(str(words)).replace('|', '\\|')
