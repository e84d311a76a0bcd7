"""Code that a config names outside its blocks: the policies of its views, metrics' extractors."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gan_jax.augment import policy as policies
from gan_jax.experiment.blocks import blocks, is_block
from gan_jax.experiment.kinds import EXTRACTOR, SCHEDULE
from gan_jax.experiment.numbers import apart
from gan_jax.runtime import load


def strengths(config: Mapping[str, Any]) -> dict[str, Any]:
    """The strength of every policy of the config that takes one: a number or a schedule's block."""
    return {p: s for _, p, s in _policies(config) if policies.needs_strength(p)}


def strength_keys(config: Mapping[str, Any]) -> dict[str, str]:
    """The key of the config that holds each of `strengths`."""
    return {
        policy: 'augment.strength' if where.startswith('augment.') else f'{where}.strength'
        for where, policy, _ in _policies(config)
        if policies.needs_strength(policy)
    }


def outside(config: Mapping[str, Any]) -> list[str]:
    """The packages that --allow has to name for the commands that read a workdir of this config.

    Args:
        config: nested, without `faults`.
    """
    metrics = list(_named_by_metrics(config))
    texts = [*(policy for _, policy, _ in _policies(config)), *(text for *_, text, _ in metrics)]
    plain, schedules = apart(config)
    named = [(block['fn'], kind) for _, block, kind, _ in blocks(plain)]
    named += [(block['fn'], SCHEDULE) for block in schedules.values()]
    named += [(path, policies.OP) for text in texts for path in policies.paths(text)]
    named += [(path, EXTRACTOR) for *_, path in metrics if path]
    return sorted({package for path, kind in named for package in load.outside(path, kind)})


def policy_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> list[str]:
    """Of every policy of the config, and of one policy with two strengths."""
    wrong, seen = [], {}
    for where, policy, strength in _policies(config):
        try:
            policies.check(policy, 0.0 if is_block(strength) else strength, allow=allow)
        except ValueError as error:
            wrong.append(f'config.{where}: {error}')
            continue
        other, known = seen.setdefault(policy, (where, strength))
        if policies.needs_strength(policy) and known != strength:
            wrong.append(
                f"config.{other} and config.{where} give the policy '{policy}' two strengths, "
                f"{known} and {strength}: write one into the policy, as in 'translation(0.2)'"
            )
    return wrong


def metric_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> Iterator[str]:
    """Of the code that metrics name, as in 'fd5k_test@my_package.function'."""
    for use, metric, policy, path in _named_by_metrics(config):
        try:
            policies.parse(policy, allow=allow)
            if path:
                load.resolve(path, EXTRACTOR, allow)
        except ValueError as error:
            yield f"config.evaluate.{use} names '{metric}': {error}"


def _policies(config: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(where it stands, policy, its strength: number or block) for every policy of the config."""
    augment = config['augment']
    for use in ('real', 'critic', 'view'):
        yield f'augment.{use}', augment[use], augment['strength']
    for name, term in config['terms'].items():
        if 'policy' in term or 'strength' in term:
            policy = term.get('policy') or augment['view']
            yield f'terms.{name}', policy, term.get('strength', augment['strength'])


def _named_by_metrics(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(key of config.evaluate, metric, the policy that it names, the path of its extractor)."""
    for use in ('metrics', 'full'):
        for metric in config['evaluate'][use].split(','):
            name, _, named = metric.partition('@')
            if name == 'leak':
                yield use, metric, named, ''
            elif '.' in named:
                yield use, metric, '', named
