"""Scores of images without a run: equal to a run's metrics, or refused where they mean nothing."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax import data
from gan_jax.evaluate import (
    __main__,
    features,
    frechet,
    image_scores,
    inception,
    kernel,
    prdc,
    protocol,
    rows,
    sliced_wasserstein,
    spectrum,
)
from gan_jax.evaluate.image_scores import OF_IMAGES, score
from gan_jax.runtime import cli
from gan_jax.runtime.errors import MISSING, UNWRITABLE, UserError


def digits(split='train', count=None):
    return data.load('digits', split=split).images[:count]


def noisy(count=200):
    noise = np.random.default_rng(0).integers(0, 40, (count, 16, 16, 1))
    return np.clip(digits(count=count) + noise, 0, 255).astype(np.uint8)


def folder(path, images):
    path.mkdir(parents=True)
    for i, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(path / f'{i:04d}.png')
    return path


def looked_at(images):
    return features.digits(images).features


# Values ------------------------------------------------------------------------------------------


def test_the_values_are_those_of_the_metrics_and_have_floors_of_two_halves(tmp_path):
    fake, real = noisy(), digits(count=300)
    asked = 'fd200@digits,kd200@digits,pr200@digits,swd200,spectrum200'
    found = score(fake, folder(tmp_path / 'reals', real), asked, tmp_path)
    values, (x, y) = found['metrics'], map(looked_at, (fake, real))
    halves = rows.halves(y)
    by_hand = {
        'fd200@digits': frechet.distance(*map(frechet.moments, (x, y))),
        'fd200@digits_floor': frechet.distance(*map(frechet.moments, halves)),
        'kd200@digits': kernel.kid(x, y),
        'kd200@digits_floor': kernel.kid(*halves),
        'precision200@digits': prdc.precision_recall(y, x)['precision'],
    }
    assert {k: values[k] for k in by_hand} == pytest.approx(by_hand, rel=1e-5)
    some = real[rows.spaced(300, 200)]
    assert values['swd200'] == sliced_wasserstein.distances(some, fake)[16]
    assert values['swd200_floor'] == sliced_wasserstein.distances(*rows.halves(some))[16]
    assert 0 < values['spectrum200_floor'] < values['spectrum200']
    told = found['protocol']['scores']['fd200@digits']
    assert told['reference'] == 'train, 300 images' and told['floor'].startswith('two halves')
    assert found['protocol']['pixels']['swd200']['floor'].startswith('two halves')
    assert found['protocol']['scored']['drawn'] == 'all'
    assert list((tmp_path / 'references').iterdir())  # features of the reference are kept
    json.dumps(found, allow_nan=False)


def test_spectra_are_kept_by_whom_asks_for_them():
    fake, kept = noisy(100), {}
    found = score(fake, 'digits', 'spectrum100', keep=kept.__setitem__)
    assert found == score(fake, 'digits', 'spectrum100')
    assert all(type(value) is float for value in found['metrics'].values())
    scale = spectrum.scale_of(digits()[rows.spaced(1437, 100)])
    assert kept['spectrum100_profiles'].values['generated'] == [*spectrum.profile(fake, scale)]


def test_the_floor_of_a_data_set_is_that_of_a_run():
    found = score(noisy(), 'digits', 'fd_digits,kd200_test@digits,fd200_train@digits')
    train, test = (looked_at(digits(split)) for split in ('train', 'test'))
    floor = frechet.distance(*map(frechet.moments, (test, train)))
    values = found['metrics']
    assert values['fd_digits_floor'] == pytest.approx(floor)
    assert values['fd200_train@digits_floor'] == pytest.approx(floor)
    assert values['kd200_test@digits_floor'] == pytest.approx(kernel.kid(train, test))
    told = found['protocol']['scores']
    assert told['kd200_test@digits']['floor'] == 'the split train'
    assert told['kd200_test@digits']['reference'] == 'test, 360 images'


def test_too_few_reals_for_a_floor_have_none():
    """63 images in 64 features are mostly bias; a kernel distance has none."""
    values = score(noisy(), digits(count=126), 'fd200@digits,kd200@digits')['metrics']
    assert 'fd200@digits_floor' not in values and 'kd200@digits_floor' in values
    values = score(noisy(), digits(count=126), 'fd200_biased@digits')['metrics']
    assert 'fd200_biased@digits_floor' in values


def test_a_metric_of_some_takes_them_at_random():
    """The first images of a folder may all be of one class."""
    fake = noisy()
    found = score(fake, 'digits', 'kd50@digits')
    again = score(fake, 'digits', 'kd50@digits')
    assert found == again
    first = kernel.kid(looked_at(fake[:50]), looked_at(digits()))
    assert found['metrics']['kd50@digits'] != pytest.approx(first)
    assert found['protocol']['scored']['drawn'].startswith('at random')


def test_grey_images_in_three_channels_are_compared_as_grey_ones(tmp_path):
    fake = noisy(80)
    grey = score(fake, 'digits', 'kd80@digits')
    colour = score(np.repeat(fake, 3, axis=3), 'digits', 'kd80@digits')
    assert colour['metrics'] == grey['metrics']
    assert 'three equal channels' in colour['protocol']['scored']['notes'][0]
    red = fake * np.array([1, 0, 0], np.uint8)
    found = score(red, 'digits', 'swd80')  # the digits become colour
    assert 'digits' in (note := found['protocol']['scored']['notes'][0])
    assert note.endswith('is grey: it is given three equal channels')
    by_hand = sliced_wasserstein.distances(
        np.repeat(digits()[rows.spaced(1437, 80)], 3, axis=3), red
    )
    assert found['metrics']['swd80'] == by_hand[16]


def wide_and_square(path):
    rng = np.random.default_rng(0)
    wide = folder(path / 'wide', rng.integers(0, 256, (20, 20, 30, 3)).astype(np.uint8))
    return wide, folder(path / 'square', rng.integers(0, 256, (20, 24, 24, 3)).astype(np.uint8))


@pytest.mark.parametrize(('size', 'flag'), [(16, '16'), ((16, 24), '16x24')])
def test_size_crops_and_resizes_both(size, flag, tmp_path):
    pair, out = wide_and_square(tmp_path), tmp_path / 'scores.json'
    found = score(*pair, 'swd20', size=size)
    a, b = (data.load(str(path), size=size).images for path in pair)
    distances = sliced_wasserstein.distances(b, a)
    assert found['metrics']['swd20'] == sum(distances.values()) / len(distances)
    flags = f'--images={pair[0]}', f'--against={pair[1]}', f'--size={flag}', f'--out={out}'
    assert command(*flags, '--metrics=swd20') == 0
    written = json.loads(out.read_text())
    assert written['metrics'] == found['metrics']
    assert written['protocol']['scored']['size'] == found['protocol']['scored']['size']


def test_without_a_size_images_are_taken_as_they_are(tmp_path):
    """Those of a set have one size; pixels compare where it is that of both."""
    wide, square = wide_and_square(tmp_path)
    found, images = score(wide, wide, 'swd20'), data.load(str(wide)).images
    assert found['metrics']['swd20'] == sliced_wasserstein.distances(images, images)[20]
    assert found['protocol']['scored']['side'] == [20, 30]
    with pytest.raises(UserError, match='--size=N'):
        score(wide, square, 'swd20')
    Image.new('RGB', (16, 16)).save(wide / 'other.png')
    with pytest.raises(UserError, match='images of different sizes'):
        score(wide, square, 'kd21@digits')


def test_inception_resizes_two_sizes_as_the_name_says(tmp_path, small_inception, monkeypatch):
    """It is told the custom of each score, and the protocol names it."""
    asked = []

    def means(variables, x, *, interpolation, layers):
        asked.append((x.shape[1:3], interpolation))
        seen = jnp.asarray(x, jnp.float32).mean((1, 2)) / {'tf1': 1, 'clean': 2}[interpolation]
        return dict.fromkeys(layers, seen)

    monkeypatch.setattr(inception, 'features', means)
    pair = wide_and_square(tmp_path)
    found = score(*pair, 'kid20,kid20_clean', tmp_path)
    a, b = (data.load(str(path)).images.mean((1, 2)) for path in pair)
    expected = {'kid20': kernel.kid(a, b), 'kid20_clean': kernel.kid(a / 2, b / 2)}
    assert {k: found['metrics'][k] for k in expected} == pytest.approx(expected, rel=1e-4)
    told = found['protocol']['scores']
    customs = {name: one['extractor']['interpolation'] for name, one in told.items()}
    assert customs == {'kid20': 'tf1', 'kid20_clean': 'clean'}
    assert {*asked} == {(s, c) for s in ((20, 30), (24, 24)) for c in ('tf1', 'clean')}


def test_paths_in_folders_of_one_name_are_not_confused(tmp_path, monkeypatch):
    """Nor are they looked for in the folder of data sets, as a run's data set is."""
    for name, count in (('a', 3), ('b', 4), ('data', 5)):
        folder(tmp_path / name / 'images', digits(count=count))
    pair = image_scores.open_pair(
        tmp_path / 'a' / 'images', tmp_path / 'b' / 'images', tmp_path / 'data'
    )
    assert (len(pair.images.images), len(pair.reference.images)) == (3, 4)
    monkeypatch.chdir(tmp_path / 'a')
    assert len(image_scores.open_pair('images', 'digits').images.images) == 3


# Refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('metrics', 'said'),
    [
        ('', 'no metrics are named'),
        (',', 'no metrics are named'),
        ('retrieval', 'of a generator or a discriminator, and images alone have none'),
        ('ppl50k_z', 'of a generator or a discriminator'),
        ('cas10k', 'of a generator or a discriminator'),
        ('intra_kd200@digits', 'of a generator or a discriminator'),
        ('leak@flip', 'of a generator or a discriminator'),
        ('kd', "'kd' does not say of how many images: write kd200, all of 'an array'"),
        ('fid10k', "'fid10k' takes 10,000 images, and 'an array' holds 200: write kid200"),
        ('kd10k@digits', 'write kd200@digits'),
        ('swd8192', 'write swd200'),
        ('fid200', "'fid200': 200 images in 2,048 features .* take kid200"),
        ('kd200_test@digits', "with a split test, and 'an array' has none: write kd200@digits"),
        ('fd_digits', 'reads digits and means nothing on'),
        ('kid_200', 'there is no metric'),
        ('lid200@digits', 'at least 200 real images'),
    ],
)
def test_what_would_mean_nothing_is_refused(metrics, said):
    with pytest.raises(UserError, match=said):
        score(noisy(), digits(count=150), metrics)


@pytest.mark.parametrize(
    'name',
    [n for family in protocol.FAMILIES if family not in OF_IMAGES for n in family.NAMES],
)
def test_metrics_of_a_model_are_refused(name):
    with pytest.raises(UserError, match='of a generator or a discriminator'):
        score(noisy(), digits(count=150), name)


