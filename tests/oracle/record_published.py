"""Records what published networks compute: tests/oracle/published.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch checkout
    .venv-oracle/bin/python tests/oracle/record_published.py --reference=checkout

The same for the other checkouts of published_code.py. Their networks run from the checkout, on a
CPU in float32, with the weights and inputs of published_cases.py. Kept are, of each network:

    output        images in [-1, 1] and beyond, or logits
    input         the gradient of s = <r, output>, with respect to latents or images
    first         of s, with respect to every parameter, one after another
    second        of |ds/dx|² / 2, likewise; x are w of a StyleGAN, latents of others, or images
    average       StyleGANs' generators: their average w after this batch
    magnitude_i   StyleGAN3: its average of a layer's mean square after this batch
    truncated     StyleGANs: images in evaluation with psi, in the first layers
    shapes        of the parameters, by name
    buffers       shapes of the other numbers that are drawn, by name

but of images 500 numbers, and of each parameter 32 in `second` and 500 in `first` of
R3GAN2, BigGAN-deep, SAGAN and LadaGAN.
published_errors.py compares ours with them.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

# Not of `tests`: torch-fidelity installs a package of that name.
sys.path[0] = str(Path(__file__).parents[1])
from oracle import published_cases as cases  # noqa: E402
from oracle import published_code  # noqa: E402
from oracle.published_cases import Case  # noqa: E402

# Buffers that are no weights, or that a call writes before it reads them.
LEFT = ('_filter', 'Kernel', 'transform', 'periods', 'num_batches_tracked', 'weight_v')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--reference', type=Path, required=True, metavar='CHECKOUT')
    parser.add_argument('--out', type=Path, default=cases.FOLDER, metavar='FOLDER')
    flags = parser.parse_args()
    codes = published_code.import_from(flags.reference)
    flags.out.mkdir(exist_ok=True)
    for case in cases.CASES:
        if case.code in codes:
            found = record(case)
            np.savez_compressed(flags.out / f'{case.name}.npz', **found)
            print(f'{case.name}: {sum(x.size for x in found.values()):,} numbers')


def record(case: Case) -> dict[str, np.ndarray]:
    net = published_code.network(case.code, case.player, case.settings, case.shape)
    buffers = with_weights(case, net)
    z, label = (torch.from_numpy(x) for x in (cases.latents(case), cases.labels(case)))
    one_hot = torch.nn.functional.one_hot(label.long(), cases.CLASSES).float()
    condition = one_hot if case.classes else torch.zeros(case.batch, 0)
    image = torch.from_numpy(cases.images(case)).permute(0, 3, 1, 2)
    given = (z if case.player == 'g' else image).clone().requires_grad_()
    noise = [cases.drawn(name, shape) for name, shape in cases.noises(case).items()]
    with published_code.running(case.code, noise):
        output, inner = called(case, net, given, condition, label.long())
    s = (torch.from_numpy(cases.directions(case)) * _last(output)).sum()
    (slope,) = torch.autograd.grad(s, inner, create_graph=True)
    params = dict(net.named_parameters())
    first = torch.autograd.grad(s, [given, *params.values()], retain_graph=True)
    second = torch.autograd.grad(slope.square().sum() / 2, [*params.values()], allow_unused=True)
    second = [
        torch.zeros_like(p) if g is None else g
        for g, p in zip(second, params.values(), strict=True)
    ]
    found = {
        'output': cases.kept(_numpy(_last(output))),
        'input': cases.kept(_numpy(_last(first[0]))),
        'first': np.concatenate([cases.kept(_numpy(x), case.kept) for x in first[1:]]),
        'second': np.concatenate([cases.kept(_numpy(x), cases.FEW) for x in second]),
        'shapes': np.array(json.dumps({name: list(p.shape) for name, p in params.items()})),
        'buffers': np.array(json.dumps(buffers)),
    }
    return found | (averages(case, net, z, condition) if 'mapping.w_avg' in buffers else {})


def averages(
    case: Case, net: torch.nn.Module, z: torch.Tensor, condition: torch.Tensor
) -> dict[str, np.ndarray]:
    """Averages that a StyleGAN keeps of the batch, and its images in evaluation."""
    layers = [getattr(net.synthesis, n) for n in getattr(net.synthesis, 'layer_names', ())]
    names = [*range(len(layers) - 1), 'image']
    squares = {
        f'magnitude_{name}': _numpy(x.magnitude_ema) for name, x in zip(names, layers, strict=False)
    }
    options = dict(truncation_psi=cases.PSI, truncation_cutoff=cases.TRUNCATED)
    average = _numpy(net.mapping.w_avg)
    with torch.no_grad():
        truncated = net.eval()(z, condition, **options, noise_mode='const')
    return dict(average=average, truncated=cases.kept(_numpy(_last(truncated))), **squares)


def with_weights(case: Case, net: torch.nn.Module) -> dict[str, list[int]]:
    """Gives a network the weights of `cases.weights`; filters, for one, stay as they are.

    Returns:
        The shapes of its buffers that are drawn, by name.
    """
    own = {name: x for name, x in net.state_dict().items() if not name.endswith(LEFT)}
    shapes = {name: x.shape for name, x in own.items()}
    for name, x in cases.weights(case.code, shapes).items():
        own[name].copy_(torch.from_numpy(x))
    parameters = dict(net.named_parameters())
    return {name: list(shape) for name, shape in shapes.items() if name not in parameters}


def called(
    case: Case,
    net: torch.nn.Module,
    given: torch.Tensor,
    condition: torch.Tensor,
    label: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The network's result, and x."""
    if case.code in (cases.R3GAN, cases.R3GAN2):
        return net(given, condition if case.classes else None), given
    if case.code in (cases.DEEP, cases.SAGAN):
        output = net(given, label)
        return output if case.player == 'g' else output['adv_output'], given
    if case.code == cases.LADAGAN:
        output = net(given)
        return output if case.player == 'g' else output.mean(1), given
    if case.player == 'd':
        return net(given, condition).squeeze(1), given
    # StyleGAN2's averages move in training.
    options = dict(update_emas=True) if case.code == cases.STYLEGAN3 else {}
    w = net.mapping(given, condition, **options)
    return net.synthesis(w, noise_mode='const', **options), w


def _last(x: torch.Tensor) -> torch.Tensor:
    """Colours last."""
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def _numpy(x: torch.Tensor) -> np.ndarray:
    return np.array(x.detach().numpy(), order='C')


if __name__ == '__main__':
    main()
