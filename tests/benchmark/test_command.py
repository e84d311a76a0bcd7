"""The command itself, once, on networks of one layer, with a stand-in for PyTorch."""

import contextlib
import json
import sys
import time
import types
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

import gan_jax
from gan_jax import data
from gan_jax.augment import policy
from gan_jax.benchmark import __main__ as command
from gan_jax.benchmark import baselines, compiled
from gan_jax.experiment import config
from gan_jax.runtime import signals
from gan_jax.runtime.errors import MISSING, UNWRITABLE, UserError
from tests.in_torch import supported

pytestmark = pytest.mark.usefixtures('quick')

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
ROOT = Path(__file__).parents[2]
STEP = f'{baselines.IN_TORCH}.step'


def in_torch(taken):
    """A module like `tests.in_torch.step`: eager steps go to `taken`, the other cannot compile."""

    def make(settings, images, labels, *, compiled):
        assert settings['batch_size'] == 8 and images.shape[1:] == (8, 8, 1)
        assert len(labels) == len(images) and images.flags.writeable
        if compiled:
            raise RuntimeError('no C++ compiler\nand a long story')

        def take(count):
            taken.append(count)
            time.sleep(0.002 * count)

        return take

    step = types.ModuleType(STEP)
    step.make, step.supported = make, types.SimpleNamespace(check=lambda settings: None)
    return step


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    """(what is printed, the JSON, what PyTorch's stand-in took)."""
    out, taken, printed = tmp_path_factory.mktemp('out') / 'new' / 'result.json', [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, STEP, in_torch(taken))
        patch.setattr(policy, 'OPS', {name: policy.OPS[name] for name in ('flip', 'translation')})
        # The tests have a cache, and use it.
        patch.setattr(compiled, 'uncached', contextlib.nullcontext)
        patch.setattr('builtins.print', lambda text, **_: printed.append(text))
        flags = [f'--config={TINY}:method=cr', '--config.d_steps=2', f'--out={out}']
        assert command.main([*flags, '--against=torch', '--repeats=1']) == 0
    return '\n'.join(printed), json.loads(out.read_text()), taken


def numbers(tree):
    for value in tree.values():
        if isinstance(value, dict):
            yield from numbers(value)
        elif isinstance(value, int | float):
            yield value


def spreads(tree):
    for value in tree.values():
        if isinstance(value, dict):
            yield from [value] if 'median' in value else spreads(value)


@pytest.mark.slow
def test_it_says_what_it_measured_and_with_what(done):
    _, result, _ = done
    assert result['images'] == {'source': 'digits', 'shape': [8, 8, 1]}
    assert result['settings']['d_steps'] == 2
    assert result['command'].startswith('python -m gan_jax.benchmark --config=')
    assert {'jax', 'gan_jax', 'device'} <= result['versions'].keys()
    assert (result['devices'], result['repeats']) == (1, 1)
    assert result['time'].endswith('Z') and result['load'] >= 0


@pytest.mark.slow
def test_the_numbers_agree_with_each_other(done):
    """With one turn every ratio is that of two medians."""
    of = done[1]['measured']
    step, loop = (of[name]['seconds']['median'] for name in ('step', 'loop'))
    roofline, work = of['roofline'], of['work']['counted']
    near = pytest.approx
    assert of['step']['images_per_second'] == near(2 * 8 / step)
    assert of['loop']['host_gap']['median'] == near(1 - step / loop)
    assert roofline['achieved']['median'] == near(work['needed'] / step)
    assert roofline['share']['median'] == near(
        roofline['achieved']['median'] / roofline['flops_per_second']['median']
    )
    floor = work['needed'] / roofline['flops_per_second']['median']
    assert roofline['floor_seconds']['median'] == near(floor)
    assert 0 < work['needed'] <= work['flops']
    (cost,) = of['left_out'].values()
    assert cost['time_over_flops']['median'] == near(cost['time']['median'] / cost['flops'])
    assert cost['flops'] > 1
    plan = of['memory']['planned_per_device']
    assert plan['total'] == (
        plan['arguments'] + plan['temporaries'] + plan['outputs'] - plan['aliased']
    )
    # The state's bytes pass in and out and are among the arguments.
    assert plan['aliased'] < plan['arguments']


