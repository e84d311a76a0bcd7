"""The public packages of the oracle tests: torch-fidelity's modules without torchvision."""

import functools
import importlib
import sys
import types

import flax.traverse_util
import jax
import numpy as np

from gan_jax.evaluate import inception


def fidelity(name):
    """A module of torch-fidelity; its other networks and data sets cannot be asked for."""
    _without_torchvision()
    return importlib.import_module(f'torch_fidelity.{name}')


def clean(name):
    """A module of clean-fid; its own networks cannot be asked for."""
    _without_torchvision()
    theirs = types.ModuleType('cleanfid.inception_pytorch')  # made of torchvision's network
    theirs.InceptionV3 = None
    sys.modules.setdefault(theirs.__name__, theirs)
    return importlib.import_module(f'cleanfid.{name}')


def _without_torchvision():
    """Modules in the place of torchvision, which may be missing, or built for another torch.

    Of it the public packages use here what makes a tensor [C, H, W] of an image, and one function
    of several.
    """
    if 'torch_fidelity' in sys.modules:
        return
    import torch  # here: that it is missing is for a caller to find

    parts = ('datasets', 'transforms', 'transforms.functional')
    vision = sys.modules['torchvision'] = types.ModuleType('torchvision')
    for part in parts:
        sys.modules[f'torchvision.{part}'] = types.ModuleType(f'torchvision.{part}')
    for data in ('CIFAR10', 'CIFAR100', 'STL10'):
        setattr(sys.modules['torchvision.datasets'], data, object)

    def planes(image):
        return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())

    def scaled(image):
        return planes(image) / 255 if image.dtype == np.uint8 else planes(image)

    def composed(steps):
        return lambda x: functools.reduce(lambda x, step: step(x), steps, x)

    vision.transforms = sys.modules['torchvision.transforms']
    vision.transforms.ToTensor = lambda: scaled
    vision.transforms.Compose = composed
    sys.modules['torchvision.transforms.functional'].pil_to_tensor = planes


def public_network(path, layers, *, device='cpu'):
    """torch-fidelity's Inception with the weights in a file: uint8 [B, 3, H, W] -> (layer, ...)."""
    module = fidelity('feature_extractor_inceptionv3').FeatureExtractorInceptionV3
    net = module('inception', list(layers), feature_extractor_weights_path=str(path))
    return net.eval().to(device)


def public_inception(path, layers, *, device='cpu'):
    """The same of arrays: uint8 [B, H, W, 3] -> {layer: [B, F]}.

    Its images lie as torch's loaders put them, colours first in memory.
    """
    import torch  # here: that it is missing is for a caller to find

    net = public_network(path, layers, device=device)

    def features(images):
        planes = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)
        with torch.no_grad():
            return {n: x.cpu().numpy() for n, x in zip(layers, net(planes), strict=True)}

    return features


def random_weights(seed=0):
    """A state dict of Inception, names as in the PyTorch files, numbers that keep their scale."""
    rng = np.random.default_rng(seed)
    images = jax.ShapeDtypeStruct((1, 299, 299, 3), np.float32)
    shapes = jax.eval_shape(inception.Inception().init, jax.random.key(0), images)
    state = {}
    for path, leaf in flax.traverse_util.flatten_dict(shapes).items():
        *modules, last = path[1:]
        if last == 'fc_bias':
            state['fc.bias'] = rng.normal(size=leaf.shape)
        elif last == 'kernel':
            axes = (1, 0) if len(leaf.shape) == 2 else (3, 2, 0, 1)
            size = np.sqrt(2 / np.prod(leaf.shape[:-1]))
            state['.'.join([*modules, 'weight'])] = size * rng.normal(
                size=[leaf.shape[a] for a in axes]
            )
        else:
            name = {'scale': 'weight', 'mean': 'running_mean', 'var': 'running_var'}.get(last, last)
            low, high = (0.5, 1.5) if last in ('scale', 'var') else (-0.2, 0.2)
            state['.'.join([*modules, name])] = rng.uniform(low, high, leaf.shape)
            if last == 'var':
                state['.'.join([*modules, 'num_batches_tracked'])] = np.array(7)
    return {k: x if x.dtype == np.int64 else x.astype(np.float32) for k, x in state.items()}


def save(state, path, **options):
    """Writes a state dict of arrays as `torch.save` does, with its options."""
    import torch  # here: that it is missing is for a caller to find

    tensors = {name: torch.from_numpy(np.asarray(x)) for name, x in state.items()}
    torch.save(tensors, path, **options)
