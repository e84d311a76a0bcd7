"""The train step in PyTorch computes what ours does: networks, losses, gradients, a whole step."""

import copy
import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import labels
from gan_jax.augment import draws, operation, ops
from gan_jax.augment import policy as policies
from gan_jax.experiment.build import build_experiment
from gan_jax.experiment.config import load_config
from gan_jax.keys import named
from gan_jax.runtime.errors import UserError
from gan_jax.state import Net, create
from gan_jax.step import make_d_gradient, make_train_step
from tests import small
from tests.in_torch import supported

torch = pytest.importorskip('torch')
pytestmark = pytest.mark.oracle
if torch:
    from torch._subclasses.fake_tensor import FakeTensorMode

    from tests.in_torch import augment, players, step
    from tests.oracle.torch_weights import as_torch, load

SIZE = 4
LOGIT = dict(fn='gan_jax.models.critic.Logit')
PROJECTION = dict(fn='gan_jax.models.critic.ProjectionLogit', num_classes=10)


def blocks(network, g, d, *, logit=LOGIT, z=10):
    """The blocks of a config that describe its networks."""
    return {
        'generator': dict(fn=f'gan_jax.models.{network}.Generator', **g),
        'discriminator': dict(fn=f'gan_jax.models.{network}.Trunk', **d),
        'logit': logit,
        'latent': dict(fn='gan_jax.latents.normal', dim=z, labels='data'),
    }


def biggan(channels, *, classes=10, z=80, g=None, d=None, **both):
    g = dict(channels=channels, num_classes=classes, **both, **(g or {}))
    d = dict(channels=channels, **both, **(d or {}))
    return blocks('biggan', g, d, logit=PROJECTION if classes else LOGIT, z=z)


NARROW, FULL = dict(width=1 / 32), dict(width=1.0)
CLASSES, PLAIN = dict(num_classes=10), dict(attention=False, initializer='normal')
TABLES = dict(shared=0, hierarchical=False)
SNDCGAN = blocks('sndcgan', NARROW, NARROW)
NETWORKS = {
    'sndcgan': SNDCGAN,
    'resnet': blocks('resnet', NARROW, NARROW),
    'resnet with classes': blocks('resnet', {**NARROW, **CLASSES}, NARROW, logit=PROJECTION),
    'biggan': biggan(4, g=dict(shared=6)),
    'biggan without classes': biggan(4, classes=0, d=dict(compare_gan=False)),
    'biggan with tables': biggan(4, g=TABLES, d=dict(compare_gan=False), **PLAIN),
}


@functools.cache
def _config(method):
    return load_config(f'configs/cifar10_sndcgan.py:method={method},augment=translation').to_dict()


def settings(networks=SNDCGAN, method='none', **changes):
    return {**copy.deepcopy(_config(method)), **networks, 'batch_size': SIZE, **changes}


@pytest.fixture(autouse=True)
def float64(x64):
    """Numbers that leave only one explanation for a difference."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def both(settings, shape=(32, 32, 3)):
    """Our gan and the players in PyTorch with the same made-up weights."""
    classes = settings['generator'].get('num_classes', 0)
    experiment = build_experiment(settings, shape=shape, num_classes=classes)
    gan = experiment.gan
    critic = gan.critic.clone(trunk=gan.critic.trunk.clone(dtype=None))
    gan = gan._replace(generator=gan.generator.clone(dtype=None), critic=critic)
    start = functools.partial(
        *(create, gan.generator, gan.critic, experiment.terms, gan.optimizers),
        **dict(seed=0, latent_dim=gan.latent_dim, shape=shape),
    )
    state, rng = jax.eval_shape(start), np.random.default_rng(0)
    theirs = players.make_players(settings, shape)
    for side, net in {'g': theirs.generator, 'd': theirs.critic}.items():
        variables = small.numbers(getattr(state, side).variables, rng, np.float64)
        load(variables, net)
        params = variables.pop('params')
        state = state.replace(**{side: Net(params, variables, gan.optimizers[side].init(params))})
    state = state.replace(step=np.int32(0), ema=state.g.variables)
    for mean, own in zip(theirs.average, theirs.numbers, strict=True):
        mean.copy_(own)
    hyper = jax.tree.map(np.float64, experiment.hyper)._replace(seed=np.int32(0))
    ours = SimpleNamespace(gan=gan, terms=experiment.terms, state=state, hyper=hyper)
    return ours, theirs


def batch(d_steps=1, shape=(32, 32, 3)):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (d_steps, SIZE, *shape), dtype=np.uint8)
    label = rng.integers(0, 10, (d_steps, SIZE), dtype=np.int32)
    return {'image': images, 'label': label, 'index': np.zeros_like(label)}


def latents(gan, key):
    """What our step draws with a sub-step's key, for PyTorch."""
    z = jax.random.normal(named(key, 'z'), (SIZE, gan.latent_dim))
    label = labels.drawn(named(key, 'label'), gan.class_counts, SIZE)
    return torch.tensor(np.array(z)), torch.tensor(np.array(label)).long()


