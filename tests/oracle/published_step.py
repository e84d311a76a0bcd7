"""One training step of the published code, to be timed beside ours: their networks and losses.

Their loop needs a GPU; what is around their losses is written here as they do it. In turn, for
StyleGAN2 G and D, for R3GAN D and G: the loss and its gradients by their `training.loss`, in
StyleGAN2 finite gradients, torch's Adam. Then the average of G. Images are resident as uint8, and a
batch is drawn uniformly. Everything is float32, eager, and on a CPU, as their code runs there: its
own layers in plain PyTorch, where a GPU has kernels of theirs.

R1 acts in every step, as in `gan_jax.benchmark`, or not at all with the weight 0: a step of
StyleGAN2 with it is 'Gboth' and 'Dboth' of their code, one pass for loss and penalty.
"""

import copy
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

# Not of `tests`: torch-fidelity installs a package of that name.
from oracle import published_code, published_supported
from oracle.published_cases import R3GAN, STYLEGAN2
from oracle.published_supported import first_number

Phase = tuple[str, torch.nn.Module, torch.optim.Optimizer]


def make(
    code: str, settings: Mapping[str, Any], images: np.ndarray, labels: np.ndarray
) -> Callable[[int], None]:
    """Networks, optimisers and data, ready to train.

    Args:
        code: of `published_code.import_from`.
        settings: the resolved config.
        images: uint8 [N, H, W, C].
        labels: int32 [N].

    Returns:
        (n) -> None: takes n training steps.

    Raises:
        UserError: as `published_supported.check`.
    """
    published_supported.check(code, settings)
    torch.manual_seed(settings['seed'])
    shape = images.shape[1:]
    g, d = (published_code.network(code, p, settings, shape).requires_grad_(False) for p in 'gd')
    loss = {STYLEGAN2: _stylegan2, R3GAN: _r3gan}[code](g, d, settings)
    average, phases = copy.deepcopy(g).eval(), _phases(code, g, d, settings)
    held = (
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(labels).long(),
    )
    draw = _drawn(held, settings)

    def train(steps: int) -> None:
        for _ in range(steps):
            reals = draw()
            for phase in phases:
                reals = draw() if code == R3GAN else reals
                _update(
                    phase, lambda name, reals=reals: loss(name, *reals, *_fakes(settings)), code
                )
            with torch.no_grad():
                _average(average, g)

    return train


def _phases(
    code: str, g: torch.nn.Module, d: torch.nn.Module, settings: Mapping[str, Any]
) -> list[Phase]:
    def adam(side: str, net: torch.nn.Module) -> torch.optim.Optimizer:
        block = settings['optim'][side]
        rate, b1, b2 = (first_number(block[key]) for key in ('learning_rate', 'b1', 'b2'))
        return torch.optim.Adam(net.parameters(), rate, betas=(b1, b2), eps=1e-8)

    both = [('G', g, adam('g', g)), ('D', d, adam('d', d))]
    return both if code == STYLEGAN2 else both[::-1]


def _stylegan2(
    g: torch.nn.Module, d: torch.nn.Module, settings: Mapping[str, Any]
) -> Callable[..., None]:
    """(phase, images, classes, z, classes of fakes) -> None: adds gradients."""
    module = importlib.import_module('training.loss')
    loss = module.StyleGAN2Loss(
        device=torch.device('cpu'),
        G_mapping=g.mapping,
        G_synthesis=g.synthesis,
        D=d,
        style_mixing_prob=settings['generator']['mixing'],
        r1_gamma=_gamma(settings),
        pl_weight=0,
    )
    return lambda name, *batch: loss.accumulate_gradients(f'{name}both', *batch, sync=True, gain=1)


def _r3gan(
    g: torch.nn.Module, d: torch.nn.Module, settings: Mapping[str, Any]
) -> Callable[..., None]:
    """As `_stylegan2`; fakes have the classes of the reals."""
    loss = importlib.import_module('training.loss').R3GANLoss(g, d)
    gamma = _gamma(settings)

    def call(name: str, image: torch.Tensor, classes: torch.Tensor, z: torch.Tensor, *_: Any):
        loss.accumulate_gradients(name, image, classes, z, gamma=gamma, gain=1)

    return call


def _update(phase: Phase, loss: Callable[[str], None], code: str) -> None:
    name, net, optimizer = phase
    optimizer.zero_grad(set_to_none=True)
    net.requires_grad_(True)
    loss(name)
    net.requires_grad_(False)
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    if code == STYLEGAN2:
        for grad in grads:
            torch.nan_to_num(grad, nan=0, posinf=1e5, neginf=-1e5, out=grad)
    optimizer.step()


def _average(average: torch.nn.Module, g: torch.nn.Module) -> None:
    for mean, own in zip(average.parameters(), g.parameters(), strict=True):
        mean.copy_(own.lerp(mean, 0.999))
    for mean, own in zip(average.buffers(), g.buffers(), strict=True):
        mean.copy_(own)


def _drawn(
    held: tuple[torch.Tensor, torch.Tensor], settings: Mapping[str, Any]
) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """() -> images [B, C, H, W] in [-1, 1] and their classes, one-hot."""
    images, labels = held

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.randint(len(images), (settings['batch_size'],))
        return images[rows].float() / 127.5 - 1, _one_hot(labels[rows], settings)

    return draw


def _fakes(settings: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents, and classes of fakes."""
    size = settings['batch_size']
    classes = settings['generator']['num_classes'] or 1
    return torch.randn(size, settings['latent']['dim']), _one_hot(
        torch.randint(classes, (size,)), settings
    )


def _one_hot(labels: torch.Tensor, settings: Mapping[str, Any]) -> torch.Tensor:
    classes = settings['generator']['num_classes']
    if not classes:
        return torch.zeros(len(labels), 0)
    return torch.nn.functional.one_hot(labels, classes).float()


def _gamma(settings: Mapping[str, Any]) -> float:
    """γ of R1 at the start, 0 without."""
    blocks = settings['terms'].values()
    found = [first_number(b['weight']) for b in blocks if b['fn'] == 'gan_jax.terms.penalty.r1']
    return max(found, default=0.0)
