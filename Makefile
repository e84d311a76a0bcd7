# Every target installs what it needs by itself: launch/setup.sh puts the locked packages into
# $(VENV), from nothing but python3 and pip. ARGS reaches the command: make test ARGS='-k keys -x'

VENV ?= .venv
PY = "$(VENV)/bin/python"
# The tests of one file in one process, where they share what is compiled; three at a time for two
# cores, since some wait for other processes.
PYTEST = $(PY) -m pytest -n 3 --dist loadfile
LOCK = $(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-header --no-emit-index-url --upgrade --extra build
SCRIPTS = launch/*.sh launch/*.sbatch tests/slurm/*.sh tests/accelerator/*.sh .ci/run
DEMO ?= workdirs/demo
N ?= 1
NOTEBOOKS ?= off
export VENV

.PHONY: help core dev demo test test-slow test-all mutants faults soak notebooks oracle oracle-env
.PHONY: compilers compilers-env browser browser-env docs docs-env slurm lint lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

core:
	@sh launch/setup.sh core

dev:
	@sh launch/setup.sh dev

demo:  ## train on the handwritten digits in the package, some minutes on a laptop
	sh launch/local.sh --config=configs/digits.py --workdir="$(DEMO)" $(ARGS)

test: dev  ## the fast tests
	$(PYTEST) -m 'not slow and not slurm' $(ARGS)

# pytest's status 5 says that no test is marked slow.
test-slow: dev  ## the slow tests
	$(PYTEST) -m slow $(ARGS) || [ $$? -eq 5 ]

test-all: dev  ## all tests
	$(PYTEST) -m 'not slurm' $(ARGS)

# ARGS='--module=step --number=20 --seed=3' tries others.
mutants: dev  ## put small faults into copies of the code, which the tests must notice; an hour or so
	$(PY) -m tests.mutants $(ARGS)

# Installs Debian's packages of SLURM where they are missing.
slurm: dev  ## the launch script on a SLURM of two nodes on this machine; for root, five minutes
	$(PY) -m pytest -m slurm tests/slurm $(ARGS)

notebooks: dev  ## execute the notebooks, which stay without outputs
	$(PY) -m pytest -W default --nbmake --nbmake-timeout=1800 notebooks $(ARGS)

# In an environment of their own: torch is large, and nothing else needs it.
oracle-env:
	@VENV=.venv-oracle sh launch/setup.sh dev
	.venv-oracle/bin/python -m pip install --quiet -r tests/oracle/requirements.txt
	.venv-oracle/bin/python -m pip install --quiet --no-deps torch-fidelity==0.4.0 clean-fid==0.1.35

oracle: oracle-env  ## compare our metrics with the public packages, our step with PyTorch's
	.venv-oracle/bin/python -m pytest -m 'oracle and not slow' tests/oracle $(ARGS)

# In an environment of their own: gigabytes of NVIDIA's libraries.
compilers-env:
	@VENV=.venv-compilers sh launch/setup.sh dev
	.venv-compilers/bin/python -m pip install --quiet --no-compile -r tests/compilers/requirements.txt

compilers: compilers-env  ## compile train steps for TPUs and NVIDIA cards, without any
	.venv-compilers/bin/python -m pytest -n 2 --dist loadgroup -m compiler tests/compilers $(ARGS)

# In an environment of their own: what drives a browser. The browser is $CHROME, or one on the PATH.
browser-env:
	@VENV=.venv-browser sh launch/setup.sh dev
	.venv-browser/bin/python -m pip install --quiet -r tests/browser/requirements.txt

browser: browser-env  ## the report and the explorer in Chromium, where there is one
	.venv-browser/bin/python -m pytest -m browser -rs tests/browser $(ARGS)

# In an environment of their own: only the site needs Sphinx.
docs-env:
	@VENV=.venv-docs sh launch/setup.sh dev
	.venv-docs/bin/python -m pip install --quiet -r docs/requirements.txt

# NOTEBOOKS=cache also executes the notebooks, once until they change, NOTEBOOKS=force every time.
docs: docs-env  ## the site of docs/, in build/docs; NOTEBOOKS=cache executes the notebooks for it
	NOTEBOOKS=$(NOTEBOOKS) .venv-docs/bin/python -m sphinx -W --keep-going --quiet -c docs . build/docs $(ARGS)
	NOTEBOOKS=$(NOTEBOOKS) .venv-docs/bin/python -m pytest -m site tests/site

# Attacks on the commands and on what they write: docs/reliability.md.
faults: dev  ## what is promised of faults, tried, 15 minutes; N=10: ten times as much
	$(PY) -m tests.faults --n=$(N) $(ARGS)

soak: dev  ## the memory of one run of 5,000 steps, some minutes
	$(PY) -m tests.soak $(ARGS)

# .pre-commit-config.yaml runs the same commands.
lint: dev  ## ruff, mypy, and shellcheck on the scripts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	[ ! -e "$(VENV)/bin/shellcheck" ] || "$(VENV)/bin/shellcheck" $(SCRIPTS)

# The developers' lock takes the pins of the other one, so that one environment serves both.
lock: core  ## pin setup.py's dependencies anew (takes uv from the package index)
	$(PY) -m pip install --quiet uv
	$(LOCK) setup.py -o requirements.lock
	$(LOCK) setup.py --extra dev --constraint requirements.lock -o requirements-dev.lock

clean:  ## remove the environment and all caches, but no workdir
	rm -rf .venv .venv-oracle .venv-compilers .venv-browser .venv-docs .cache .pytest_cache .ruff_cache
	rm -rf build dist *.egg-info
	find gan_jax tests configs -name __pycache__ -prune -exec rm -rf {} +
