"""From a sweep file to runs: order, names, settings, and faults that are all said at once."""

import json

import pytest

from gan_jax.experiment import config
from gan_jax.runtime.errors import UserError
from gan_jax.sweeps.grid import measured, read_sweep
from tests.sweeps.made import TINY, write


def names(path):
    return [run.name for run in read_sweep(path).runs]


def faults(path):
    with pytest.raises(UserError) as caught:
        read_sweep(path)
    assert caught.value.status == 2
    return str(caught.value).splitlines()


def test_all_combinations_seed_by_seed(tmp_path):
    path = write(tmp_path, grid={'method': ['real_fake', 'bcr'], 'strength': [0.1, 0.2]}, seeds=2)
    assert names(path) == [
        'method=real_fake,strength=0.1/seed=0',
        'method=real_fake,strength=0.2/seed=0',
        'method=bcr,strength=0.1/seed=0',
        'method=bcr,strength=0.2/seed=0',
        'method=real_fake,strength=0.1/seed=1',
        'method=real_fake,strength=0.2/seed=1',
        'method=bcr,strength=0.1/seed=1',
        'method=bcr,strength=0.2/seed=1',
    ]


def test_a_list_of_grids_is_one_after_the_other(tmp_path):
    grid = [{'method': ['none']}, {'method': ['bcr'], 'strength': [0.1, 0.2]}]
    assert names(write(tmp_path, grid=grid)) == [
        'method=none/seed=0',
        'method=bcr,strength=0.1/seed=0',
        'method=bcr,strength=0.2/seed=0',
    ]


def test_a_grid_that_grows_keeps_the_names_that_it_had(tmp_path):
    small = names(write(tmp_path, grid={'method': ['bcr'], 'strength': [0.1], 'steps': [5]}))
    grown = write(tmp_path, grid={'method': ['none', 'bcr'], 'strength': [0.1, 0.2], 'steps': [9]})
    # More steps go on with the same runs, so that they are no part of the name.
    assert small == ['method=bcr,strength=0.1/seed=0']
    assert {*small} < {*names(grown)}
    assert names(write(tmp_path, grid={'steps': [5, 9]})) == ['steps=5/seed=0', 'steps=9/seed=0']
    assert names(write(tmp_path, grid={'steps': [5]})) == ['run/seed=0']


def test_a_name_is_a_folders(tmp_path):
    grid = {'augment': ['flip|translation(0.125)', 'cutout'], 'method': ['bcr']}
    assert names(write(tmp_path, grid=grid))[0] == (
        'augment=flip-translation-0.125,method=bcr/seed=0'
    )


def test_values_of_the_config_are_overridden_and_other_keys_are_arguments(tmp_path):
    grid = {
        'method': ['bcr'],
        'strength': [0.2],
        'steps': [3],
        'terms.consistency.weight': [2.5],
        'joint': [False],
        'data.fraction': [0.5],
    }
    (*_, run) = read_sweep(write(tmp_path, grid=grid, seeds=3)).runs
    expected = config.load_config(
        f'{TINY}:method=bcr,strength=0.2',
        [
            *('--config.steps=3', '--config.terms.consistency.weight=2.5', '--config.joint=False'),
            *('--config.data.fraction=0.5', '--config.seed=2'),
        ],
    )
    assert run.settings == json.loads(expected.to_json())


def test_the_config_may_bring_arguments(tmp_path):
    path = write(tmp_path, config=f'{TINY}:method=bcr,strength=0.3', grid={'strength': [0.1]})
    (run,) = read_sweep(path).runs
    assert 'consistency' in run.settings['terms']
    assert run.settings['augment']['strength'] == 0.1


def test_the_config_is_looked_for_here_and_else_beside_the_sweep(tmp_path, monkeypatch):
    def write_config(folder, steps):
        text = (
            f'c = runpy.run_path({TINY!r})["get_config"](text)\n    c.steps = {steps}\n    return c'
        )
        (folder / 'own.py').write_text(f'import runpy\ndef get_config(text=""):\n    {text}\n')

    (tmp_path / 'sweeps').mkdir()
    write_config(tmp_path / 'sweeps', 7)
    path = write(tmp_path / 'sweeps', config='own.py:method=none')
    monkeypatch.chdir(tmp_path)
    assert read_sweep(path).runs[0].settings['steps'] == 7
    write_config(tmp_path, 8)
    assert read_sweep(path).runs[0].settings['steps'] == 8


def test_a_config_file_runs_once_for_each_of_its_arguments(tmp_path):
    """Not once an arm or a seed; and no arm sees the overrides of another."""
    runs = tmp_path / 'runs'
    (tmp_path / 'own.py').write_text(
        f'import runpy\n'
        f'def get_config(text=""):\n'
        f'    with open({str(runs)!r}, "a") as file:\n'
        f'        file.write(text + ";")\n'
        f'    return runpy.run_path({TINY!r})["get_config"](text)\n'
    )
    by_value = {'steps': [3, 5], 'terms.adversarial.weight': [1.0, 2.0]}
    grid = {'method': ['bcr', 'cntr'], **by_value}
    sweep = read_sweep(write(tmp_path, config='own.py', grid=grid, seeds=3))
    assert runs.read_text() == 'method=bcr;method=cntr;'
    for run in sweep.runs:
        assert run.settings['steps'] == run.arm['steps']
        weight = run.settings['terms']['adversarial']['weight']
        assert weight == run.arm['terms.adversarial.weight']


