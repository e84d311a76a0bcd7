"""The report in Chromium: it is drawn, its controls work, and everybody can read it."""

import re
import shutil
import threading

import pytest

from gan_jax.evaluate import result
from gan_jax.evaluate.curve import Curves
from gan_jax.reports import build, curves, watch
from gan_jax.sweeps import report as sweep_report
from tests.browser.conftest import DRAWN, PAINTED, wait_until
from tests.reports import made

pytestmark = pytest.mark.browser

PHONE = {'width': 390, 'height': 844}
SPECTRA = Curves('frequency', [0, 1, 2], {'real': [3, 2, 1], 'generated': [3, 1, 1]}, 'power')


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """{name: file} of the report of a run like the demo's, of two runs, and of a sweep."""
    folder = tmp_path_factory.mktemp('pages')
    steps = (0, *(2**i for i in range(8)), *range(350, 1401, 350))
    run = made.run(folder / 'run', pictures_at=steps)
    made.result(run)
    scores = run / 'results' / f'step_1400_num_10000_seed_0_{"f" * 16}.json'
    shutil.copy(run / 'results' / 'step_1400.json', scores)
    result.write_beside(scores, {'spectrum10k_test_profiles': SPECTRA})
    other = made.run(folder / 'other', changes={'batch_size': 32}, status={'warnings': ['a: b']})
    sweep = made.sweep(folder / 'sweep')
    images = made.images(200, seed=9)
    made_ = {
        'run': build.report([run], lambda _: images),
        'runs': build.report([run, other], lambda _: 'there are none.'),
        'sweep': sweep_report.report(sweep, lambda _: images),
    }
    for name, content in made_.items():
        (folder / f'{name}.html').write_bytes(content)
    return {name: folder / f'{name}.html' for name in made_}


