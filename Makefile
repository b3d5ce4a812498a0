# make demo   train, evaluate and report on real data, with NumPy alone
# make test   everything that CI runs: all frameworks, lint, types, tests, documents
# make dev    an editable installation with all frameworks, for working on lossmith
# make check  the quick part of the tests, on the editable installation
# make docs   the documents, warnings as errors

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
SOURCES := $(shell find src CMakeLists.txt pyproject.toml constraints.txt -type f -not -name '*.pyc')

# An import of TensorFlow is otherwise a page of messages; two test processes share two cores.
export TF_CPP_MIN_LOG_LEVEL := 3
export OMP_NUM_THREADS := 1
# The tests compile thousands of programs and run each once: LLVM's optimisations would be half of JAX's time, and XLA's
# emitters of fused loops a third of the rest.
export XLA_FLAGS := --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true \
	--xla_cpu_use_fusion_emitters=false

# XGBoost without CUDA: the same library as the package xgboost, which brings hundreds of MB of NCCL.
FRAMEWORKS := torch tensorflow-cpu keras jax optax tensorboard xgboost-cpu lightgbm catboost
EVERYTHING := [cli,demo,eval,report]
REQUIRE := LOSSMITH_REQUIRE_NATIVE=1 LOSSMITH_REQUIRE=torch,jax,tensorflow,keras,xgboost,lightgbm,catboost
# The same examples in each run: Hypothesis looks for new ones in `make check`.
PYTEST := $(REQUIRE) $(BIN)/python -m pytest --hypothesis-profile=ci

KERAS := $(addprefix keras-,tensorflow torch jax numpy)
JOBS := lint unit $(KERAS) plain doctest documents sanitize

.PHONY: demo test dev check keras docs clean $(JOBS)

demo: $(VENV)/.demo
	$(BIN)/lossmith demo

# Two at a time, and all of them even if one fails: what is broken is then known at once.
test: $(VENV)/.made
	$(MAKE) --jobs 2 --keep-going --output-sync=target $(JOBS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python

unit: $(VENV)/.test
	$(PYTEST) tests --ignore-glob '*/faces/test_keras*.py' --numprocesses 2 --dist worksteal

# Keras takes one backend per process. The one for NumPy does not train.
keras: $(KERAS)
KERAS_FILES = tests/faces/test_keras*.py
keras-numpy: KERAS_FILES = $(addprefix tests/faces/test_keras,.py _differences.py _labels.py _lookup.py _tables.py _weights.py)
$(KERAS): keras-%: $(VENV)/.test
	KERAS_BACKEND=$* $(PYTEST) $(KERAS_FILES)

# A wheel built where there is no compiler, in an environment with NumPy and no framework.
plain: $(VENV)-plain/.plain
	$(VENV)-plain/bin/python -c "import lossmith; assert not lossmith.has_native()"
	$(VENV)-plain/bin/python -m pytest tests/core tests/losses/test_values.py tests/test_import.py \
		--numprocesses 2 --dist worksteal

doctest: $(VENV)/.test
	$(PYTEST) --pyargs lossmith --doctest-modules

# A few seconds per sanitizer; by hand, let it run for longer: tests/native/sanitize.sh 600
sanitize:
	sh tests/native/sanitize.sh 4

SPHINX = $(BIN)/sphinx-build -W --keep-going -n -q -b html
docs: $(VENV)/.test
	$(SPHINX) docs docs/_build/html

# The same without the theme, whose navigation, made anew for each page, is half of the time.
documents: $(VENV)/.test
	$(SPHINX) -D html_theme=basic docs docs/_build/documents

dev: $(VENV)/.made
	$(PIP) $(FRAMEWORKS)
	$(PIP) --group dev scikit-build-core nanobind
	$(PIP) --no-build-isolation --editable ".$(EVERYTHING)"

check:
	$(BIN)/python -m pytest tests --ignore-glob '*/faces/test_keras*.py' --numprocesses 2 -m "not slow"

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/.demo: $(VENV)/.made $(SOURCES)
	$(PIP) ".[cli,demo]"
	touch $@

# The compiler and the network work side by side.
$(VENV)/.frameworks: $(VENV)/.made constraints.txt pyproject.toml
	$(PIP) $(FRAMEWORKS)
	$(PIP) --group dev
	touch $@

$(VENV)/.wheel: $(VENV)/.made $(SOURCES)
	rm -rf $(VENV)/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(VENV)/wheel .
	touch $@

$(VENV)/.test: $(VENV)/.frameworks $(VENV)/.wheel
	$(PIP) --force-reinstall --no-deps $(VENV)/wheel/*.whl
	$(PIP) "$$(echo $(VENV)/wheel/*.whl)$(EVERYTHING)"
	$(BIN)/python -c "import lossmith; assert lossmith.has_native(), 'the native core was not built'"
	touch $@

$(VENV)-plain/.plain: $(SOURCES)
	$(PYTHON) -m venv --clear $(VENV)-plain
	$(VENV)-plain/bin/python -m pip install --quiet --upgrade pip
	CXX=/bin/false $(VENV)-plain/bin/python -m pip install --quiet --constraint constraints.txt --group test \
		--config-settings build-dir=build/plain .
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-plain build dist docs/_build docs/losses docs/frameworks docs/rules demo-output