def real(batch, i=0):
    return torch.tensor(batch['image'][i]), torch.tensor(batch['label'][i]).long()


def assert_close(found, expected, atol=None):
    """Equal to rounding; a bias before BatchNorm has a gradient of nothing else."""
    assert found.keys() == expected.keys()
    largest = max(x.abs().max() for x in expected.values())
    for name, x in expected.items():
        error = (found[name] - x).abs().max()
        assert error < (atol or 1e-10 * x.abs().max() + 1e-12 * largest), name


def gradients(net):
    return {name: p.grad for name, p in net.named_parameters()}


# Networks and losses -----------------------------------------------------------------------------


@pytest.mark.parametrize('networks', NETWORKS.values(), ids=NETWORKS)
def test_images_logits_and_the_hinge_gradients(networks):
    config = settings(networks)
    ours, theirs = both(config)
    gan, state, key = ours.gan, ours.state, jax.random.key(3)
    z, label = latents(gan, key)

    def play(state, key, batch, hyper):
        d = make_d_gradient(gan, ours.terms)(state, batch, key, hyper)

        def loss(params):
            variables = {'params': params, **state.g.stats}
            image, _ = gan.generator.apply(
                *(variables, z.numpy(), label.numpy()), train=True, mutable=['batch_stats']
            )
            out, _ = gan.critic.apply(
                *(state.d.variables, image, label.numpy()), train=True, mutable=['batch_stats']
            )
            return -out['logit'].mean(), (image, out['logit'])

        g, (image, logit) = jax.grad(loss, has_aux=True)(state.g.params)
        return d, g, image, logit

    reals = batch()
    row = jax.tree.map(lambda x: x[0], reals)
    d, g, image, logit = small.jit(play)(state, key, row, ours.hyper)
    losses = step.make_losses(config, (32, 32, 3), theirs)
    losses['d'](*real(reals), z, label).backward()
    assert_close(gradients(theirs.critic), as_torch({'params': d}, theirs.critic))
    assert all(p.grad is None for p in theirs.generator.parameters())

    load(state.g.variables, theirs.generator)  # their power iterations have moved
    load(state.d.variables, theirs.critic)
    losses['g'](z, label).backward()
    assert_close(gradients(theirs.generator), as_torch({'params': g}, theirs.generator))

    load(state.g.variables, theirs.generator)
    load(state.d.variables, theirs.critic)
    with torch.no_grad():
        fake = theirs.generator(z, label)
        judged = theirs.critic(fake, label, ())['logit']
    expected = torch.tensor(np.array(image)).permute(0, 3, 1, 2)
    assert_close({'image': fake}, {'image': expected})
    assert_close({'logit': judged}, {'logit': torch.tensor(np.array(logit))})
    assert fake.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('adversarial', ['hinge', 'non_saturating'])