def test_all_faults_are_told_at_once():
    with pytest.raises(UserError) as caught:
        score(noisy(), digits(count=150), 'kd,retrieval,fd20@digits,kd200@digits')
    assert len(str(caught.value).splitlines()) == 3


def test_pixels_of_two_sizes_do_not_compare():
    with pytest.raises(UserError, match='16x16 of them, .* 20x20: give the size of both'):
        score(noisy(20), np.zeros((20, 20, 20, 1), np.uint8), 'swd20')


def test_arrays_of_other_types_are_refused():
    with pytest.raises(UserError, match=r'uint8 \[N, H, W, C\] .* float64 \[2, 16, 16, 1\]'):
        score(np.zeros((2, 16, 16, 1)), 'digits', 'kd2@digits')


# The command -------------------------------------------------------------------------------------


def command(*arguments):
    return __main__.main([*map(str, arguments)])


def test_the_command_writes_spectra_beside_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, out = folder(tmp_path / 'fakes', noisy(50)), tmp_path / 'new' / 'scores.json'
    asked = f'--images={images}', '--against=digits', '--metrics=kd50@digits,spectrum50'
    assert command(*asked) == 0
    assert not [*tmp_path.rglob('*.csv')]  # without a file of scores
    assert command(*asked, f'--out={out}') == 0
    head, *lines = (out.parent / 'scores_spectrum50_profiles.csv').read_text().splitlines()
    assert head == 'frequency,real,generated'
    frequencies, real, fake = zip(*(map(float, line.split(',')) for line in lines), strict=True)
    assert [*frequencies] == [*range(9)]
    written = json.loads(out.read_text())['metrics']
    found = np.array(fake) - real
    assert written['spectrum50'] == np.sqrt(np.mean(found[1:] ** 2))
    assert written['spectrum50_4'] == pytest.approx(found[4:].mean())
    Image.open(out.parent / 'scores_spectrum50_profiles.png').verify()
    assert len([*out.parent.iterdir()]) == 3