@pytest.mark.slow
def test_one_device_sends_nothing(done):
    assert done[1]['measured']['communication']['collectives'] == []
    assert 'communication' not in done[0]


@pytest.mark.slow
def test_every_number_is_one(done):
    of = done[1]['measured']
    assert all(value >= 0 for value in numbers({**of, 'loop': of['loop']['seconds']}))
    assert all(s['min'] <= s['median'] <= s['max'] for s in spreads(of))
    assert sum(1 for _ in spreads(of)) > 10


@pytest.mark.slow
def test_every_op_and_policy_has_its_share(done):
    found = done[1]['measured']['augmentations']
    assert list(found['ops']) == ['flip', 'translation']
    assert list(found['policies']) == ['translation']
    for cost in found['ops'].values():
        # Two updates of D, forward, and one of G, forward and back, of one and the same step.
        both = 2 * cost['forward']['median'] + cost['through']['median']
        alone = both / cost['share']['median']
        assert alone == pytest.approx(_alone(found['ops']['flip']))


def _alone(cost):
    return (2 * cost['forward']['median'] + cost['through']['median']) / cost['share']['median']


@pytest.mark.slow
def test_pytorch_takes_its_turns(done):
    _, result, taken = done
    against = result['measured']['against']
    assert against['compiled'] == 'not measured: no C++ compiler'
    loop = result['measured']['loop']['seconds']['median']
    eager = against['eager']
    ratio = loop / eager['seconds']['median']
    assert eager['loop_over_this']['median'] == pytest.approx(ratio)
    assert taken[-1] == eager['steps_a_turn']


def test_pytorch_gets_images_that_it_may_own():
    """Those of a file are read-only, of which PyTorch makes no tensor without a warning."""
    images = np.zeros((9, 8, 8, 1), np.uint8)
    images.flags.writeable = False
    blank = data.DataSet(images, None, 0, 'blank')
    whole = types.SimpleNamespace(settings={'batch_size': 8}, dataset=blank)
    found = baselines.torch_baselines(in_torch([]), whole)  # the stand-in looks at the images
    assert list(found.candidates) == ['eager']


@pytest.mark.slow
def test_it_prints_one_screen(done):
    lines = done[0].splitlines()
    assert len(lines) < 40 and max(map(len, lines[1:])) < 120
    for word in ('host gap', 'FLOP', 'terms.consistency', 'translation', 'no C++ compiler'):
        assert word in done[0]


@pytest.mark.slow
def test_the_whole_alone_is_one_compiled_step(tmp_path, monkeypatch, capsys):
    """Nothing is left out, and no augmentation is compiled by itself."""
    monkeypatch.setattr(compiled, 'uncached', contextlib.nullcontext)
    made, compile_step = [], compiled.compile_step
    monkeypatch.setattr(compiled, 'compile_step', lambda p: made.append(p) or compile_step(p))
    out = tmp_path / 'result.json'
    flags = [f'--config={TINY}:method=cr', '--whole_only', '--repeats=1', f'--out={out}']
    assert command.main(flags) == 0
    of = json.loads(out.read_text())['measured']
    assert len(made) == 1
    assert (of['left_out'], of['augmentations']) == ({}, {'ops': {}, 'policies': {}})
    assert of['step']['images_per_second'] > 0
    printed = capsys.readouterr().out
    assert 'host gap' in printed and 'augmentations' not in printed and '\n\n\n' not in printed


def test_what_pytorch_cannot_do_is_said_before_anything_is_compiled(monkeypatch):
    step = types.ModuleType(STEP)
    step.supported = supported
    monkeypatch.setitem(sys.modules, STEP, step)
    with pytest.raises(UserError, match='config.accumulate is 2.*PyTorch: give 1'):
        command.main(['--config=configs/digits.py', '--config.accumulate=2', '--against=torch'])


@pytest.mark.parametrize('name', ['digits', 'cifar10_sndcgan', 'cifar10_resnet', 'cifar10_biggan'])
def test_pytorch_has_an_equivalent_of_every_key_of_the_configs(name):
    settings = config.load_config(
        f'configs/{name}.py:method=bcr_cntr,augment=translation'
    ).to_dict()
    supported.check(settings)