@pytest.mark.parametrize('method', ['cr', 'bcr_cntr'])
def test_the_terms_and_their_weights(adversarial, method, monkeypatch):
    @operation.op(operation.OPEN)
    def fade(key, images, strength):
        return (1 - strength) * images

    monkeypatch.setitem(policies.OPS, 'translation', fade)
    monkeypatch.setitem(augment.OPS, 'translation', lambda images, amount: (1 - amount) * images)
    config = settings(method=method)
    config['terms']['adversarial']['fn'] = f'gan_jax.terms.adversarial.{adversarial}'
    ours, theirs = both(config, (8, 8, 3))
    reals, key = batch(shape=(8, 8, 3)), jax.random.key(3)
    row = jax.tree.map(lambda x: x[0], reals)
    gradient = small.jit(make_d_gradient(ours.gan, ours.terms))
    d = gradient(ours.state, row, key, ours.hyper)
    loss = step.make_losses(config, (8, 8, 3), theirs)['d']
    loss(*real(reals), *latents(ours.gan, key)).backward()
    assert_close(gradients(theirs.critic), as_torch({'params': d}, theirs.critic))


# A step ------------------------------------------------------------------------------------------


def test_a_whole_step():
    """Two updates of D and one of G by Adam, and the average; none of them is a draw's doing."""
    shape, ema = (8, 8, 3), dict(halflife_images=10_000.0, ramp=5.0)
    config = settings(d_steps=2, ema=ema)
    ours, theirs = both(config, shape)
    reals, key = batch(2, shape), named(jax.random.key(0), 'step', 0)
    new, _ = small.jit(make_train_step(ours.gan, ours.terms))(ours.state, reals, ours.hyper)

    losses = step.make_losses(config, shape, theirs)
    each = (real(reals, i) + latents(ours.gan, named(key, 'd', i)) for i in range(2))
    drawn = {
        'd': lambda: losses['d'](*next(each)),
        'g': lambda: losses['g'](*latents(ours.gan, named(key, 'g'))),
    }
    step.train_step(theirs, drawn, d_steps=2, step_size=1 - 0.5 ** (SIZE / (5 * SIZE)))
    # Adam moves by the rate whatever the gradient, so that rounding shows where there is none.
    atol = 1e-4 * config['optim']['g']['learning_rate']
    for net, side in (theirs.generator, new.g), (theirs.critic, new.d):
        found = {name: p.detach() for name, p in net.named_parameters()}
        assert_close(found, as_torch({'params': side.params}, net), atol)
    names = [name for name, _ in theirs.generator.named_parameters()]
    found = dict(zip(names, theirs.average, strict=False))  # parameters stand first
    assert_close(found, as_torch({'params': new.ema['params']}, theirs.generator), atol)
    assert not any(p.requires_grad for p in theirs.critic.parameters())


@pytest.fixture
def trained(monkeypatch):
    """(config, compiled) -> how many images D saw in each pass of two steps, of one each."""
    torch.set_default_dtype(torch.float32)
    # Traces and differentiates as a compilation does, in a tenth of the time.
    monkeypatch.setattr(torch, 'compile', functools.partial(torch.compile, backend='aot_eager'))

    def run(config, compiled):
        made, passes = [], []

        def make_players(*arguments):
            made.append(players.make_players(*arguments))
            if not compiled:
                trunk = made[0].critic.trunk
                trunk.register_forward_hook(lambda net, given, out: passes.append(len(given[0])))
            return made[0]

        monkeypatch.setattr(step, 'make_players', make_players)
        rows = np.random.default_rng(0)
        images = rows.integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
        train = step.make(config, images, np.zeros(10, np.int32), compiled=compiled, device='cpu')
        weights = [*made[0].generator.parameters(), *made[0].critic.trunk.parameters()]
        before = [p.detach().clone() for p in weights]
        train(1)
        train(1)
        assert all(torch.isfinite(p).all() for p in weights)
        assert not any(torch.equal(p, q) for p, q in zip(before, weights, strict=True))
        return passes

    return run


@pytest.mark.parametrize('compiled', [False, True])
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_training_moves_both_networks(compiled, dtype, trained):
    config = settings(method='bcr_cntr', dtype=dtype, d_steps=2)
    config['augment']['view'] = 'flip|translation'
    # Real and fake, each as it is and in two draws, in one pass: Cntr's first draw is bCR's.
    assert trained(config, compiled) == ([] if compiled else 2 * [6 * SIZE, 6 * SIZE, SIZE])


