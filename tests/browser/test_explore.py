"""The explorer as its users see it, in Chromium.

It shows a run of StyleGAN2, one of a plain network, and the exported generator of the first.
"""

import base64
import io
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import export, train
from tests.launched import launch

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures('quick')]

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
CONFIG = """import runpy
def get_config(text=''):
    c = runpy.run_path({tiny!r})['get_config']('method=none')
    c.every.checkpoint = 2
    c.steps = 6
    {network}
    return c
"""
BOUND = 120_000  # milliseconds: the first picture is compiled on a machine with other work
NETWORKS = {
    'styled': """c.generator = dict(
        fn='gan_jax.models.stylegan2.generator.Generator', num_classes=10, units=8, layers=1,
        base=64, most=4)""",
    'plain': "c.generator = dict(fn='tests.sweeps.tiny.Generator')",
}


def trained(folder, name):
    """The workdir of a run of some steps."""
    config, run = folder / f'{name}.py', folder / name
    config.write_text(CONFIG.format(tiny=str(TINY), network=NETWORKS[name]))
    assert train.main([f'--config={config}', f'--workdir={run}']) == 0
    return run


def exported(folder, run):
    """The folder of a run's generator alone."""
    assert export.main([f'--workdir={run}', f'--out={folder}/exported', '--allow=tests']) == 0
    return folder / 'exported'


def serve(folder, *flags):
    """(process, address) of an explorer of a folder, which the first flag names."""
    process = launch('-m', 'gan_jax.explore', *flags)
    line = process.stdout.readline()
    assert line.endswith(f'shows {folder}; Ctrl-C ends it\n'), line + process.stderr.read()
    return process, line.split()[0]


@pytest.fixture(scope='module')
def addresses(tmp_path_factory):
    """Of a page for each network and for an exported one; all end by Ctrl-C, silently."""
    folder = tmp_path_factory.mktemp('runs')
    runs = {name: trained(folder, name) for name in NETWORKS}
    served = {name: serve(run, f'--workdir={run}', '--allow=tests') for name, run in runs.items()}
    alone = exported(folder, runs['styled'])
    served['exported'] = serve(alone, f'--generator={alone}')
    yield {name: address for name, (_, address) in served.items()}
    for process, _ in served.values():
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, ''), err
        assert err == 'gan_jax: stopping; a second signal stops at once\n'


@pytest.fixture
def opened(addresses, open_page):
    """(name) -> the page of a network, with its first picture."""
    return lambda name, **options: ready(open_page(addresses[name], **options))


@pytest.fixture
def uploading(addresses, chromium):
    """As `opened` of the StyleGAN2; gradio warns of itself where a file is given to it."""
    with chromium.new_context() as context:
        page, said = context.new_page(), []
        page.on('pageerror', lambda error: said.append(f'{error}'))
        page.goto(addresses['styled'])
        yield ready(page)
        assert said == []


def ready(page):
    """The page, with its first picture and its score."""
    page.set_default_timeout(BOUND)
    page.wait_for_selector('#picture img')
    page.wait_for_function("document.querySelector('#score').innerText.includes('logit')")
    return page


def shown(page, place='#picture img'):
    return page.get_attribute(place, 'src')


def after(page, act, place='#picture img'):
    """The content of a place once an act has changed it."""
    before = shown(page, place) if page.query_selector(place) else None
    act()
    page.wait_for_function(
        'given => { const found = document.querySelector(given.place);'
        ' return found && found.src !== given.before }',
        arg=dict(place=place, before=before),
    )
    return shown(page, place)


def pixels(address):
    content = base64.b64decode(address.partition(',')[2])
    return np.asarray(Image.open(io.BytesIO(content)))


def slide(page, direction, value):
    page.fill(f'#move-{direction} input[type=number]', value)
    page.keyboard.press('Tab')


def test_a_slider_moves_the_picture_and_back(opened):
    page = opened('styled')
    first = shown(page)
    moved = after(page, lambda: slide(page, 0, '3'))
    assert not np.array_equal(pixels(moved), pixels(first))
    slid = page.locator('#move-0 input[type=range]')
    slid.focus()
    assert after(page, lambda: slid.press('ArrowRight')) != moved  # by the keyboard too
    assert after(page, lambda: page.click('#back')) == first


def test_class_number_checkpoint_and_truncation_change_it(opened):
    page = opened('styled')
    seen = {shown(page)}

    def chosen(label, option):
        page.get_by_label(label).click()
        page.get_by_role('option', name=option).click()

    for act in (
        lambda: chosen('Class', '7'),
        lambda: page.click('#next'),
        lambda: chosen('Checkpoint', '2'),
        lambda: page.get_by_label('Truncation of w').first.fill('0.5'),
        lambda: page.get_by_label('Layers of the second').first.fill('1'),
    ):
        seen.add(after(page, act))
    assert len(seen) == 6


