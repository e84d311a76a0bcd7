"""Records what the published networks of StyleGAN2-ADA or R3GAN compute: tests/oracle/published.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch checkout
    .venv-oracle/bin/python tests/oracle/record_published.py --reference=checkout

The same for https://github.com/brownvc/R3GAN. Their networks run from the checkout, on a CPU in
float32, with the weights and inputs of published_cases.py. Kept are, of each network:

    output        images in [-1, 1] and beyond, or logits
    input         the gradient of s = <r, output>, with respect to latents or images
    first         of s, with respect to every parameter, one after another
    second        of |ds/dx|² / 2, likewise; x are StyleGAN2's w, R3GAN's latents, or images
    average       StyleGAN2's generator: its average w after this batch
    truncated     its images in evaluation with psi, in the first layers
    shapes        of the parameters, by name

but of images 500 numbers, and of each parameter 32 in `second`. published_errors.py compares ours
with them.
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--reference', type=Path, required=True, metavar='CHECKOUT')
    parser.add_argument('--out', type=Path, default=cases.FOLDER, metavar='FOLDER')
    flags = parser.parse_args()
    code = published_code.import_from(flags.reference)
    flags.out.mkdir(exist_ok=True)
    for case in cases.CASES:
        if case.code == code:
            found = record(case)
            np.savez_compressed(flags.out / f'{case.name}.npz', **found)
            print(f'{case.name}: {sum(x.size for x in found.values()):,} numbers')


def record(case: Case) -> dict[str, np.ndarray]:
    net = published_code.network(case.code, case.player, case.settings, case.shape)
    with_weights(case, net)
    z, label = (torch.from_numpy(x) for x in (cases.latents(case), cases.labels(case)))
    one_hot = torch.nn.functional.one_hot(label.long(), cases.CLASSES).float()
    condition = one_hot if case.classes else torch.zeros(case.batch, 0)
    image = torch.from_numpy(cases.images(case)).permute(0, 3, 1, 2)
    given = (z if case.player == 'g' else image).clone().requires_grad_()
    output, inner = called(case, net, given, condition)
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
        'first': np.concatenate([_numpy(x).ravel() for x in first[1:]]),
        'second': np.concatenate([cases.kept(_numpy(x), cases.FEW) for x in second]),
        'shapes': np.array(json.dumps({name: list(p.shape) for name, p in params.items()})),
    }
    if case.code == cases.STYLEGAN2 and case.player == 'g':
        found['average'] = _numpy(net.mapping.w_avg)
        options = dict(truncation_psi=cases.PSI, truncation_cutoff=cases.TRUNCATED)
        with torch.no_grad():
            truncated = net.eval()(z, condition, **options, noise_mode='const')
        found['truncated'] = cases.kept(_numpy(_last(truncated)))
    return found


def with_weights(case: Case, net: torch.nn.Module) -> None:
    """Gives a network the weights of `cases.weights`; filters stay as they are."""
    shapes = {n: x.shape for n, x in net.state_dict().items() if not _is_filter(n)}
    drawn = {n: torch.from_numpy(x) for n, x in cases.weights(case.code, shapes).items()}
    found = net.load_state_dict(drawn, strict=False)
    assert not found.unexpected_keys and all(map(_is_filter, found.missing_keys))


def _is_filter(name: str) -> bool:
    return name.endswith(('resample_filter', 'Kernel'))


def called(
    case: Case, net: torch.nn.Module, given: torch.Tensor, condition: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The network's result, and x."""
    if case.code == cases.R3GAN:
        return net(given, condition if case.classes else None), given
    if case.player == 'd':
        return net(given, condition).squeeze(1), given
    w = net.mapping(given, condition)
    return net.synthesis(w, noise_mode='const'), w


def _last(x: torch.Tensor) -> torch.Tensor:
    """Colours last."""
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def _numpy(x: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.detach().numpy())


if __name__ == '__main__':
    main()