def test_bfloat16_is_that_of_the_layers_alone():
    torch.set_default_dtype(torch.float32)
    config = settings(NETWORKS['biggan'], 'cntr', dtype='bfloat16')
    theirs = players.make_players(config, (32, 32, 3))
    seen = {}

    def note(name, module):
        module.register_forward_hook(lambda net, given, out: seen.update({name: out.dtype}))

    critic, block = theirs.critic, theirs.generator.blocks[0]
    note('conv', critic.trunk.blocks[1].convs[0])
    note('spectral norm', critic.trunk.blocks[1].convs[0].parametrizations.weight[0])
    note('attention', critic.trunk.attention)
    note('norm', block.norms[0])
    note('gain', block.norms[0].gain)
    note('block', block)
    note('logit', critic.logit)
    note('head', critic.heads['contrastive'])
    note('features', critic.trunk)
    note('image', theirs.generator)
    losses = step.make_losses(config, (32, 32, 3), theirs)
    z, label = torch.randn(SIZE, 80), torch.zeros(SIZE, dtype=torch.long)
    losses['d'](torch.zeros(SIZE, 32, 32, 3, dtype=torch.uint8), label, z, label)
    losses['g'](z, label)
    narrow = {name for name, dtype in seen.items() if dtype == torch.bfloat16}
    assert narrow == {'conv', 'attention', 'norm', 'gain', 'block'}
    assert {dtype for name, dtype in seen.items() if name not in narrow} == {torch.float32}
    layer = critic.trunk.blocks[1].convs[0].eval()
    with torch.autocast('cpu', torch.bfloat16):
        inside = layer.weight
    assert torch.equal(inside, layer.weight)  # its power iteration is float32 as well


# Augmentation ------------------------------------------------------------------------------------


def test_a_translation_reads_the_same_pixels():
    images = np.random.default_rng(0).random((50, 6, 9, 2))
    key, weights = jax.random.key(0), np.random.default_rng(1).random(images.shape)
    expected, pull = jax.vjp(lambda x: ops.translation(key, x, 0.9), images)
    amounts = 0.9 * torch.tensor(np.array(draws.signed(key, jnp.array(images), 2)))
    given = torch.tensor(images).permute(0, 3, 1, 2).requires_grad_()
    found = augment.moved(given, *amounts).permute(0, 2, 3, 1)
    assert np.array_equal(found.detach(), expected)
    (found * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(given.grad.permute(0, 2, 3, 1), pull(weights)[0], atol=1e-12)


def test_a_policy_draws_for_each_image():
    images = torch.arange(3.0 * 8 * 8).view(1, 3, 8, 8).repeat(300, 1, 1, 1)
    assert augment.policy('', 0.5)(images) is images
    turned = augment.policy('flip', 0.5)(images)
    kept = (turned == images).flatten(1).all(1)
    assert torch.equal(turned[~kept], images.flip(3)[~kept]) and 100 < kept.sum() < 200
    assert torch.equal(augment.policy('translation', 0.0)(images), images)
    # A shift is no more than half a pixel's share, or one pixel to each side: of nine the centre.
    moved = augment.policy(' translation(0.125) | flip', 0.9)(images)
    assert len({tuple(image.flatten().tolist()) for image in moved}) == 18


# What there is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('networks', 'side'),
    [
        (blocks('sndcgan', FULL, FULL, z=128), 32),
        (blocks('sndcgan', FULL, FULL, z=128), 128),
        *((blocks('resnet', FULL, FULL, z=128), side) for side in (32, 48, 64, 128)),
        (blocks('resnet', CLASSES, FULL, logit=PROJECTION, z=128), 32),
        (biggan(96), 32),
        (biggan(96, classes=0, d=dict(compare_gan=False)), 32),
        (biggan(64, z=128, g=TABLES, d=dict(compare_gan=False), **PLAIN), 32),
        (biggan(96, z=120), 128),
        (biggan(96, z=120, d=dict(compare_gan=False)), 128),
    ],
)
def test_the_networks_have_as_many_parameters(networks, side):
    config, shape = settings(networks, 'cntr'), (side, side, 3)
    classes = config['generator'].get('num_classes', 0)
    experiment = build_experiment(config, shape=shape, num_classes=classes)
    gan, label = experiment.gan, jnp.zeros(2, int)
    inputs = {
        'g': (gan.generator, jnp.zeros((2, gan.latent_dim))),
        'd': (gan.critic, jnp.zeros((2, *shape))),
    }
    with FakeTensorMode():
        generator, critic = players.make_networks(config, shape)
    for name, net in {'g': generator, 'd': critic}.items():
        module, x = inputs[name]
        start = functools.partial(module.init, train=True)
        expected = jax.eval_shape(start, jax.random.key(0), x, label)['params']
        count = sum(x.size for x in jax.tree.leaves(expected))
        assert sum(p.numel() for p in net.parameters()) == count


