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

.PHONY: listen settings
listen: ready ## Print what arrives on somebody's WebSocket (NAME=alice@example.org [PASSWORD=])
	@$(call need,NAME)$(SERVICE) listen --user "$$NAME" --password "$${PASSWORD:-demo-password}"

settings: ready ## The table of settings
	@$(SERVICE) settings

##@ Test

.PHONY: test browser lint types bench
test: WITH = --with test
test: ready lint types ## Lint, types, tests on throw-away servers (T=path, ARGS="-k word")
	@.venv/bin/python -m pytest $(T) $(ARGS)

browser: ## Install Chromium, with which make test drives the demo page
	@$(PYTHON) -I service/install.py --with browser

lint: ready ## Ruff, and our rules for procedures/ and sql/
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && $(SERVICE) lint

types: ready ## Mypy, strict
	@.venv/bin/mypy --strict service/

bench: WITH = --with bench
bench: ready ## Measure the calls, and the limit beside them
	@$(SERVICE) bench

##@ Schema

# Each of these is one line around `python -m service …`; exit 0 done, 1 differences, 2 failed.
HOW = $${CANARY:+--canary "$$CANARY"} $${REV:+--rev "$$REV"} $${ALLOW:+--allow "$$ALLOW"} $${RATE:+--rate "$$RATE"}

.PHONY: plan deploy drift adopt proc docs stats demo shard
plan: ready ## What deploy would do; changes nothing ([REV=] [ALLOW=])
	@$(SERVICE) plan $(HOW)

deploy: ready ## Do what plan says ([CANARY=shard] [REV=git] [ALLOW=names] [RATE=n])
	@$(SERVICE) deploy $(HOW)

drift: ready ## What was changed by hand: routines, tables, views; for cron
	@$(SERVICE) drift

adopt: ready ## Bring a change made by hand into its file (F= [SHARD=])
	@$(call need,F)$(SERVICE) adopt --file "$$F" $${SHARD:+--shard "$$SHARD"}

proc: ready ## Deploy one routine to all databases of its kind (F= [ALLOW=])
	@$(call need,F)$(SERVICE) proc --file "$$F" $${ALLOW:+--allow "$$ALLOW"}

docs: ready ## Reference of all routines: build/docs/procedures.html and .md
	@$(SERVICE) docs

stats: ready ## Calls, errors, p50 and p95 of each routine, from the server ([SECONDS=5])
	@$(SERVICE) stats $${SECONDS:+--seconds "$$SECONDS"}

demo: ready ## Load the demo people, hubs and contacts
	@$(SERVICE) demo

shard: ready ## Add a shard database (NAME=)
	@$(call need,NAME)$(SERVICE) shard --name "$$NAME"

##@ Operate

.PHONY: backup restore move
backup: ready ## Everything into one archive, while people work (F=backup.tar.gz)
	@$(call need,F)$(SERVICE) backup --file "$$F"

restore: ready ## An archive into an empty server (F=backup.tar.gz)
	@$(call need,F)$(SERVICE) restore --file "$$F"

move: ready ## A person or hub to another shard, while others work (ENTITY= SHARD=)
	@$(call need,ENTITY SHARD)$(SERVICE) move --entity "$$ENTITY" --shard "$$SHARD"

.PHONY: up down user apikey apikeys hub link mail
up: ready ## Like run, in the background; returns when it serves
	@$(SERVICE) up

down: ## Stop what run or up started
	@if [ -x .venv/bin/python ]; then $(SERVICE) down; else echo "Nothing is running."; fi

mail: ready ## Show invitation mails that are stuck in the outbox
	@$(SERVICE) mail

user: ready ## Add a person (NAME= EMAIL= [PASSWORD=] [DOMAIN=])
	@$(call need,NAME EMAIL)$(SERVICE) user --name "$$NAME" --email "$$EMAIL" $${PASSWORD:+--password "$$PASSWORD"} $${DOMAIN:+--domain "$$DOMAIN"}

apikey: ready ## A key for a program that calls /api/v1 (USER= [SCOPE=agent])
	@$(call need,USER)$(SERVICE) apikey --user "$$USER" $${SCOPE:+--scope "$$SCOPE"}

apikeys: ready ## The keys there are ([DROP=id] takes one away)
	@$(SERVICE) apikeys $${DROP:+--drop "$$DROP"}

hub: ready ## Add a hub (NAME= OWNER= [AREA=])
	@$(call need,NAME OWNER)$(SERVICE) hub --name "$$NAME" --owner "$$OWNER" $${AREA:+--area "$$AREA"}

link: ready ## Let guests into a hub's room (HUB= [TITLE=] [DAYS=])
	@$(call need,HUB)$(SERVICE) link --hub "$$HUB" $${TITLE:+--title "$$TITLE"} $${DAYS:+--days "$$DAYS"}
