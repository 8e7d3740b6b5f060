# Every command that the README names. `make help` lists them.
#
# All but help and clean set the environment up first (setup/run: seconds if nothing has changed).
# HEMLINE_PYTHON=python installs into, and uses, the activated environment (conda, see environment.yml) instead of .venv.

SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ifdef HEMLINE_PYTHON
BIN := $(abspath $(dir $(shell command -v $(HEMLINE_PYTHON))))
else
BIN := $(CURDIR)/.venv/bin
endif

# dvc.yaml says `python` and `hemline`: the environment's come first, so that nothing need be activated.
export PATH := $(BIN):$(PATH)
# Threads that wait give their core away: by default they spin, and with anything else on the cores (a loader's worker
# is enough) training was measured at 2 instead of 13 pictures a second.
export OMP_WAIT_POLICY := PASSIVE
# Nothing here calls home. (Albumentations, which other set-ups of mmpose bring along, is not installed.)
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export MPLBACKEND := Agg
# Containers often forbid bytecode: every stage would compile torch's, mmdet's and dvc's modules again, for seconds.
export PYTHONDONTWRITEBYTECODE :=

# Tests: a worker a core, up to four, each takes whole files (their fixtures are servers and pipelines; pytest 9.2 ignores
# xdist groups); the cores divided among them, or their threads stand in each other's way.
CORES := $(shell nproc)
WORKERS := $(shell echo $$(( $(CORES) < 4 ? $(CORES) : 4 )))
THREADS := $(shell echo $$(( $(CORES) / $(WORKERS) )))

LINT := { ruff check --no-cache . && ruff format --no-cache --check . && mypy; } || status=1

.PHONY: help setup demo demo-oneshot demo-kgdet demo-fld demo-fashionai run sample params test lint format hooks ui deploy mlflow sweep dashboard clean clean-env

help: ## list these commands
	@echo "make COMMAND, where COMMAND is one of:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1 ($$1 == "params" ? " SET=paper" : $$1 == "sample" ? " DATA=folder" : $$1 == "sweep" || $$1 == "dashboard" ? " SWEEP=name" : ""), $$2 }' Makefile

setup: ## make the environment in .venv (minutes the first time, then about a second)
	@setup/run

demo: setup ## paper 000 on the synthetic wardrobe, from pictures to report; call it again to go on after an interruption
	@hemline params use demo
	@$(MAKE) run STAGES=report

demo-oneshot: setup ## paper 001 on the same pictures: one network for garments and landmarks, beside the rows of `make demo`
	@hemline params use demo
	@$(MAKE) run STAGES=report_oneshot

demo-kgdet: setup ## paper 003 on the same pictures: KGDet and its baselines, by themselves
	@hemline params use demo
	@$(MAKE) run STAGES=report_kgdet

demo-fld: setup ## papers 000 and 003 on a second data set: the synthetic wardrobe in FLD's format
	@hemline params use fld
	@$(MAKE) run STAGES="report report_kgdet"

demo-fashionai: setup ## papers 000, 002 and 004 on a third: the synthetic wardrobe in FashionAI's format
	@hemline params use fashionai
	@$(MAKE) run STAGES="report package report_networks"

run: setup ## the pipeline on params.yaml as it stands, stages side by side; only what has changed (STAGES=report: these)
	@hemline run $(STAGES)
	@for folder in reports submissions; do if test -d "$$folder"; then \
	  find "$$folder" -maxdepth 2 -name pictures -prune -o -name plots -prune -o -type f -print | sort | sed 's/^/  /'; fi; done

sample: setup ## the same path on your own small DeepFashion2 folder (image/ and annos/), learnt by heart
	@test -n "$(DATA)" || { echo "error: say where it lies: make sample DATA=folder (it holds image/ and annos/)" >&2; exit 2; }
	@test -d "$(DATA)/image" && test -d "$(DATA)/annos" || { echo "error: $(DATA) has no image/ or no annos/ in it" >&2; exit 2; }
	@mkdir -p data
	@ln -sfn "$(abspath $(DATA))" data/sample
	@hemline params use sample
	@$(MAKE) run

params: setup ## switch params.yaml to another set, such as paper or demo
	@test -n "$(SET)" || { echo "error: say which: make params SET=paper (sets: $$(ls params | sed 's/\..*//' | tr '\n' ' '))" >&2; exit 2; }
	@hemline params use "$(SET)"

test: setup ## ruff, mypy and all tests
	@status=0; \
	$(LINT); \
	OMP_NUM_THREADS=$(THREADS) python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS) || status=1; \
	exit $$status

lint: setup ## ruff (rules and format) and mypy
	@status=0; $(LINT); exit $$status

format: setup ## put all Python files into ruff's format, mend what it can
	@ruff check --fix . || true
	@ruff format .

hooks: setup ## have `make lint` run before each commit (pre-commit)
	@pre-commit install

ui: setup ## Prefect's server, with its UI on http://localhost:4200, and a worker (with PREFECT_API_URL: the worker alone)
	@python -m pipelines.serve

deploy: setup ## put the deployments of prefect.yaml on that server: schedules, and runs started from the UI's form
	@PREFECT_API_URL=$${PREFECT_API_URL:-http://127.0.0.1:4200/api} prefect --no-prompt deploy --all

mlflow: setup ## browse the recorded runs in MLflow, on http://localhost:5000
	@test -f mlflow.db || { echo "error: no runs are recorded yet: make demo" >&2; exit 2; }
	@mlflow ui --backend-store-uri sqlite:///mlflow.db --port 5000

sweep: setup ## search values of params.yaml with Optuna, by one of its sweeps (WORKERS=2, TRIALS=40); call it again to go on
	@test -n "$(SWEEP)" || { echo "error: say which: make sweep SWEEP=estimator. There are:" >&2; hemline sweep list >&2; exit 2; }
	@hemline sweep run "$(SWEEP)" $(if $(WORKERS),--workers $(WORKERS)) $(if $(TRIALS),--trials $(TRIALS))

dashboard: setup ## browse a sweep's trials in optuna-dashboard, on http://localhost:8080
	@test -n "$$HEMLINE_SWEEP_STORAGE" || test -f "sweeps/$(SWEEP)/journal.log" || \
	  { echo "error: no trials of sweep '$(SWEEP)' yet: make sweep SWEEP=estimator" >&2; exit 2; }
	@optuna-dashboard --port 8080 "$${HEMLINE_SWEEP_STORAGE:-sweeps/$(SWEEP)/journal.log}"

clean: ## delete caches of tools and build leftovers; says what; never data, models or results
	@find . \( -path ./.venv -o -path ./.git -o -path ./.dvc -o -path ./data \) -prune -o \
	  \( -name __pycache__ -o -name .pytest_cache -o -name .ruff_cache -o -name .mypy_cache -o -name '*.egg-info' \) \
	  -prune -exec rm -rf {} + -printf 'removed %p\n'
	@rm -rf build
	@echo "Kept: data, models, results, reports, DVC's cache, .venv (make clean-env removes that one)"

clean-env: ## delete .venv; the wheels compiled for it stay in the per-user cache
	@rm -rf .venv
	@echo "removed .venv"
