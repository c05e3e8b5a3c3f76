# Every verb does all of its own set-up: `.venv` is made on first use and renewed when what it was built from changes.
#   PYTHON=python3.12   another Python (3.9 or newer)        NET=mobilenet_v2   another network, or a .onnx/.tflite file
#   ARGS='--threads 2'  more flags for measure               T=tests/device     tests to run instead of all

PYTHON ?= python3
NET ?= resnet18
T ?= tests
VENV := .venv
PY := $(VENV)/bin/python
SOURCES := setup.py pyproject.toml tools/prepare_venv.sh $(wildcard csrc/*/* csrc/include/augur/*.h augur_edge/*.p[yx][xdi])

.DEFAULT_GOAL := help
.PHONY: help measure test lint types san fuzz bench torture docs wheel wheels aarch64 musl install-c clean

help:  ## what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 10

measure: $(VENV)/.ready-run  ## measure a network on this device, layer by layer
	$(PY) -m augur_edge measure $(NET) $(ARGS)

test: $(VENV)/.ready-test  ## all tests: those that hold no figure to the clock on every processor, then the others, one by one
	$(PY) -m pytest -n $$(nproc) --dist loadfile -m 'not quiet' $(T) || [ $$? = 5 ] # 5: none of them in T
	$(PY) -m pytest -m quiet $(T) || [ $$? = 5 ]

lint: $(VENV)/.ready-dev  ## style, with ruff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.ready-dev  ## types, with mypy --strict
	$(PY) -m mypy

san: $(VENV)/.ready-test  ## native code and its tests under the address and undefined-behaviour sanitizers
	tools/sanitize.sh $(PY)

bench: $(VENV)/.ready-test  ## loops beside Python, what a precision costs, the kernel beside its peers
	$(PY) -m pytest -s tests/bench/*.py

torture: $(VENV)/.ready-test  ## a hundred syncs killed at a random byte of their connections, N=… for another number
	PYTHONPATH=tests:. $(PY) tests/sync/torture.py $(or $(N),100)

fuzz:  ## a million broken predictor files, N=… for another number, under both sanitizers
	tools/fuzz.sh $(or $(N),1000000)

install-c:  ## the predictor for C programs: PREFIX=/usr/local [DESTDIR=…]
	$(MAKE) -C csrc install

docs: $(VENV)/.ready-run  ## docs/cli.md and docs/api.md, from the program itself
	$(PY) tools/reference.py

wheel: $(VENV)/.ready-run  ## a wheel in dist/, its size and content checked
	rm -rf dist
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(PY) tools/check_wheel.py dist/*.whl

wheels: $(VENV)/.ready-run  ## wheels in dist/ for x86-64 and aarch64, for any glibc from 2.28 on; content and symbols checked
	rm -rf dist
	tools/wheels.sh $(PY)

aarch64: $(VENV)/.ready-test  ## tests and measurements on 64-bit Arm, emulated: needs root and some of Debian's packages
	tools/check_aarch64.sh $(PY)

musl: $(VENV)/.ready-run  ## csrc without glibc, by Clang for aarch64, its tests emulated
	tools/check_musl.sh $(PY)

clean:  ## remove all that was made here; the store of measurements is elsewhere and stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis augur_edge/*.so
	find . -name __pycache__ -prune -exec rm -rf {} +

# Each set of extras holds the one before it, so making it makes those ready too.
$(VENV)/.ready-run: EXTRAS = ort,litert
$(VENV)/.ready-test: EXTRAS = ort,litert,test
$(VENV)/.ready-test: ALSO = $(VENV)/.ready-run
$(VENV)/.ready-dev: EXTRAS = ort,litert,test,dev
$(VENV)/.ready-dev: ALSO = $(VENV)/.ready-run $(VENV)/.ready-test
$(VENV)/.ready-%: $(SOURCES)
	@tools/prepare_venv.sh $(VENV) '$(PYTHON)' $(EXTRAS)
	@touch $(ALSO) $@