@pytest.mark.parametrize('name', ['sndcgan', 'resnet with classes', 'biggan'])
def test_weights_start_alike(name):
    config = settings(NETWORKS[name], 'cntr')
    for block in (config['generator'], config['discriminator']):
        block.update(width=1 / 8) if 'width' in block else block.update(channels=16)
    experiment = build_experiment(config, shape=(32, 32, 3), num_classes=10 * (name != 'sndcgan'))
    gan = experiment.gan
    start = functools.partial(
        *(create, gan.generator, gan.critic, experiment.terms, gan.optimizers),
        **dict(seed=0, latent_dim=gan.latent_dim, shape=(32, 32, 3)),
    )
    state = small.jit(start)()
    for side, net in zip('gd', players.make_networks(config, (32, 32, 3)), strict=True):
        found = dict(net.named_parameters())
        for key, x in as_torch({'params': getattr(state, side).params}, net).items():
            ours, theirs = x.double(), found[key].detach()
            error = 6 / np.sqrt(x.numel())  # six standard deviations of a sample's mean
            spread = ours.std(correction=0)
            assert abs(theirs.std(correction=0) - spread) <= error * spread, key
            assert abs(theirs.mean() - ours.mean()) <= error * spread, key


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'joint': False}, 'config.joint is False.*give True'),
        ({'generator': {'fn': 'fork.G'}}, "config.generator.fn is 'fork.G'.*sndcgan.Generator"),
        ({'logit': {'fn': 'fork.L'}}, "config.logit.fn is 'fork.L'.*critic.ProjectionLogit"),
        (
            {'terms': {'r1': {'fn': 'gan_jax.terms.penalty.r1', 'weight': 1.0}}},
            "config.terms.r1.fn is 'gan_jax.terms.penalty.r1'.*consistency.balanced",
        ),
        ({'terms': {'adversarial': {'every': 2}}}, 'config.terms.adversarial.every is 2.*give 1'),
        (
            {'terms': {'adversarial': {'policy': 'zoom_in'}}},
            "config.terms.adversarial.policy is 'zoom_in'.*'translation' or 'flip'",
        ),
        ({'augment': {'view': 'flip|cutout'}}, "config.augment.view is 'cutout'"),
        ({'augment': {'view': 'p(0.5, flip)'}}, "config.augment.view is 'p'"),
        ({'augment': {'view': 'mix(flip|flip, flip)'}}, r"config.augment.view is 'mix\(flip'"),
        ({'augment': {'real': 'flip'}}, "config.augment.real is 'flip'"),
        ({'augment': {'critic': 'flip'}}, "config.augment.critic is 'flip'"),
        ({'optim': {'g': {'fn': 'optax.sgd'}}}, "config.optim.g.fn is 'optax.sgd'.*optax.adam"),
        ({'generator': {'remat': True}}, 'config.generator.remat is True.*give False'),
        ({'accumulate': 2}, 'config.accumulate is 2.*give 1'),
        ({'optim': {'d': {'nesterov': True}}}, 'config.optim.d.nesterov is True.*leave it out'),
    ],
)
def test_what_has_no_equivalent_is_refused(change, words):
    def merged(old, new):
        nested = isinstance(old, dict) and isinstance(new, dict)
        return {**old, **{k: merged(old.get(k), v) for k, v in new.items()}} if nested else new

    config = settings()
    supported.check(config)
    with pytest.raises(UserError, match=words):
        step.make(
            *(merged(config, change), np.zeros((9, 8, 8, 3), np.uint8), np.zeros(9, np.int32)),
            compiled=False,
        )


def test_a_term_of_weight_0_needs_no_equivalent():
    config = settings()
    config['terms']['r1'] = {'fn': 'gan_jax.terms.penalty.r1', 'weight': 0.0}
    supported.check(config)