def test_the_command_prints_and_writes_what_score_returns(tmp_path, capsys):
    images, out = folder(tmp_path / 'fakes ü', noisy(100)), tmp_path / 'new' / 'scores.json'
    asked = f'--images={images}', '--against=digits', '--metrics=kd100@digits,pr50@digits'
    assert command(*asked, f'--data_dir={tmp_path}', f'--out={out}') == 0
    said, written = capsys.readouterr().out, json.loads(out.read_text())
    expected = score(images, 'digits', 'kd100@digits,pr50@digits', tmp_path)
    assert {k: written[k] for k in expected} == expected and 'jax' in written['versions']
    value = expected['metrics']['kd100@digits']
    assert f'kd100@digits: {value:.6g}\n' in said and '100 images of ' in said


def test_json_has_the_scores_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    images = folder(tmp_path / 'fakes', noisy(20))
    asked = f'--images={images}', '--against=digits', '--metrics=spectrum20'
    monkeypatch.setattr('sys.argv', ['x', *asked, f'--out={images}/0000.png/x', '--json'])
    with pytest.raises(SystemExit) as caught:
        cli.run(__main__.main)
    said = json.loads(capsys.readouterr().out)
    assert caught.value.code == said['exit_status'] == UNWRITABLE and 'not kept' in said['error']
    (found,) = said['results']
    assert found['file'] is None
    assert found['metrics'] == score(images, 'digits', 'spectrum20')['metrics']


@pytest.mark.parametrize(
    ('metric', 'said'),
    [
        ('div20@digits', 'the reals are all alike'),
        (f'kd20@{__name__}.no_number', 'x must be finite'),
        (f'fd20@{__name__}.no_number', 'features must be finite'),
    ],
)
def test_features_that_give_no_number_are_a_sentence(metric, said):
    with pytest.raises(UserError, match=f"^'{metric}' cannot be measured: {said}.*; leave it out"):
        score(noisy(20), np.full((20, 16, 16, 1), 7, np.uint8), metric)


def no_number(images):
    """An extractor."""
    return np.full((len(images), 3), np.nan)


def test_what_is_wrong_with_its_arguments_is_a_sentence(tmp_path):
    images = folder(tmp_path / 'fakes', noisy(100))
    both = f'--images={images}', '--against=digits'
    for arguments, said in (
        ((*both,), '--metrics'),
        ((both[0], '--metrics=kd100@digits'), '--against'),
        ((*both, '--metrics=kd100@digits', '--step=3'), 'unknown argument --step=3'),
        ((*both, '--metrics=,'), 'no metrics are named'),
        ((*both, '--workdir=x'), '--against and --workdir do not go together'),
        (
            ('--images=drawm', '--against=digits', '--metrics=kd100@digits'),
            "there is no folder or file 'drawm', and no data set of that name in data",
        ),
        (
            (both[0], '--against=digit', '--metrics=kd100@digits'),
            "no data set of that name in data; did you mean 'digits'",
        ),
    ):
        with pytest.raises(UserError, match=said):
            command(*arguments)
    with pytest.raises(UserError) as caught:
        command(f'--images={tmp_path}/none', '--against=digits', '--metrics=kd100@digits')
    assert caught.value.status == MISSING
    with pytest.raises(UserError, match='printed and not kept') as caught:
        command(*both, '--metrics=kd100@digits', f'--out={images}/0000.png/x')
    assert caught.value.status == UNWRITABLE
