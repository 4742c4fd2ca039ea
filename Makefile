# Every target works from a fresh clone: they set up the environment first, with nothing but Python 3.11 and make.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo docs test test-live mltestscore lint bench dbt-ci up down clean lock

help:            # what there is
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## virtual environment from the hash-pinned lock (.venv)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	awk '/^uv==/{on=1} on&&/^[a-z]/&&!/^uv==/{exit} on' requirements.lock > $(VENV)/uv.lock
	$(BIN)/pip install --quiet --no-deps --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --no-deps --require-hashes -r requirements.lock \
	  || $(BIN)/pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)   ## simulated operator: real Airflow, history, first champions, three nights (KEEP=1 leaves it up)
	$(BIN)/telco demo $(if $(KEEP),--keep) $(if $(SUBSCRIBERS),--subscribers $(SUBSCRIBERS))

test: $(READY)   ## everything that needs no server (under 12 minutes)
	$(BIN)/pytest

test-live: $(READY) ## real Airflow, real servers, real data (longer)
	$(BIN)/pytest -m live

mltestscore: $(READY) # the ML Test Score sheet, from the marked tests that pass
	$(BIN)/pytest -m "mlts and not live" --ml-test-score

lint: $(READY)   ## ruff, mypy --strict (benchmarks too: nothing else runs them), sqlfluff
	$(BIN)/ruff check . && $(BIN)/mypy && MYPYPATH=benchmarks $(BIN)/mypy benchmarks/*.py \
	  && MYPYPATH=dags $(BIN)/mypy dags/*.py dags/dagkit plugins \
	  && $(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models

bench: $(READY)  ## long measurements, by hand: features against plain Python, ladders, scenarios, reasons
	$(BIN)/python benchmarks/features_truth.py
	$(BIN)/python benchmarks/recovery.py --oracle-only
	$(BIN)/python benchmarks/ladder.py
	$(BIN)/python benchmarks/vendor_swap.py
	$(BIN)/python benchmarks/scenarios.py
	$(BIN)/python benchmarks/reasons.py

# The state is the manifest the last night left. ci: contracts and unit tests on tables without rows. dev: the values.
TELCO_HOME ?= $(CURDIR)/var
STATE ?= $(abspath $(TELCO_HOME))/warehouse/dbt
AS_OF ?= $(patsubst as_of=%,%,$(lastword $(sort $(notdir $(wildcard $(TELCO_HOME)/features/roster/as_of=*)))))
DBT    = TELCO_HOME=$(abspath $(TELCO_HOME)) DBT_LOG_PATH=$(abspath $(TELCO_HOME))/logs/dbt-$(1) $(abspath $(BIN))/dbt \
         --quiet build --target $(1) --target-path $(abspath $(TELCO_HOME))/warehouse/dbt-$(1) --state $(STATE)

dbt-ci: $(READY) # what a change to dbt_project touches, against the last night's: contracts, unit tests, values
	@test -f $(STATE)/manifest.json && test -n "$(AS_OF)" || { \
	  echo "dbt-ci: no manifest in $(STATE) or no published as_of below $(TELCO_HOME). Run: telco unify" >&2; exit 2; }
	cd dbt_project && $(call DBT,ci) --empty --indirect-selection empty \
	  --select +state:modified+,resource_type:model state:modified+,resource_type:unit_test
	cd dbt_project && $(call DBT,dev) --defer --select state:modified+ --vars '{as_ofs: "$(AS_OF)"}'

up: $(READY)     ## start Airflow on loopback for TELCO_HOME
	$(BIN)/telco up

down:            ## stop it
	$(BIN)/telco down

docs: $(READY)   ## the documentation as a site that opens from disk: var/docs/index.html
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/mkdocs build --quiet
	@echo "open var/docs/index.html, or with search: $(BIN)/python -m http.server --directory var/docs --bind 127.0.0.1"

clean:           ## remove caches and the environment; state under TELCO_HOME stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.lock