@pytest.fixture
def nothing_loaded(monkeypatch):
    """As in a process that has imported no module of the tests and has no PyTorch."""
    for name in [n for n in sys.modules if n.startswith(baselines.IN_TORCH)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'torch', None)
    yield
    for name in [n for n in sys.modules if n.startswith(baselines.IN_TORCH)]:
        del sys.modules[name]


def test_without_pytorch_it_says_how_to_get_it(nothing_loaded):
    with pytest.raises(
        UserError, match='--against=torch needs PyTorch.* -m pip install torch'
    ) as e:
        command.main([f'--config={TINY}', '--against=torch'])
    assert e.value.status == MISSING


def test_the_step_is_found_by_its_path(nothing_loaded, tmp_path, monkeypatch):
    """Another package on Python's path may be called tests."""
    (tmp_path / 'tests').mkdir()
    (tmp_path / 'tests' / '__init__.py').touch()
    monkeypatch.delitem(sys.modules, 'tests')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match='needs PyTorch'):
        command.main([f'--config={TINY}', '--against=torch'])
    found = Path(sys.modules[baselines.IN_TORCH].__file__)
    assert found == ROOT / 'tests' / 'in_torch' / '__init__.py'


def test_from_a_wheel_pytorch_needs_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(gan_jax, '__file__', str(tmp_path / 'gan_jax' / '__init__.py'))
    with pytest.raises(UserError, match=r'--against=torch needs a checkout.*clone') as error:
        command.main([f'--config={TINY}', '--against=torch'])
    assert error.value.status == MISSING and '\n' not in str(error.value)


@pytest.mark.parametrize(
    'flag', ['--repeats=0', '--against=keras', '--compile_for=', '--nonsense', 'more']
)
def test_wrong_flags(flag):
    with pytest.raises(UserError) as stopped:
        command.main([f'--config={TINY}', flag])
    assert stopped.value.status == 2
    assert flag.split('=')[0] in str(stopped.value)


def test_a_place_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(command, 'measure', lambda *_, **__: pytest.fail('it measures'))
    (tmp_path / 'file').touch()
    for place, sentence, status in (
        (tmp_path, f'--out is {tmp_path}, which is no file: ', 2),
        (tmp_path / 'file' / 'result.json', 'cannot write --out=.*result.json: ', UNWRITABLE),
    ):
        with pytest.raises(UserError, match=sentence) as stopped:
            command.main([f'--config={TINY}', f'--out={place}'])
        assert stopped.value.status == status


def test_faults_of_the_config_are_those_of_train():
    with pytest.raises(UserError, match=r'config.batch_size is 1: give an integer from 2 to'):
        command.main([f'--config={TINY}', '--config.batch_size=1'])


def test_a_signal_leaves_no_result(tmp_path, monkeypatch):
    """Where JAX has swallowed the interrupt that came with it."""
    received, out = [], tmp_path / 'result.json'
    monkeypatch.setattr(signals, '_received', received)
    monkeypatch.setattr(command, 'measure', lambda *_, **__: received.append(2))
    monkeypatch.setattr(command, 'table', lambda result: '')
    with pytest.raises(KeyboardInterrupt):
        command.main([f'--config={TINY}', f'--out={out}'])
    assert received and not out.exists()


def test_no_compilation_is_read_from_the_cache_while_one_is_timed(tmp_path):
    kept = {n: getattr(jax.config, n) for n in CACHE}
    try:
        for name, value in zip(CACHE, (str(tmp_path), 0.0), strict=True):
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        jax.jit(lambda x: x + 3)(1.0)
        known = len(list(tmp_path.iterdir()))
        assert known
        with compiled.uncached():
            jax.jit(lambda x: x + 4)(1.0)
        assert len(list(tmp_path.iterdir())) == known
        jax.jit(lambda x: x + 5)(1.0)
        assert len(list(tmp_path.iterdir())) > known
    finally:
        for name, value in kept.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


CACHE = ('jax_compilation_cache_dir', 'jax_persistent_cache_min_compile_time_secs')
