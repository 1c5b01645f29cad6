# Everything runs in the environment .venv in this folder, which is made when first needed.
# PYTHON=/path/to/python3 chooses the interpreter.

VENV := .venv
RUN := $(VENV)/bin/python -m
READY := $(VENV)/.ready
SOURCES := src tests benchmarks docs experiments

# A display of the person's own: any on macOS, an X or Wayland one on Linux.
HAS_DISPLAY := $(if $(filter Linux,$(shell uname -s)),$(DISPLAY)$(WAYLAND_DISPLAY),yes)
PACKAGES := scripts/system_packages.sh $(if $(HAS_DISPLAY),,--virtual-display)

# Test processes share the cores, so each computes and draws in one thread. Processes that they
# start load compiled modules.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 LP_NUM_THREADS=0 PYTHONDONTWRITEBYTECODE=

.DEFAULT_GOAL := help
.PHONY: help demo test lint types manifest format docs-images system clean

help:  ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## the whole method on synthetic images, then the review in napari
	@$(PACKAGES) $(if $(HAS_DISPLAY),,|| echo "Going on: only the picture of the review needs them.")
	$(RUN) napari_alc demo $(if $(HAS_DISPLAY),,--headless)

test: system lint types manifest  ## every check and test, as in continuous integration
	$(ONE_THREAD) scripts/with_display.sh $(RUN) pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(READY)  ## style of the code, and the walls between its rooms
	$(RUN) ruff check $(SOURCES)
	$(RUN) ruff format --check $(SOURCES)
	$(VENV)/bin/lint-imports --no-cache --no-logo

types: $(READY)  ## types, strictly
	$(RUN) mypy

manifest: $(READY)  ## the plugin's manifest, as napari reads it
	$(RUN) npe2 validate src/napari_alc/plugin/napari.yaml

format: $(READY)  ## put the code into the house format
	$(RUN) ruff check --fix $(SOURCES)
	$(RUN) ruff format $(SOURCES)

docs-images: system $(READY)  ## take the pictures in docs/images anew (about fifteen minutes)
	SCREEN=1920x1080x24 scripts/with_display.sh $(VENV)/bin/python docs/make_screenshots.py

clean:  ## remove the environment and everything that tools made
	rm -rf $(VENV) build dist src/*.egg-info experiments/src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

system:
	@$(PACKAGES)

$(READY): setup.cfg pyproject.toml experiments/pyproject.toml scripts/environment.sh
	PYTHON="$(PYTHON)" scripts/environment.sh
	@touch $@
