"""One training step in PyTorch: what `gan_jax.step` computes, as a PyTorch user would write it.

It is there to be timed. The networks have the same layers, parameters and initial distributions, in
channels_last; the terms, their weights and the views that they read are those of the same config;
equal weights, images and latents give equal losses, gradients and updates (tests/oracle). Each has
what saves work: one pass of the discriminator for all views of an update, whose fakes are made
without a graph; no gradients of the discriminator's weights in the generator's update; shortcuts
convolved where their map is smallest; images resident on the device as uint8; fused Adam; the
average in one call; nothing that waits for the device before the last step.

What differs:
- The random generators, and with them every draw. Batches are drawn uniformly from all images, by
  the device; ours are slices of a permutation, looked up by index. Labels of fakes are uniform;
  ours are as the config says.
- The generator's BatchNorm statistics and power iterations move in the discriminator's updates too,
  and the discriminator's in the generator's, where ours keep them for the player's own update. The
  work is the same.
- `bfloat16` is autocast: float32 weights, and as in ours float32 spectral norms, statistics,
  softmax, features, heads and losses.
- On a GPU float32 is TF32, as by JAX's default; ours leaves it where it builds contrasts and moves
  images, which here are a small matmul and a lookup.
- What is fused: in eager mode what PyTorch's kernels fuse, compiled each player's whole loss with
  its draws (forward and backward a graph each), but neither Adam nor the average. Ours compiles the
  step as one program.
- Ours also keeps running means of the losses' parts, a few scalars a step.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_jax.experiment.build import Experiment, build_experiment
from gan_jax.routing import route_views
from gan_jax.state import Ema
from tests.in_torch import augment, supported
from tests.in_torch.losses import Term
from tests.in_torch.players import Players, Shape, make_players, make_terms

Record = Mapping[str, Tensor]  # {'image': [B, C, H, W] in [0, 1], 'label': [B]}


def make(
    settings: Mapping[str, Any],
    images: np.ndarray,
    labels: np.ndarray,
    *,
    compiled: bool,
    device: str | None = None,
) -> Callable[[int], None]:
    """Networks, optimisers and data on a device, ready to train. Seeds torch's generators.

    Args:
        settings: the resolved config, nested dicts.
        images: uint8 [N, H, W, C].
        labels: int32 [N].
        compiled: whether each loss goes through `torch.compile`, at its first call.
        device: 'cpu', 'cuda', 'cuda:1', ...; None is a GPU where there is one.

    Returns:
        (n) -> None: takes n training steps and returns when the device has finished them.

    Raises:
        UserError: a setting has no equivalent here.
    """
    supported.check(settings)
    where = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    torch.manual_seed(settings['seed'])
    if where.type == 'cuda':
        torch.set_float32_matmul_precision('high')  # TF32, as convolutions have it by default
        torch.backends.cudnn.benchmark = True
    shape = images.shape[1:]
    with where:
        players = make_players(settings, shape)
    held = torch.from_numpy(images).to(where), torch.from_numpy(labels).long().to(where)
    losses = _drawn(settings, held, make_losses(settings, shape, players))
    if compiled:
        losses = {side: torch.compile(loss, fullgraph=True) for side, loss in losses.items()}
    ema, size, done = Ema(**settings['ema']), settings['batch_size'], 0

    def train(steps: int) -> None:
        nonlocal done
        for _ in range(steps):
            done += 1
            step_size = _step_size(ema, done * size, size)
            train_step(players, losses, d_steps=settings['d_steps'], step_size=step_size)
        if where.type == 'cuda':
            torch.cuda.synchronize(where)

    return train


def make_losses(
    settings: Mapping[str, Any], shape: Shape, players: Players
) -> dict[str, Callable[..., Tensor]]:
    """Each player's loss [] of given draws.

    Returns:
        {'d': (image uint8 [B, H, W, C], label [B], z [B, Z], fake_label [B]) -> loss,
        'g': (z, fake_label) -> loss}
    """
    classes = _classes(settings)
    experiment = build_experiment(settings, shape=shape, num_classes=classes)
    terms = make_terms(settings)
    player_loss = {side: _player_loss(side, experiment, terms, players.critic) for side in 'dg'}
    half = settings['dtype'] == 'bfloat16'

    def fakes(z: Tensor, label: Tensor) -> Record:
        with torch.autocast(z.device.type, torch.bfloat16, enabled=half):
            return {'image': players.generator(z, label), 'label': label}

    def d(image: Tensor, label: Tensor, z: Tensor, fake_label: Tensor) -> Tensor:
        # NHWC in memory is channels_last.
        real = {'image': image.permute(0, 3, 1, 2).to(z.dtype) / 255, 'label': label}
        with torch.no_grad():
            fake = fakes(z, fake_label)
        return player_loss['d']({'real': real, 'fake': fake})

    def g(z: Tensor, fake_label: Tensor) -> Tensor:
        return player_loss['g']({'fake': fakes(z, fake_label)})

    return {'d': d, 'g': g}


def train_step(
    players: Players,
    losses: Mapping[str, Callable[[], Tensor]],
    *,
    d_steps: int,
    step_size: float,
) -> None:
    """d_steps updates of the discriminator, one of the generator, and the average.

    Args:
        players: changed in place.
        losses: of each player, () -> loss [].
        d_steps: the discriminator's updates.
        step_size: what the average takes of the new numbers.
    """
    players.critic.requires_grad_(True)
    for _ in range(d_steps):
        _descend(players.optimizers['d'], losses['d']())
    players.critic.requires_grad_(False)
    _descend(players.optimizers['g'], losses['g']())
    with torch.no_grad():
        torch._foreach_lerp_(players.average, players.numbers, step_size)


def _player_loss(
    side: str, experiment: Experiment, terms: Mapping[str, Term], critic: nn.Module
) -> Callable[[Mapping[str, Record]], Tensor]:
    """sources -> the player's loss [], from one pass over the union of the terms' views."""
    wanted = route_views(experiment.terms, side, experiment.gan.augment.view)
    hyper = experiment.hyper
    views = list(dict.fromkeys(wanted.views))
    shows = [
        (view.source, augment.policy(view.policy, float(hyper.strength.get(view.policy, 0))))
        for view in views
    ]
    reads = {
        name: {v: views.index(view) for v, view in objective.views.items()}
        for name, objective in wanted.objectives.items()
    }
    heads = [name for name in reads if terms[name].head]

    def loss(sources: Mapping[str, Record]) -> Tensor:
        image = torch.cat([show(sources[source]['image']) for source, show in shows])
        label = torch.cat([sources[source]['label'] for source, _ in shows])
        out = {k: x.chunk(len(shows)) for k, x in critic(image, label, heads).items()}
        value = 0
        for name, places in reads.items():
            mine = {v: {'logit': out['logit'][i]} for v, i in places.items()}
            if name in heads:
                mine = {v: {'head': out[name][i]} for v, i in places.items()}
            for part, x in getattr(terms[name], side)(mine).items():
                value = value + _weight(hyper.weights[name], part) * x
        return value

    return loss


def _weight(weight: Any, part: str) -> float:
    return float(weight[part] if isinstance(weight, Mapping) else weight)


def _classes(settings: Mapping[str, Any]) -> int:
    return max(settings[name].get('num_classes', 0) for name in ('generator', 'logit'))


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def _step_size(ema: Ema, images: int, size: int) -> float:
    """As `gan_jax.state.average`, when G has moved by batches of `size` for `images` images."""
    return 1 - 0.5 ** (size / min(ema.halflife_images, ema.ramp * images))


def _drawn(
    settings: Mapping[str, Any],
    held: tuple[Tensor, Tensor],
    losses: Mapping[str, Callable[..., Tensor]],
) -> dict[str, Callable[[], Tensor]]:
    """The losses of fresh draws."""
    images, labels = held
    size, dim = settings['batch_size'], settings['latent']['dim']
    classes = _classes(settings) or 1

    def latents() -> tuple[Tensor, Tensor]:
        z = torch.randn(size, dim, device=images.device)
        return z, torch.randint(classes, (size,), device=images.device)

    def d() -> Tensor:
        rows = torch.randint(len(images), (size,), device=images.device)
        return losses['d'](images[rows], labels[rows], *latents())

    return {'d': d, 'g': lambda: losses['g'](*latents())}
