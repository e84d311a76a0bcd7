"""The files of each module whose tests are tried, and the test files of each file."""

import ast
from pathlib import Path

from tests.edited import ROOT

STEP = (
    'tests/test_step_sources.py',
    'tests/test_step_errors.py',
    'tests/test_algorithms.py',
    'tests/test_step.py',
    'tests/test_step_constraints.py',
    'tests/test_step_mixing.py',
)
# Of a file the test files that concern it, the likeliest to notice first, then the cheapest. A
# file that is not named here has the one of its name.
TESTS = {
    'gan_jax/step.py': (*STEP, 'tests/test_accumulation.py', 'tests/test_freezing.py'),
    'gan_jax/players.py': STEP,
    'gan_jax/sources.py': STEP,
    'gan_jax/control.py': ('tests/test_control.py',),
    'gan_jax/synthesis.py': ('tests/test_synthesis.py', 'tests/test_step_sources.py'),
    'gan_jax/terms/ada.py': ('tests/test_control.py',),
    'gan_jax/terms/fields.py': ('tests/testing/test_terms.py', 'tests/test_networks.py'),
    'gan_jax/critique.py': ('tests/test_critique.py', 'tests/test_step_sources.py'),
    'gan_jax/views.py': ('tests/test_views.py', 'tests/terms/test_rotation.py'),
    'gan_jax/state.py': ('tests/test_state.py', 'tests/test_step.py'),
    'gan_jax/running_means.py': ('tests/test_state.py',),
    'gan_jax/runtime/checkpoint.py': ('tests/runtime/test_checkpoint.py', 'tests/test_resume.py'),
    'gan_jax/experiment/config.py': (
        'tests/experiment/test_config.py',
        'tests/experiment/test_base.py',
        'tests/test_configs.py',
        'tests/test_trust.py',
        'tests/test_train.py',
    ),
    'gan_jax/experiment/blocks.py': ('tests/experiment/test_config.py', 'tests/test_trust.py'),
    'gan_jax/experiment/named_code.py': ('tests/experiment/test_config.py', 'tests/test_trust.py'),
    'gan_jax/runtime/load.py': (
        'tests/runtime/test_load.py',
        'tests/experiment/test_config.py',
        'tests/test_trust.py',
    ),
    'gan_jax/experiment/generator.py': ('tests/experiment/test_encoding.py',),
    'gan_jax/experiment/feed.py': (
        'tests/experiment/test_feed.py',
        'tests/test_dispatch.py',
        'tests/test_routing.py',
    ),
    'gan_jax/runtime/leaves.py': ('tests/runtime/test_checkpoint.py', 'tests/test_resume.py'),
    'gan_jax/data/sampler.py': ('tests/data/test_sampler.py', 'tests/data/test_stream.py'),
    'gan_jax/terms/__init__.py': ('tests/test_step_errors.py', 'tests/terms/test_contract.py'),
    'gan_jax/augment/boxes.py': ('tests/augment/test_mixing.py',),
    'gan_jax/augment/operation.py': ('tests/augment/test_policy.py',),
    'gan_jax/augment/detail.py': ('tests/augment/test_tones.py',),
    'gan_jax/augment/draws.py': (
        'tests/augment/test_draws.py',
        'tests/augment/test_simclr.py',
        'tests/augment/test_colour.py',
        'tests/augment/test_branches.py',
    ),
    'gan_jax/augment/lookup.py': ('tests/augment/test_policy.py', 'tests/augment/test_grammar.py'),
    'gan_jax/augment/ops.py': ('tests/augment/test_policy.py',),
    'gan_jax/models/layers.py': (
        'tests/models/test_layers.py',
        'tests/models/test_remat.py',
        'tests/models/test_biggan.py',
        'tests/models/test_biggan_deep.py',
    ),
    'gan_jax/evaluate/__main__.py': ('tests/test_sample.py', 'tests/run/test_best.py'),
    'gan_jax/evaluate/arrays.py': ('tests/evaluate/test_references.py',),
    'gan_jax/evaluate/context.py': (
        'tests/evaluate/test_scores.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/digit_metrics.py': (
        'tests/evaluate/test_protocol.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/discriminator.py': (
        'tests/evaluate/test_protocol.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/features.py': (
        'tests/evaluate/test_protocol.py',
        'tests/evaluate/test_features.py',
    ),
    'gan_jax/evaluate/leak/classifier.py': ('tests/evaluate/leak/test_meter.py',),
    'gan_jax/evaluate/leak/meter.py': (
        'tests/evaluate/leak/test_meter.py',
        'tests/evaluate/leak/test_metric.py',
    ),
    'gan_jax/evaluate/neighbours.py': (
        'tests/evaluate/test_prdc.py',
        'tests/evaluate/test_dimension.py',
    ),
    'gan_jax/evaluate/numbered.py': (
        'tests/evaluate/test_perceptual_path.py',
        'tests/evaluate/test_equivariance.py',
    ),
    'gan_jax/augment/__init__.py': ('tests/api/test_augmenting.py',),
    'gan_jax/evaluate/image_command.py': ('tests/evaluate/test_image_scores.py',),
    'gan_jax/evaluate/score_metrics.py': ('tests/evaluate/test_scores.py',),
    'gan_jax/evaluate/published.py': (
        'tests/evaluate/test_inception.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/curve.py': ('tests/evaluate/test_curve.py', 'tests/test_sample.py'),
    'gan_jax/evaluate/clip.py': ('tests/evaluate/test_vit.py',),
    'gan_jax/evaluate/dinov2.py': ('tests/evaluate/test_vit.py',),
    'gan_jax/evaluate/pretrained.py': ('tests/evaluate/test_vit.py',),
    'gan_jax/evaluate/rows.py': (
        'tests/evaluate/test_kernel.py',
        'tests/evaluate/test_prdc.py',
        'tests/evaluate/test_diversity.py',
        'tests/evaluate/test_geometry.py',
        'tests/evaluate/test_probes.py',
    ),
    'gan_jax/evaluate/protocol.py': (
        'tests/evaluate/test_protocol.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/leak/metric.py': (
        'tests/evaluate/leak/test_metric.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/scores.py': (
        'tests/evaluate/test_scores.py',
        'tests/evaluate/test_names.py',
        'tests/evaluate/test_checks.py',
    ),
    'gan_jax/evaluate/state_dict_pickle.py': ('tests/evaluate/test_torchfile.py',),
    'gan_jax/evaluate/train_digits_net.py': ('tests/evaluate/test_features.py',),
    'gan_jax/evaluate/weights.py': (
        'tests/evaluate/test_inception.py',
        'tests/evaluate/test_scores.py',
        'tests/evaluate/test_checks.py',
    ),
}

# What holds for every member of a family is tested for all of them in one file.
FAMILIES = {
    'gan_jax/terms': ('tests/terms/test_contract.py',),
    'gan_jax/augment': ('tests/augment/test_references.py', 'tests/augment/test_operation.py'),
}

MODULES = ('step', 'players', 'critique', 'views', 'state', 'runtime/checkpoint')
MODULES += ('experiment/config', 'runtime/load', 'experiment/feed', 'data/sampler')
MODULES += ('terms', 'augment', 'models/layers', 'evaluate')


def sources(module: str) -> dict[str, str]:
    """The text of every file of a module or package of `MODULES`, by its path in the checkout."""
    place = ROOT / 'gan_jax' / module
    files = sorted(place.rglob('*.py')) if place.is_dir() else [place.with_suffix('.py')]
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in files}
    # A docstring alone has nothing to change.
    return {path: text for path, text in texts.items() if ast.parse(text).body[1:]}


def suite_of(path: str) -> tuple[str, ...]:
    """The test files that are to notice a mutant of a file, in the order in which they run."""
    family = FAMILIES.get(str(Path(path).parent), ())
    return tuple(dict.fromkeys((*TESTS.get(path, (_mirrored(path),)), *family)))


def _mirrored(path: str) -> str:
    file = Path(path)
    return str(Path('tests', *file.parts[1:-1], f'test_{file.name}'))