def drawn(page):
    """The page when every chart on it is drawn, as before it is printed."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wait_until(page, DRAWN)
    return page


@pytest.mark.parametrize(
    ('name', 'dark'),
    [('run', False), ('run', True), ('runs', False), ('sweep', False), ('sweep', True)],
)
def test_axe_finds_no_violation(open_page, violations, pages, name, dark):
    page = drawn(open_page(pages[name], dark=dark))
    for details in page.locator('summary').all():
        details.click()
    assert violations(page) == []


@pytest.mark.parametrize('name', ['run', 'sweep'])
def test_it_fits_a_phone(open_page, violations, pages, name):
    page = drawn(open_page(pages[name], **PHONE))
    assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    assert violations(page) == []


@pytest.mark.parametrize('name', ['run', 'runs', 'sweep'])
def test_it_is_painted_within_a_second(open_page, pages, name):
    times = []
    for _ in range(3):  # the machine may be busy
        page = open_page(pages[name])
        wait_until(page, f'{PAINTED} > 0')
        times.append(page.evaluate(PAINTED))
    assert min(times) <= 1000


def test_every_chart_is_a_picture_with_a_description(open_page, pages):
    page = open_page(pages['run'])
    assert page.locator('.chart svg').count() < page.locator('.chart').count()
    for chart in page.locator('.chart').all():  # each is drawn when it is scrolled to
        chart.scroll_into_view_if_needed()
    wait_until(page, DRAWN)
    labels = page.eval_on_selector_all(
        '.chart[role=graphics-document], .chart [role=graphics-document]',
        "all => all.map(one => one.getAttribute('aria-label'))",
    )
    assert len(labels) == page.locator('.chart').count() > 8
    assert all(re.search('over steps. .* at step 1400', label) for label in labels)
    assert page.locator('.chart svg path').count() > 50


def shown(page):
    """The alternative texts of the samples that are seen."""
    return page.eval_on_selector_all(
        '.frames img:not([hidden])', 'all => all.map(one => one.alt.match(/\\d+$/)[0])'
    )


def test_the_slider_moves_through_the_steps_by_mouse_and_keyboard(open_page, pages):
    page = open_page(pages['run'])
    assert shown(page) == ['1400']
    slider = page.get_by_role('slider', name='Step of the samples of run')
    slider.focus()
    page.keyboard.press('ArrowLeft')
    assert shown(page) == ['1050'] and page.locator('.frames output').inner_text() == '1050'
    assert slider.get_attribute('aria-valuetext') == 'step 1050'
    page.keyboard.press('Home')
    assert shown(page) == ['0']
    box = slider.bounding_box()
    page.mouse.click(box['x'] + box['width'] - 3, box['y'] + box['height'] / 2)
    assert shown(page) == ['1400']


def test_the_samples_play(open_page, pages):
    page = open_page(pages['run'])
    button = page.locator('.frames button')
    button.click()
    assert button.inner_text() == 'Stop' and shown(page) == ['0']
    wait_until(page, "document.querySelector('.frames output').textContent === '1'")
    button.click()
    assert button.inner_text() == 'Play'


# The outlines of the first chart of a section.
CURVE = """(section) => {
  const path = document.querySelectorAll(`#${section} .chart`)[0].querySelectorAll('path');
  return [...path].map(one => one.getAttribute('d')).filter(one => one).join(' ');
}"""


@pytest.mark.parametrize(('section', 'first'), [('losses', 0.8), ('distances', 0), ('probes', 0)])
def test_smoothing_changes_the_curves_by_keyboard(open_page, pages, section, first):
    page = drawn(open_page(pages['run']))
    slider = page.get_by_role('slider', name=f'Smoothing of the curves: {section}')
    assert slider.get_attribute('aria-valuetext') == f'{first:g}'
    before = page.evaluate(CURVE, section)
    slider.focus()
    page.keyboard.press('End')
    assert slider.get_attribute('aria-valuetext') == f'{curves.LEVELS[-1]:g}'
    wait_until(page, f'{before!r} !== ({CURVE})({section!r})')
    page.keyboard.press('Home')
    assert slider.get_attribute('aria-valuetext') == '0'


def column(page, table, head):
    """The sort keys of a column: numbers where it has them, else texts."""
    place = table.locator('thead th').all_inner_texts().index(head)
    return table.locator('tbody tr').evaluate_all(
        '(rows, i) => rows.map(row => row.cells[i].dataset.number ?? row.cells[i].textContent)',
        place,
    )


def test_the_tables_of_a_sweep_sort_by_keyboard(open_page, pages):
    page = open_page(pages['sweep'])
    table = page.locator('#runs table')
    table.get_by_role('button', name='fd_digits').focus()
    page.keyboard.press('Enter')
    rising = [float(one) for one in column(page, table, 'fd_digits')]
    assert rising == sorted(rising) and rising[0] < rising[-1]
    head = table.locator('th', has_text='fd_digits')
    assert head.get_attribute('aria-sort') == 'ascending'
    page.keyboard.press('Enter')
    assert [float(one) for one in column(page, table, 'fd_digits')] == rising[::-1]
    table.get_by_role('button', name='method').click()
    assert column(page, table, 'method') == ['bcr'] * 6 + ['none'] * 6
    assert head.get_attribute('aria-sort') is None


def test_the_first_key_leads_to_the_content_and_all_controls_can_be_reached(open_page, pages):
    page = open_page(pages['run'])
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent') == 'To the content'
    page.keyboard.press('Enter')
    reached = set()
    for _ in range(60):
        page.keyboard.press('Tab')
        reached.add(page.evaluate('document.activeElement.tagName + document.activeElement.type'))
    assert {'INPUTrange', 'BUTTONbutton', 'SUMMARYundefined'} <= reached


def test_a_hostile_workdir_runs_no_script(open_page, tmp_path):
    rows = [{'step': step, f'd/{made.HOSTILE}/x': 1.0 * step} for step in (1, 2, 3)]
    run = made.run(tmp_path / 'run', rows=rows, status={'status': 'failed', 'reason': made.HOSTILE})
    (tmp_path / 'x.html').write_bytes(build.report([run], lambda _: made.HOSTILE))
    page = drawn(open_page(tmp_path / 'x.html'))
    page.locator('.chart').first.hover()
    page.wait_for_timeout(300)
    assert page.title() == 'run' and page.locator('img[src=x]').count() == 0


def test_the_policy_stops_a_script_that_gets_in_all_the_same(chromium, tmp_path):
    run = made.run(tmp_path / 'run')
    content = build.report([run], lambda _: 'none.').decode()
    content = content.replace('<main', made.HOSTILE.replace('"run"', '1') + '<main')
    (tmp_path / 'x.html').write_text(content)
    page = chromium.new_page()
    page.goto((tmp_path / 'x.html').as_uri())
    page.wait_for_timeout(300)
    assert page.title() == 'run'
    page.close()


def test_nothing_is_fetched(open_page, pages):
    page, asked = open_page('about:blank'), []
    page.on('request', lambda request: asked.append(request.url.split(',')[0]))
    page.goto(pages['run'].as_uri())
    drawn(page)
    assert {re.sub('^file:.*', 'file', url) for url in asked} <= {'file', 'data:image/webp;base64'}


def test_a_live_page_follows_the_run(open_page, tmp_path):
    run = made.run(tmp_path / 'run')
    live = watch.Live([run], lambda live: build.report([run], lambda _: 'none.', live))
    with watch.make_server(live) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        page = open_page(f'http://127.0.0.1:{server.server_port}/')
        assert page.locator('td', has_text='1400').count()
        made.run(run, rows=made.log(2800, 40), pictures_at=(2800,))
        page.wait_for_selector('td >> text=2800', timeout=20_000)
        page.close()
        server.shutdown()
