"""A StyleGAN2 under truncation, through the public commands: pictures, and curves of scores."""

import json

import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax import sample
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.runtime.errors import UserError
from tests import styled

pytestmark = [pytest.mark.usefixtures('quick'), pytest.mark.slow]

LAYERS = 4  # with a w of their own, at 8 pixels
METRICS = 'fd200_test@digits', 'is200@digits'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    return styled.trained(tmp_path_factory.mktemp('styled'), 4, decay=0.5, rate=1.0)


def scored(trained, *flags):
    """The results of an evaluation, by the psi of each."""
    folder = trained / 'results'
    before = {*folder.glob('*')}
    asked = f'--metrics={",".join(METRICS)}'
    assert evaluate.main([f'--workdir={trained}', '--allow=tests', asked, *flags]) == 0
    files = [path for path in folder.glob('*.json') if path not in before]
    found = [json.loads(path.read_text()) for path in files]
    return {one['protocol'].get('psi'): one for one in found}


def curve(trained, name):
    """The rows of a table, each a dictionary of numbers."""
    names, *rows = (trained / 'results' / f'{name}.csv').read_text().splitlines()
    Image.open(trained / 'results' / f'{name}.png').verify()
    return [dict(zip(names.split(','), map(float, row.split(',')), strict=True)) for row in rows]


def test_a_curve_of_psi_has_the_scores_of_the_truncated_images(trained, tmp_path):
    found = scored(trained, '--psi=1,0.5')
    rows = curve(trained, 'step_4_psi')
    assert rows == [{'psi': psi, **found[psi]['metrics']} for psi in (0.5, 1.0)]
    assert scored(trained)[None]['metrics'] == found[1.0]['metrics']  # which truncates nothing
    assert all(found[0.5]['metrics'][name] != found[1.0]['metrics'][name] for name in METRICS)
    # Images of the other command, scored without the run.
    out = [f'--out={tmp_path / "drawn"}', '--num=200', '--psi=0.5']
    assert sample.main([f'--workdir={trained}', '--allow=tests', *out]) == 0
    images = [f'--images={tmp_path / "drawn"}', '--against=digits', f'--metrics={METRICS[1]}']
    assert evaluate.main([*images, '--size=8', f'--out={tmp_path / "scores.json"}']) == 0
    alone = json.loads((tmp_path / 'scores.json').read_text())['metrics']
    assert alone[METRICS[1]] == pytest.approx(found[0.5]['metrics'][METRICS[1]], rel=1e-5)


def test_layers_of_psi_reach_scores_their_protocol_and_their_files(trained):
    whole = scored(trained, '--psi=0.3')[0.3]
    found = scored(trained, '--psi=0.3,1', '--psi_layers=2')
    assert {one['protocol']['psi_layers'] for one in found.values()} == {2}
    rows = curve(trained, 'step_4_psi_2_layers')
    assert rows == [{'psi': psi, **found[psi]['metrics']} for psi in (0.3, 1.0)]
    assert found[0.3]['metrics'] != whole['metrics'] != found[1.0]['metrics']
    every = scored(trained, '--psi=0.3', f'--psi_layers={LAYERS}')[0.3]
    assert every['metrics'] == whole['metrics'] and 'psi_layers' not in whole['protocol']


def test_layers_of_psi_in_pictures_are_those_of_generate(trained, tmp_path):
    generator = gan_jax.load_generator(trained, allow=['tests'])
    pictures = {}
    for layers in (1, 3, LAYERS):
        out = tmp_path / f'{layers}'
        flags = [f'--out={out}', '--num=3', '--psi=0.2', f'--psi_layers={layers}']
        assert sample.main([f'--workdir={trained}', '--allow=tests', *flags]) == 0
        drawn = [np.asarray(Image.open(out / f'{i}.png')) for i in range(3)]
        pictures[layers] = np.stack(drawn)[..., None]
        made = generator.generate(range(3), psi=0.2, psi_layers=layers)
        np.testing.assert_array_equal(pictures[layers], made)
    assert not np.array_equal(pictures[1], pictures[3])
    np.testing.assert_array_equal(pictures[LAYERS], generator.generate(range(3), psi=0.2))


@pytest.mark.parametrize('flags', [[], ['--truncation=2']])
def test_layers_without_psi_are_refused(flags, trained, tmp_path):
    said = 'psi_layers is 2, and there is no psi for them: give both'
    with pytest.raises(UserError, match=said):
        scored(trained, '--psi_layers=2', *flags)
    with pytest.raises(UserError, match=said):
        out = f'--out={tmp_path / "drawn"}'
        sample.main([f'--workdir={trained}', '--allow=tests', out, '--psi_layers=2', *flags])
