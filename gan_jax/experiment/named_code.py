"""Code that a config names outside its blocks: the policies of its views, metrics' extractors."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from gan_jax.augment import policy as policies
from gan_jax.experiment.blocks import blocks, is_block, metric_blocks
from gan_jax.experiment.kinds import EXTRACTOR, SCHEDULE
from gan_jax.experiment.numbers import apart
from gan_jax.runtime import brackets, load


class Amount(NamedTuple):
    """A number that a policy is called with.

    Attributes:
        key: of the config.
        value: a number, or a schedule's block.
    """

    key: str
    value: Any


class Use(NamedTuple):
    """A policy of the config, and the numbers that it is called with.

    Attributes:
        where: its key in the config.
        policy: the text.
        amounts: 'strength' and 'probability'.
    """

    where: str
    policy: str
    amounts: Mapping[str, Amount]


TWO = {
    'strength': ('strengths', 'translation(0.2)'),
    'probability': ('probabilities', 'p(0.8, translation)'),
}


def amounts(config: Mapping[str, Any], kind: str) -> dict[str, Amount]:
    """The numbers of one kind, 'strength' or 'probability', of every policy that takes one."""
    return {
        use.policy: use.amounts[kind]
        for use in _policies(config)
        if policies.NEEDS[kind](use.policy)
    }


def outside(config: Mapping[str, Any]) -> list[str]:
    """The packages that --allow has to name for the commands that read a workdir of this config.

    Args:
        config: nested, without `faults`.
    """
    metrics = list(_named_by_metrics(config))
    texts = [*(use.policy for use in _policies(config)), *(text for *_, text, _ in metrics)]
    plain, schedules = apart(config)
    named = [(block['fn'], kind) for _, block, kind, _ in blocks(plain)]
    named += [(block['fn'], SCHEDULE) for block in schedules.values()]
    named += [(path, policies.OP) for text in texts for path in policies.paths(text)]
    named += [(path, EXTRACTOR) for *_, path in metrics if path]
    return sorted({package for path, kind in named for package in load.outside(path, kind)})


def policy_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> list[str]:
    """Of every policy of the config, and of one policy with two strengths or probabilities."""
    wrong, seen = [], {}
    for use in _policies(config):
        given = {kind: amount.value for kind, amount in use.amounts.items()}
        try:
            numbers = {kind: 0.0 if is_block(value) else value for kind, value in given.items()}
            policies.check(use.policy, **numbers, allow=allow)
        except ValueError as error:
            wrong.append(f'config.{use.where}: {error}')
            continue
        if 'autoencoder' in config['data']:
            wrong += _colour_faults(use, allow)
        other, known = seen.setdefault(use.policy, (use.where, given))
        for kind, (words, example) in TWO.items():
            if policies.NEEDS[kind](use.policy) and known[kind] != given[kind]:
                wrong.append(
                    f"config.{other} and config.{use.where} give the policy '{use.policy}' two "
                    f'{words}, {known[kind]} and {given[kind]}: write one into the policy, as in '
                    f"'{example}'"
                )
    return wrong


def _colour_faults(use: Use, allow: Collection[str] | None) -> Iterator[str]:
    """Of a policy where the networks see codes."""
    if wrong := policies.of_colours(use.policy, allow=allow):
        yield (
            f"config.{use.where}: '{wrong[0]}' is for images in [0, 1], and with "
            'config.data.autoencoder the networks see codes: take augmentations that move or cover '
            'places, such as flip, translation, zoom_in, cutout, ada_bg'
        )


def metric_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> Iterator[str]:
    """Of the code that metrics name, as in 'fd5k_test@my_package.function'."""
    for use, metric, policy, path in _named_by_metrics(config):
        try:
            policies.parse(policy, allow=allow)
            if path:
                load.resolve(path, EXTRACTOR, allow)
        except ValueError as error:
            yield f"config.evaluate.{use} names '{metric}': {error}"
    yield from _interval_faults(config)


def _policies(config: Mapping[str, Any]) -> Iterator[Use]:
    """Every policy of the config."""
    augment = config['augment']
    common = {kind: Amount(f'augment.{kind}', augment[kind]) for kind in policies.NEEDS}
    for use in ('real', 'critic', 'view'):
        yield Use(f'augment.{use}', augment[use], common)
    for name, term in config['terms'].items():
        own = {
            kind: Amount(f'terms.{name}.{kind}', term[kind])
            for kind in policies.NEEDS
            if kind in term
        }
        if own or 'policy' in term:
            policy = term.get('policy') or augment['view']
            yield Use(f'terms.{name}', policy, {**common, **own})


def modules(metrics: str) -> list[str]:
    """The modules of the code that names of metrics hold, such as --metrics gives them."""
    named = []
    for _, policy, path in _code_of(metrics):
        with contextlib.suppress(ValueError):  # a policy that is none is refused when it is read
            named += [path] if path else policies.paths(policy)
    return [path.rpartition('.')[0] for path in named]


def _interval_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """Of blocks of metrics: their names, and a metric that stands in another place too."""
    own = metric_blocks(config)
    for name in own:
        if not name.isidentifier():
            yield f"config.evaluate has a block '{name}': name it by letters, digits and _ alone"
    names = [(name, name) for name, block in own.items() if 'fn' in block]
    names += [(use, metric) for use, metric, *_ in _named_by_metrics(config)]
    seen: dict[str, str] = {}
    for use, metric in names:
        other = seen.setdefault(metric, use)
        if metric and other != use and {use, other} != {'metrics', 'full'}:
            yield (
                f"config.evaluate.{other} and config.evaluate.{use} both measure '{metric}': leave "
                'it out of one'
            )


def _named_by_metrics(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(key of config.evaluate, metric, its policy or '', the path of its extractor or '')."""
    asked = config['evaluate']
    texts = {use: asked[use] for use in ('metrics', 'full')}
    for name, block in metric_blocks(config).items():
        if 'fn' not in block:
            texts[f'{name}.metrics'] = block['metrics']
    for use, text in texts.items():
        yield from ((use, *one) for one in _code_of(text))


def _code_of(metrics: str) -> Iterator[tuple[str, str, str]]:
    """(metric, its policy or '', the path of its extractor or '') of each name."""
    for metric in brackets.split(metrics, ','):
        name, _, named = metric.partition('@')
        is_policy = name == 'leak'
        yield metric, named if is_policy else '', '' if is_policy or '.' not in named else named