def test_what_is_not_asked_for_is_found_in_the_grid(tmp_path):
    grid = [
        {'method': ['none']},
        {'method': ['bcr', 'cntr'], 'augment': ['cutout'], 'strength': [0.1, 0.2]},
    ]
    sweep = read_sweep(write(tmp_path, grid=grid))
    assert (sweep.x, sweep.curve, sweep.metric) == ('strength', 'method', 'fd_digits')
    assert sweep.baseline == {'method': 'none'}
    assert not sweep.higher
    # Numbers that change with the method are not swept.
    pairs = [{'method': ['bcr'], 'strength': [0.4]}, {'method': ['cntr'], 'strength': [0.3]}]
    assert read_sweep(write(tmp_path, grid=pairs)).x is None


def test_what_is_asked_for_is_taken(tmp_path):
    sweep = read_sweep(
        write(
            tmp_path,
            grid={'strength': [0.1, 0.2], 'steps': [1, 2], 'method': ['bcr', 'cntr']},
            baseline={'method': 'cntr', 'steps': 2, 'strength': 0.1},
            metric='modes',
            better='higher',
            x='strength',
            curve='steps',
            contrasts=[
                (
                    {'method': 'cntr', 'steps': 1, 'strength': 0.1},
                    {'method': 'bcr', 'steps': 2, 'strength': 0.2},
                )
            ],
        )
    )
    assert sweep.baseline == {'strength': 0.1, 'steps': 2, 'method': 'cntr'}
    assert sweep[3:-1] == ('modes', True, 'strength', 'steps')
    (one, other) = sweep.contrasts[0]
    assert one == {'strength': 0.1, 'steps': 1, 'method': 'cntr'}
    assert other == {'strength': 0.2, 'steps': 2, 'method': 'bcr'}


@pytest.mark.parametrize(
    ('asked', 'said'),
    [
        ({'seed': 3}, "a sweep has no 'seed'; did you mean 'seeds'?"),
        ({'seeds': None}, "the sweep's 'seeds' is missing: give a positive integer"),
        ({'seeds': 0}, "the sweep's 'seeds' is 0: give a positive integer"),
        ({'seeds': True}, "the sweep's 'seeds' is True: give a positive integer"),
        (
            {'seeds': 5001},
            "the sweep's 'grid' has 2 arms, and 'seeds' is 5001: give at most 10000 runs",
        ),
        (
            {'grid': {f'terms.{c}.weight': [*range(100)] for c in 'abcdef'}},
            f"the sweep's 'grid' has {10**12} arms, and 'seeds' is 1: give at most 10000 runs",
        ),
        ({'grid': {}}, "the sweep's 'grid' is {}: give {key: [values]}, or a list of such dicts"),
        ({'grid': [{}]}, "the sweep's 'grid' holds {}: give {key: [values]}"),
        ({'grid': {'method': []}}, "the grid's 'method' is []: give a list of values"),
        ({'grid': {'method': 'bcr'}}, "the grid's 'method' is 'bcr': give a list of values"),
        ({'grid': {'seed': [1]}}, "the grid varies 'seed': give the number of 'seeds' instead"),
        ({'grid': {'method': ['a,b']}}, "the grid's 'method' cannot be 'a,b'"),
        ({'grid': {'method': [None]}}, "the grid's 'method' cannot be None"),
        ({'grid': {'method': ['bcr', 'bcr']}}, "the grid gives 'method=bcr' twice"),
        ({'better': 'more'}, "the sweep's 'better' is 'more': give 'lower' or 'higher'"),
        ({'x': 'metod'}, "the sweep's 'x' is 'metod'; did you mean 'method'?"),
        ({'x': 'method'}, "the sweep's 'x' is 'method', which takes no numbers"),
        ({'curve': 'strength'}, "the sweep's 'curve' is 'strength'; known: method"),
        (
            {'baseline': {'method': 'cr'}},
            "the sweep's 'baseline': {'method': 'cr'} fits 0 arms: give keys and values that one "
            "alone has, such as {'method': 'none'}",
        ),
        (
            {'contrasts': [({'method': 'bcr'}, {'method': 'cr'})]},
            "the sweep's 'contrasts': {'method': 'cr'} fits 0 arms: give keys and values that one "
            "alone has, such as {'method': 'none'}",
        ),
        (
            {'contrasts': [{'method': 'bcr'}]},
            "the sweep's 'contrasts' is [{'method': 'bcr'}]: give a list of pairs: keys and values "
            'of one arm, and of the other',
        ),
        ({'config': 'none.py'}, 'there is no config file none.py'),
        ({'grid': {3: [1]}}, 'the grid has the key 3: give a key of the config, a text'),
        ({'grid': {'': [1]}}, "the grid has the key '': give a key of the config, a text"),
        (
            {'baseline': {'method': []}},
            "the sweep's 'baseline' is {'method': []}: give keys and values of one arm",
        ),
    ],
)
def test_a_fault_is_one_sentence(tmp_path, asked, said):
    assert faults(write(tmp_path, **asked)) == [said]


