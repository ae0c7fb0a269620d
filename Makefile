# Any Python from 3.11 on; an older one looks for a newer one by itself (service/install.py).
PYTHON ?= python3
SERVICE = .venv/bin/python -m service
# Isolated (-I): modules in service/ must not stand in for those of the standard library.
INSTALL = $(PYTHON) -I service/install.py $(WITH)

# $(call need,A B): stop unless A= and B= stand on the command line.
need = $(foreach name,$1,$(if $(filter command,$(origin $(name))),,$(error make $@ needs $(name)=…; plain `make` shows how)))

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Costs a tenth of a second when there is nothing to do.
.PHONY: ready
ready:
	@$(INSTALL)

##@ Develop

.PHONY: run shell format clean
run: ready ## Install, deploy, load demo people, serve until Ctrl-C (DRUMEE_PORT=8080)
	@$(SERVICE) run

shell: ready ## SQL prompt on the private MariaDB
	@$(SERVICE) shell

format: ready ## Put the Python files in order
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

clean: down ## Stop everything; remove .venv, caches, and .run with its data
	@rm -rf .run .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

##@ Test

.PHONY: test lint types bench
test: WITH = --with test
test: ready lint types ## Lint, types, tests on throw-away servers (T=path, ARGS="-k word")
	@.venv/bin/python -m pytest $(T) $(ARGS)

lint: ready ## Ruff: rules and format
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: ready ## Mypy, strict
	@.venv/bin/mypy --strict service/

bench: WITH = --with bench
bench: ready ## Measure the calls, and the limit beside them
	@$(SERVICE) bench

##@ Schema

.PHONY: deploy demo shard
deploy: ready ## Create or upgrade the databases: tables, migrations, routines
	@$(SERVICE) deploy

demo: ready ## Load the demo people, hubs and contacts
	@$(SERVICE) demo

shard: ready ## Add a shard database (NAME=)
	@$(call need,NAME)$(SERVICE) shard --name "$$NAME"

##@ Operate

.PHONY: up down user hub mail
up: ready ## Like run, in the background; returns when it serves
	@$(SERVICE) up

down: ## Stop what run or up started
	@if [ -x .venv/bin/python ]; then $(SERVICE) down; else echo "Nothing is running."; fi

mail: ready ## Show invitation mails that are stuck in the outbox
	@$(SERVICE) mail

user: ready ## Add a person (NAME= EMAIL= [PASSWORD=] [DOMAIN=])
	@$(call need,NAME EMAIL)$(SERVICE) user --name "$$NAME" --email "$$EMAIL" $${PASSWORD:+--password "$$PASSWORD"} $${DOMAIN:+--domain "$$DOMAIN"}

hub: ready ## Add a hub (NAME= OWNER= [AREA=])
	@$(call need,NAME OWNER)$(SERVICE) hub --name "$$NAME" --owner "$$OWNER" $${AREA:+--area "$$AREA"}
