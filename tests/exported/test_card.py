"""The model card: what the Hub reads, and what a person does."""

import json

import pytest

from gan_jax.exported import card
from gan_jax.exported.description import Description

DESCRIPTION = Description(
    generator={'fn': 'gan_jax.models.dcgan.Generator'},
    latent={'fn': 'gan_jax.latents.normal', 'dim': 64},
    shape=(32, 32, 3),
    class_counts=(1, 1),
    class_names=['cat', 'a|b\nc'],
    dtype='float32',
    batch_norm='moving',
    weights='ema',
    step=5000,
    code={},
    weights_sha256='0' * 64,
    origin={'data': {'name': 'pets', 'sha256': '1' * 64}, 'terms': ['adversarial', 'bcr']},
)
SCORES = [
    card.Score(
        'results/a.json',
        {'fid10k_test': 12.345678, 'odd': None},
        {'num': 10_000, 'data': 'pets', 'weights': 'ema', 'reference_digest': '2' * 64},
    )
]


def rendered(description=DESCRIPTION, **changed):
    given = dict(name='pets-bcr', license='mit', scores=SCORES, parameters=1_234_567)
    return card.render(card.Card(**{**given, **changed}), description)


def head_of(text):
    """The metadata; JSON in each line, which YAML includes."""
    lines = text.split('---\n')[1].splitlines()
    return {key: json.loads(value) for key, value in (line.split(': ', 1) for line in lines)}


def test_the_metadata_name_task_licence_and_scores_with_their_protocol():
    head = head_of(rendered())
    assert (head['license'], head['library_name']) == ('mit', 'gan_jax')
    assert head['pipeline_tag'] == 'unconditional-image-generation'
    (model,) = head['model-index']
    (result,) = model['results']
    assert (model['name'], result['dataset']['name']) == ('pets-bcr', 'pets')
    (metric,) = result['metrics']  # one that was not finite is left out
    assert (metric['type'], metric['value']) == ('fid10k_test', 12.345678)
    assert metric['args'] == SCORES[0].protocol


def test_an_origin_that_is_not_known_is_no_line():
    origin = {'commit': None, 'seed': 0}
    text = rendered(DESCRIPTION._replace(origin=origin))
    assert '- seed: `0`' in text and 'commit' not in text


def test_without_licence_and_scores_the_card_says_so():
    text = rendered(license='', scores=[])
    assert {'license', 'model-index'} & head_of(text).keys() == set()
    assert 'Nothing was measured' in text and 'None was given: ask' in text


def test_the_tables_are_whole_lines():
    text = rendered()
    assert '| fid10k_test | 12.3457 |' in text and '| odd | not finite |' in text
    assert 'num 10000, data pets, weights ema.' in text
    assert '1,234,567 parameters' in text and 'step 5,000' in text
    assert 'a\\|b\\nc' in text  # a class cannot break a line or a cell
    assert 'trained by the terms `adversarial`, `bcr`' in text


@pytest.mark.parametrize(('batch', 'size'), [(None, 8), (16, 16)])
def test_the_program_is_shown_with_inputs_that_it_takes(batch, size):
    text = rendered(stablehlo_batch=batch)
    assert f'size=({size}, 64)' in text and f'np.zeros({size}, np.int32)' in text
    assert 'stablehlo' not in rendered()


def test_rows_of_label_vectors_are_not_called_classes():
    generator = {**DESCRIPTION.generator, 'label_size': 40}
    text = rendered(DESCRIPTION._replace(generator=generator, class_names=None))
    assert '`pets`, label vectors of 40 numbers' in text and 'classes' not in text
