"""The choices of an export, which the command line names without JAX."""

import re

LICENSE = re.compile(r'[a-z0-9][a-z0-9.+-]{0,63}')
FORMATS = ('stablehlo',)  # beside the weights
_PART = r'[A-Za-z0-9][\w.-]{0,95}'
REPOSITORY = re.compile(rf'{_PART}/{_PART}')  # of the Hub
