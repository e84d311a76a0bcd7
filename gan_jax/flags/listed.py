"""Names that --help lists: methods, configs, augmentations, metrics."""

import ast
from importlib.util import find_spec
from pathlib import Path

from gan_jax.evaluate.names import NAMES
from gan_jax.experiment import shipped
from gan_jax.experiment.presets import METHODS


def of_configs() -> str:
    """Paragraphs for a command that takes a config."""
    return '\n\n'.join(
        [
            f'Configs that come with gan_jax: {", ".join(shipped.files(shipped.CONFIG))}.',
            f'Methods, as in --config=digits:method=bcr: {", ".join(METHODS)}.',
            f'Augmentations, as in --config.augment.view=translation: {", ".join(ops())}.',
        ]
    )


def of_sweeps() -> str:
    """A paragraph for a command that takes a sweep."""
    return f'Sweeps that come with gan_jax: {", ".join(shipped.files(shipped.SWEEP))}.'


def of_metrics(example: str = '') -> str:
    """A paragraph for a command that takes metrics.

    Args:
        example: of the flag that takes them, '--metrics=fd_digits'.
    """
    flag = f', as in {example}' if example else ''
    return (
        f'Metrics{flag}: {", ".join(NAMES)}. Scores say of how many images, such as fid50k, and '
        'against which split, train or test; fd10k_test@digits is in the features of another '
        'network.'
    )


def ops() -> list[str]:
    """The names of all augmentations, read from the source of the module that imports them.

    To import it would be to import JAX.
    """
    found = find_spec('gan_jax.augment')
    source = Path(found.submodule_search_locations[0], 'ops.py').read_text(encoding='utf-8')
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    return sorted(alias.name for node in imports for alias in node.names)