@pytest.mark.parametrize(
    ('entry', 'said'),
    [
        ('3: 4', "a sweep has no '3'; known: baseline, better, config, "),
        ("None: 4, 'sedes': 1", "a sweep has no 'None'"),
        ("'seeds': 10 ** 5000", "'seeds' is a number of thousands of digits: give at most 10000"),
        ("'grid': {'strength': [10 ** 5000]}", "the grid's 'strength' cannot be a number of thous"),
        ("'grid': {('a',): [1]}", "the grid has the key ('a',): give a key of the config"),
        ("'grid': {'strength': [float('nan')]}", "the grid's 'strength' cannot be nan"),
        ("'x': ['strength']", "the sweep's 'x' is ['strength']: give a key of the grid"),
        ("'config': '\\0'", 'there is no config file \\x00'),
    ],
)
def test_odd_keys_and_values_are_sentences(tmp_path, entry, said):
    asked = f"{{'config': {TINY!r}, 'grid': {{'method': ['none']}}, 'seeds': 1, {entry}}}"
    assert said in faults(write(tmp_path, f'def get_sweep():\n    return {asked}\n'))[0]


def test_a_baseline_that_fits_several_arms_is_refused(tmp_path):
    path = write(tmp_path, grid={'method': ['bcr'], 'strength': [0.1, 0.2]}, baseline={})
    assert "'baseline': {} fits 2 arms" in faults(path)[0]


def test_faults_of_all_runs_are_said_together_and_each_once(tmp_path):
    grid = [
        {'method': ['bcr', 'bcrr'], 'strength': [0.1], 'terms.consistency.wait': [1.0]},
        {'method': ['none'], 'steps': [0]},
    ]
    said = faults(write(tmp_path, grid=grid, seeds=5))
    assert len(said) == 3
    name = 'method=bcr,strength=0.1,terms.consistency.wait=1.0'
    assert said[0].startswith(
        f'{name}: config.terms.consistency: gan_jax.terms.consistency.balanced'
    )
    assert 'method=bcrr,strength=0.1' in said[1] and "there is no method 'bcrr'" in said[1]
    assert said[2] == 'method=none,steps=0: config.steps is 0: give an integer from 1 to 2147483647'


def test_what_all_runs_have_wrong_is_said_once(tmp_path):
    said = faults(write(tmp_path, grid={'strenth': [0.1, 0.2]}, seeds=2))
    assert len(said) == 2  # the two values make two sentences
    (one,) = faults(write(tmp_path, grid={'steps': [5, 9], 'augment.strenth': [0.1]}))
    assert one.startswith("config has no 'augment.strenth'; did you mean 'augment.strength'?")


def test_a_name_that_no_folder_can_have_is_refused(tmp_path):
    grid = {f'optim.d.{"x" * 50}{i}': [1.0] for i in range(4)}
    (one,) = faults(write(tmp_path, grid=grid))
    assert one.endswith('is too long for a folder: vary fewer keys')


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x = 1', 'defines no function get_sweep()'),
        ('def get_sweep():\n    return 3', 'get_sweep returns 3: return a dict'),
        ('def get_sweep():\n    raise ValueError("why")', ': why'),
        ('def get_sweep():\n    return {}["why"]', ", line 2: KeyError: 'why'"),
        ('def get_sweep(:', 'SyntaxError'),
    ],
)
def test_a_file_that_is_no_sweep(tmp_path, text, said):
    path = write(tmp_path, text)
    (one,) = faults(path)
    assert one.startswith(str(path)) and said in one


def test_no_file(tmp_path):
    assert faults(tmp_path / 'none.py') == [f'there is no sweep file {tmp_path}/none.py']


def test_a_metric_that_no_run_measures_is_refused_before_the_first_run(tmp_path):
    """Nothing would be compared; tests/sweeps/tiny.py measures fd_digits and modes."""
    for metric in ('fid10k_test', 'diversity', 'kd100_train@digits', 'swd128_test'):
        said = f"the sweep's 'metric' is '{metric}', and its runs measure fd_digits, modes: give "
        assert faults(write(tmp_path, metric=metric))[0].startswith(said)
    unmeasured = {'evaluate.metrics': ['']}
    assert 'and its runs measure nothing' in faults(write(tmp_path, grid=unmeasured))[0]
    for part in ('modes', 'modes_kl', 'precision10k_test', 'mine/part'):  # known when measured
        assert read_sweep(write(tmp_path, metric=part)).metric == part
    some = {'evaluate.metrics': ['', 'fd_digits']}
    assert measured(read_sweep(write(tmp_path, grid=some)).runs) == ['fd_digits']
