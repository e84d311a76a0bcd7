"""The page of a report: what it shows, what it survives, and what it never runs."""

import html.parser
import json
import os
import re

import numpy as np
import pytest

from gan_jax.reports import build, page, read
from gan_jax.reports import pictures as framing
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.sampling import pictures
from tests.reports import made
from tests.reports.made import HOSTILE

NONE = 'there are none.'


class Parts(html.parser.HTMLParser):
    """The elements of a page: (tag, names of attributes), the scripts, and the text."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.scripts, self.text, self.kind = [], {}, '', None
        self.attributes = []
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, tuple(sorted(name for name, _ in attributes))))
        self.attributes += attributes
        self.kind = dict(attributes).get('type', 'code') if tag == 'script' else None

    def handle_data(self, data):
        if self.kind:
            self.scripts.setdefault(self.kind, []).append(data)
        self.text += data

    def handle_endtag(self, tag):
        self.kind = None


def parts(*folders, training=NONE, live=''):
    return Parts(build.report(folders, lambda _: training, live).decode())


def specs(found):
    return json.loads(found.scripts['application/json'][0])


@pytest.fixture
def run(tmp_path):
    made.result(made.run(tmp_path / 'run'))
    return tmp_path / 'run'


def test_a_run_s_page_has_every_section_and_real_images(run):
    found = parts(run, training=made.images(100))
    for title in (
        *('Overview', 'Samples over time', 'Losses', 'Gradients and updates', 'Distances'),
        *('What the discriminator has learned', 'Overfitting of the discriminator'),
        *('Sensitivity to augmentations', 'Leak of augmentations', 'Nearest training images'),
        *('Scores', 'Config'),
    ):
        assert title in found.text
    images = [one for one in found.elements if one[0] == 'img']
    assert len(images) == 3 + 1 + 1  # frames, reals, neighbours
    assert 'abc1234' in found.text and 'cpu: cpu x 1' in found.text and 'nought' in found.text
    assert 'protocol: weights' in found.text and '12.5' in found.text


def test_the_figures_of_a_score_s_curves_are_below_its_table(run):
    figures = [run / 'results' / f'step_1400_{name}.png' for name in ('x_profiles', 'y', 'z')]
    for path in figures[:2]:
        pictures.save(path, made.images(1)[0])
    figures[2].write_text('no picture')
    pictures.save(run / 'results' / 'step_140_y.png', made.images(1)[0])  # of no file of scores
    content = build.report([run], lambda _: NONE).decode()
    names = re.findall(r'alt="([\w ]+); its numbers: step_1400_(\w+)\.csv"', content)
    assert names == [('x_profiles', 'x_profiles'), ('y', 'y')]
    assert content.index('fd_digits</th>') < content.index('alt="x_profiles; ')
    assert 'The figure of z cannot be read.' in content


def test_a_file_s_name_is_no_pattern_for_figures(run):
    results = run / 'results'
    (results / 'step_1400.json').rename(results / 'step_[14].json')
    for name in ('step_[14]_x.png', 'step_1_y.png'):
        pictures.save(results / name, made.images(1)[0])
    assert re.findall(r'alt="(\w+); its numbers', build.report([run], lambda _: NONE).decode()) == [
        'x'
    ]


def test_figures_share_their_room_and_are_few_of_each_file(run, monkeypatch):
    for i in range(6):
        pictures.save(run / 'results' / f'step_1400_{i}.png', made.images(1)[0])
    given, frame = [], framing.frame
    framed = lambda x, room, *step: given.append(room) or frame(x, room, *step)  # noqa: E731
    monkeypatch.setattr(framing, 'frame', framed)
    (run / 'samples').rename(run / 'elsewhere')
    build.report([run], lambda _: NONE)
    assert given == [300_000 // 6] * 4


def test_the_numbers_of_the_charts_are_those_of_the_log(run):
    lines = (run / 'metrics.jsonl').read_text().splitlines()
    rows = {row['step']: row for row in map(json.loads, lines)}
    drawn = {}
    for spec in specs(parts(run)):
        for one in spec['data']['values']:
            title = spec['layer'][0]['encoding']['y']['title']
            drawn[title, one['label']] = dict(zip(one['step'], one['v0'], strict=True))
    for key, metric in {
        ('d/adversarial', 'real'): 'd/adversarial/real',
        ('grad norm', 'g'): 'g/grad_norm',
        ('fd_digits', 'fd_digits'): 'eval/fd_digits',
        ('mean logit', 'test'): 'eval/logit_test',
    }.items():
        assert drawn[key] == {s: row[metric] for s, row in rows.items() if metric in row}
        assert drawn[key]


def test_sections_of_curves_that_can_be_smoothed_have_a_slider(run):
    sliders = re.findall(
        r'class="smoothing"[^>]* value="(\d)"[^>]*aria-label="Smoothing of the curves: (\w+)"',
        build.report([run], lambda _: NONE).decode(),
    )
    assert {anchor: int(level) for level, anchor in sliders} == {
        **{'losses': 2, 'norms': 2, 'time': 2},
        **{'distances': 0, 'probes': 0},
    }


def test_without_the_data_the_page_says_why(run):
    found = parts(run)
    assert 'Real images are missing: there are none.' in found.text
    assert 'They are missing: there are none.' in found.text


def test_several_runs_are_compared(tmp_path):
    one = made.run(tmp_path / 'one')
    two = made.run(tmp_path / 'two', changes={'optim.d.learning_rate': 0.125})
    found = parts(one, two)
    head = found.text.index('Keys in which the runs differ')
    assert re.search(r'optim\.d\.learning_rate.*0\.0006.*0\.125', found.text[head:], re.S)
    labels = [[one['label'] for one in spec['data']['values']] for spec in specs(found)]
    assert labels and all(one == ['one', 'two'] for one in labels)


def test_runs_of_one_name_are_told_apart(tmp_path):
    folders = [tmp_path / 'a' / 'run', tmp_path / 'b' / 'run']
    assert read.names_of(folders) == ['a/run', 'b/run']
    assert read.names_of(folders[:1]) == ['run']
    assert len({*read.names_of([folders[0], folders[0]])}) == 1


def test_warnings_and_the_error_of_a_run_are_at_the_top(tmp_path):
    status = {'status': 'failed', 'reason': 'g is nan at step 3', 'warnings': ['large losses: 1e6']}
    made.run(tmp_path, status=status, rows=[{'step': 2, 'eval_failed': 'modes failed at step 2'}])
    text = parts(tmp_path).text
    top = text[: text.index('Samples over time', text.index('State of the run'))]
    for said in ('g is nan at step 3', 'large losses: 1e6', 'modes failed at step 2'):
        assert said in top


def test_a_run_that_has_not_logged_yet_has_a_page(tmp_path):
    made.run(tmp_path, rows=[], pictures_at=())
    (tmp_path / 'status.json').unlink()
    assert 'not begun' in parts(tmp_path).text


def test_damaged_files_are_survived(run):
    for name in ('classes.json', 'results/step_1400.json', 'status.json'):
        (run / name).write_text('{"metrics": [')
    (run / 'samples' / '00000700.png').write_bytes(b'nothing')
    (run / 'metrics.jsonl').write_bytes(b'\xff\xfe{"step"\n{"step": 20, "d/a/b": 1.0}\n')
    found = parts(run)
    assert 'Pictures that cannot be read: 1.' in found.text and 'unreadable' in found.text


def test_no_run_and_a_damaged_config_are_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        parts(tmp_path)
    assert caught.value.status == MISSING
    (tmp_path / 'config.json').write_text('{')
    with pytest.raises(UserError) as caught:
        parts(tmp_path)
    assert caught.value.status == DATA


# Untrusted workdirs ------------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path):
    """A workdir that says HOSTILE wherever a workdir can say something."""
    folder = tmp_path / HOSTILE.replace('/', '|')
    rows = [{'step': 1, f'd/{HOSTILE}/x': 1.0, f'eval/{HOSTILE}': 2.0, 'eval_failed': HOSTILE}]
    status = {'status': 'failed', 'reason': HOSTILE, 'warnings': [HOSTILE], 'commit': HOSTILE}
    status |= {'time': HOSTILE, 'versions': {HOSTILE: HOSTILE}}
    made.run(folder, rows=rows, status=status, changes={'data.name': HOSTILE})
    (folder / 'classes.json').write_text(json.dumps({'0': HOSTILE}))
    settings = json.loads((folder / 'config.json').read_text())
    (folder / 'config.json').write_text(
        json.dumps({**settings, HOSTILE: [HOSTILE, {'a': HOSTILE}]})
    )
    scores = {'metrics': {HOSTILE: 1.0, 'x': HOSTILE}, 'protocol': {HOSTILE: HOSTILE}}
    scores |= {'checkpoint': {'step': HOSTILE, 'digest': HOSTILE}, 'time': HOSTILE}
    made.result(folder, **scores)
    named = f'step_1400_{HOSTILE.replace("/", "|")}.png'
    pictures.save(folder / 'results' / named, made.images(1)[0])
    return folder


def test_whatever_a_workdir_says_is_text(hostile):
    found = parts(hostile, training=HOSTILE)
    assert len(found.scripts['code']) == 2 and len(found.scripts['application/json']) == 1
    assert len([tag for tag, _ in found.elements if tag == 'script']) == 3
    assert not [name for name, _ in found.attributes if name.startswith('on')]
    sources = [value for name, value in found.attributes if name in ('src', 'href')]
    assert sources and all(re.match(r'#\w+$|data:(,|image/webp;base64,)', one) for one in sources)
    # It is all there to be read, the title and the specifications included.
    assert found.text.count('document.title') > 15
    assert HOSTILE in json.dumps(specs(found)).replace('\\"', '"')


def test_the_elements_are_those_of_a_harmless_workdir(hostile, tmp_path):
    kinds = {*parts(hostile, training=NONE).elements}
    harmless = tmp_path / 'harmless'
    status = {'status': 'failed', 'reason': 'x', 'warnings': ['x']}
    made.run(harmless, rows=[{'step': 1, 'd/a/b': 1.0, 'eval_failed': 'x'}], status=status)
    made.result(harmless)
    pictures.save(harmless / 'results' / 'step_1400_x.png', made.images(1)[0])
    assert kinds <= {*parts(harmless, training=NONE).elements}


def test_the_policy_lets_no_script_run_but_those_of_the_page(run):
    content = build.report([run], lambda _: NONE).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', content)[1]
    scripts = Parts(content).scripts['code']
    hashes = ' '.join(f"'sha256-{page._digest(one)}'" for one in scripts)
    assert f'script-src {hashes}' in policy and "default-src 'none'" in policy
    assert 'unsafe-eval' not in policy and "connect-src 'none'" in policy
    live = build.report([run], lambda _: NONE, 'v1').decode()
    assert "connect-src 'self'" in live and 'data-live="v1"' in live


def test_an_end_of_a_script_in_the_library_does_not_end_it(monkeypatch):
    made_ = page._script('a = "</script>"; b = "<!-- <script"; c = 1\r\n')
    found = Parts(f'<script>{made_}</script><p>after</p>')
    assert found.elements == [('script', ()), ('p', ())] and '\r' not in made_


def test_a_link_in_a_workdir_is_not_followed(run, tmp_path):
    (tmp_path / 'secret.json').write_text('{"metrics": {"secret": 1}}')
    os.symlink(tmp_path / 'secret.json', run / 'results' / 'more.json')
    with pytest.raises(UserError, match='is a link'):
        parts(run)


# Size --------------------------------------------------------------------------------------------


def test_a_long_run_with_large_pictures_stays_small(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        {'step': i, **{f'd/t{j}/real': rng.normal() for j in range(12)}} for i in range(1, 6000)
    ]
    made.run(tmp_path, rows=rows, pictures_at=())
    for step in range(8):
        noise = rng.integers(0, 256, (300, 300, 3), np.uint8)
        made.pictures.save(tmp_path / 'samples' / f'{step}.png', noise)
    assert len(build.report([tmp_path], lambda _: NONE)) < page.LARGEST - 1_000_000


def test_a_page_that_is_too_large_is_no_page(run, monkeypatch):
    monkeypatch.setattr(page, 'LARGEST', 10_000)
    with pytest.raises(UserError, match=r'the report has [\d,]+ bytes, more than 10,000'):
        build.report([run], lambda _: NONE)


# Written by a run --------------------------------------------------------------------------------


class Panic(BaseException):
    """As a library in Rust raises it."""


@pytest.mark.parametrize('error', [ValueError('no room'), OSError('no room'), Panic('no room')])
def test_a_report_that_fails_is_a_line(error, tmp_path, capsys):
    def fails():
        raise error

    build.write_or_say(tmp_path, fails)
    said = capsys.readouterr().err
    assert said.startswith(f'gan_jax: {tmp_path}/report.html is left out: ') and 'no room' in said
    assert said.count('\n') == 1 and not (tmp_path / 'report.html').exists()


def test_a_report_that_is_stopped_stops_the_command(tmp_path):
    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.write_or_say(tmp_path, stopped)