def test_an_exported_generator_draws_the_same_without_what_needs_the_run(
    opened, addresses, open_page
):
    """Its page has no checkpoints, no score of D, no training images and no film over time."""
    of_run, page = opened('styled'), open_page(addresses['exported'])
    page.set_default_timeout(BOUND)
    page.wait_for_selector('#picture img')
    assert shown(page) == shown(of_run)
    needing = ('#look', '#film-over-time', 'h2:has-text("Nearest training images")')
    for place in needing:
        assert (of_run.locator(place).count(), page.locator(place).count()) == (1, 0), place
    label = 'Checkpoint, in steps'
    assert (of_run.get_by_label(label).count(), page.get_by_label(label).count()) == (1, 0)
    assert 'logit' in of_run.locator('#score').inner_text()
    moved = after(page, lambda: slide(page, 0, '3'))
    assert not np.array_equal(pixels(moved), pixels(shown(of_run)))
    assert after(page, lambda: page.click('#film-to-second'), '#film img')
    assert 'logit' not in page.locator('body').inner_text()


def test_a_still_is_saved_pixel_by_pixel(opened, tmp_path):
    page = opened('plain')
    with page.expect_download() as download:
        page.click('#picture a')
    assert download.value.suggested_filename == 'image-0.png'
    download.value.save_as(tmp_path / 'still.png')
    still = np.asarray(Image.open(tmp_path / 'still.png'))
    assert still.shape == (8, 8)
    np.testing.assert_array_equal(pixels(shown(page))[::32, ::32], still)


@pytest.mark.parametrize(
    ('button', 'ends'),
    [('#film-along', False), ('#film-to-second', True), ('#film-over-time', False)],
)
def test_films_are_made_and_saved(opened, tmp_path, button, ends):
    page = opened('plain')
    film = pixels_of_frames(after(page, lambda: page.click(button), '#film img'))
    assert len(film) > 2 and not np.array_equal(film[0], film[1])
    if ends:
        np.testing.assert_array_equal(film[0], pixels(shown(page)))
    with page.expect_download() as download:
        page.click('#film a')
    download.value.save_as(tmp_path / 'film')
    with Image.open(tmp_path / 'film') as saved:
        assert saved.n_frames == len(film)


def pixels_of_frames(address):
    with Image.open(io.BytesIO(base64.b64decode(address.partition(',')[2]))) as film:
        frames = []
        for i in range(film.n_frames):
            film.seek(i)
            frames.append(np.asarray(film.convert('L')))
    return frames


def test_nearest_training_images_are_shown_with_their_classes(opened):
    page = opened('plain')
    page.click('#look')
    page.wait_for_selector('#nearest figure')
    captions = page.locator('#nearest figcaption').all_inner_texts()
    distances = [float(caption.split(', ')[1].split()[0]) for caption in captions]
    assert len(captions) == 8 and distances == sorted(distances)
    assert all(caption.split(',')[0] in map(str, range(10)) for caption in captions)


def test_an_own_picture_is_found_in_w_and_explored_from_there(uploading, tmp_path):
    page = uploading
    first = shown(page)
    Image.new('L', (30, 20), 90).save(tmp_path / 'flat.png')
    page.set_input_files('#file input[type=file]', tmp_path / 'flat.png')
    page.get_by_label('Steps of the search').first.fill('50')
    page.keyboard.press('Tab')
    page.wait_for_selector('#file a')
    found = after(page, lambda: page.click('#project'))
    assert page.locator('#pair img').count() == 2
    pair = page.locator('#pair img').nth(1).get_attribute('src')
    np.testing.assert_array_equal(pixels(pair), pixels(found))
    assert after(page, lambda: slide(page, 0, '2')) != found
    assert after(page, lambda: page.click('#back')) == found
    assert after(page, lambda: page.click('#leave')) == first


def test_what_is_no_picture_is_said_in_the_page(uploading, tmp_path):
    page = uploading
    (tmp_path / '<b>bad.png').write_bytes(b'no picture')
    page.click('#project')
    page.get_by_text('there is no picture yet: choose a file').wait_for()
    page.set_input_files('#file input[type=file]', tmp_path / '<b>bad.png')
    page.wait_for_selector('#file a')
    page.click('#project')
    page.get_by_text('cannot be read as an image: repair it or leave it out').wait_for()


def test_a_number_that_is_none_is_said_in_the_page(opened):
    page = opened('plain')
    page.get_by_label('Number of the image').fill('')
    page.keyboard.press('Tab')
    page.get_by_text('the number of the image is missing: give an integer from 0').wait_for()


def test_nothing_is_loaded_from_elsewhere(addresses, open_page):
    page, asked = open_page('about:blank'), []
    page.on('request', lambda request: asked.append(request.url))
    page.goto(addresses['plain'])
    page.wait_for_selector('#picture img')
    assert len(asked) > 3
    own = (addresses['plain'], 'data:', 'blob:')
    assert [url for url in asked if not url.startswith(own)] == []


@pytest.mark.parametrize('dark', [False, True])
def test_labels_contrast_and_headings_are_in_order(opened, violations, dark):
    page = opened('styled', dark=dark)
    assert violations(page) == []
