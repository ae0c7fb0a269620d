# Any Python from 3.11 on; an older one looks for a newer one by itself (service/local/install.py).
PYTHON ?= python3
SERVICE = .venv/bin/python -m service
# Isolated (-I): modules in service/ must not stand in for those of the standard library.
INSTALL = $(PYTHON) -I service/local/install.py $(WITH)
# Commands for databases and people install nothing, whichever python3 the PATH of cron has.
CHECK = $(if $(wildcard .venv/bin/python),.venv/bin/python,$(PYTHON)) -I service/local/install.py --check
# The variable silences an announcement of the theme; PYTHONPATH is for the hooks in docs/.
MKDOCS = NO_MKDOCS_2_WARNING=1 PYTHONPATH=. .venv/bin/mkdocs build --quiet --strict

# $(call need,A B): stop unless A= and B= stand on the command line.
need = $(foreach name,$1,$(if $(filter command,$(origin $(name))),,$(error make $@ needs $(name)=…; plain `make` shows how)))

# Without compiled modules, each of several hundred processes of a test run compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Costs a tenth of a second when there is nothing to do.
.PHONY: ready installed
ready: ## Install the Python packages, MariaDB and Redis
	@$(INSTALL)

installed:
	@$(CHECK)

##@ Develop

.PHONY: run shell format clean
run: ready ## Install, deploy, load demo people, serve until Ctrl-C (DRUMEE_PORT=8080)
	@$(SERVICE) run

shell: installed ## SQL prompt on the private MariaDB
	@$(SERVICE) shell

format: ready ## Put the Python files in order
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

clean: down ## Stop everything; remove .venv, caches, and .run with its data
	@rm -rf .run .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

.PHONY: acl listen openapi asyncapi settings
# Standard output is the JSON and nothing else.
acl: ## Print the declarations, definitions written out, for Drumee's tools ([MODULE=contact])
	@$(CHECK) >&2 && $(SERVICE) acl $${MODULE:+--module "$$MODULE"}

openapi: ## Print the OpenAPI 3.1 document of the services, as /-/openapi.json has it
	@$(CHECK) >&2 && $(SERVICE) openapi

asyncapi: ## Print the AsyncAPI 3.0 document of a WebSocket ([API=rest]: that of /ws)
	@$(CHECK) >&2 && $(SERVICE) asyncapi $${API:+--api "$$API"}

listen: installed ## Print what arrives on somebody's WebSocket (NAME=alice@example.org [PASSWORD=])
	@$(call need,NAME)$(SERVICE) listen --user "$$NAME" --password "$${PASSWORD:-demo-password}"

settings: installed ## The table of settings
	@$(SERVICE) settings

.PHONY: site
site: ready ## Build the pages of docs/ and the folders into build/site/
	@$(MKDOCS)

##@ Test

.PHONY: test test-frontend browser lint types bench bench-tables chaos levels clients
test: WITH = --with test
test: STATIC =
# RETEST=1, for shared machines: tests that fail run once more, alone.
test: ready lint types ## Lint, types, tests on throw-away servers (T=path, ARGS="-k word", RETEST=1)
	@.venv/bin/python -m $(if $(RETEST),tests.retest,pytest) $(T) $(ARGS)

# Apart from make test: it needs a frontend, and a browser for each person.
test-frontend: WITH = --with test
test-frontend: ready ## Drive a built frontend with Chromium (DRUMEE_FRONTEND_DIR=folder)
	@.venv/bin/python -m pytest -n 0 tests/workplace $(ARGS)

browser: ## Install Chromium, with which make test drives the demo page
	@$(PYTHON) -I service/local/install.py --with browser

levels: WITH = --with test
levels: ready ## Test procedures on the other patch levels of MariaDB that Debian offers
	@.venv/bin/python -m tests.patch_levels

clients: WITH = --with test
clients: ready ## Make clients of /api/v1 with OpenAPI generators, and use them (needs Node.js and Java)
	@if ! command -v npm >/dev/null || ! command -v java >/dev/null; then \
		echo "NOT TESTED - generated clients: there is no npm, or no java"; \
	elif ! .venv/bin/python -m tests.clients.install; then \
		echo "NOT TESTED - generated clients: the generators could not be installed"; \
	else .venv/bin/python -m pytest -n 0 tests/clients $(ARGS); fi

# Tests that only read files: without the fixtures of all others they take seconds.
STATIC = tests/test_names.py tests/test_house.py tests/docs/test_links.py tests/docs/test_names.py \
	tests/docs/test_pages.py tests/procedures/test_mirror.py tests/rpc/test_definitions.py

lint: ready ## Ruff, the layers of imports, our rules for procedures/ and sql/, names, pages
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@report=$$(.venv/bin/lint-imports --no-logo --no-cache) || { echo "$$report"; exit 1; }
	@$(SERVICE) lint
	@report=$$($(if $(STATIC),.venv/bin/python -m pytest -n 0 --noconftest -q $(STATIC) 2>&1)) || { echo "$$report"; exit 1; }

types: ready ## Mypy, strict
	@.venv/bin/mypy --strict service/ tests/

bench: WITH = --with bench
bench: ready ## Measure the calls and their limit, or another revision in turns ([AGAINST=revision] [ONLY=] [SECONDS=] [SHARDS=])
	@$(SERVICE) bench $(if $(ONLY),--only "$(ONLY)") $(if $(AGAINST),--against "$(AGAINST)") \
		$(if $(SECONDS),--seconds "$(SECONDS)") $(if $(SHARDS),--shards "$(SHARDS)")

bench-tables: WITH = --with online
bench-tables: ready ## Change a table of 10 million rows beside callers ([ROWS=10000000])
	@.venv/bin/python -m service.bench.big_tables $(if $(ROWS),--rows "$(ROWS)")

chaos: WITH = --with test --with chaos
chaos: ready ## Kill, freeze and starve servers of its own under load ([MINUTES=2] [SEED=] [ROUNDS=] [PACE=] [ONLY=])
	@.venv/bin/python -m tests.chaos --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(PACE),--pace $(PACE)) $(if $(ONLY),--only "$(ONLY)")

##@ Dependencies

TOOLS = build/tools
# One version for all Pythons and platforms, with the hashes of all its files; no address of a registry.
LOCK = $(TOOLS)/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--python .venv/bin/python --fork-strategy fewest --generate-hashes --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade)

.PHONY: lock audit sbom
# The runtime's versions are those that the tests ran with.
lock: ready $(TOOLS)/ready ## Pin what pyproject.toml needs in requirements/, with hashes ([UPGRADE=1])
	@$(LOCK) --extra test --extra docs --output-file requirements/develop.txt
	@$(LOCK) --constraints requirements/develop.txt --output-file requirements/service.txt
	@$(patsubst pyproject.toml,--group tools,$(LOCK)) --output-file requirements/tools.txt
	@$(patsubst pyproject.toml,--group clients,$(LOCK)) --output-file requirements/clients.txt

audit: ready $(TOOLS)/ready ## Known vulnerabilities of the pinned packages, by pip-audit
	@.venv/bin/python -m service.local.audit $(TOOLS)/bin/pip-audit

# In an environment that holds what the service runs with, and nothing else.
sbom: ready $(TOOLS)/ready ## Bill of materials of the service, CycloneDX: build/sbom.json
	@.venv/bin/python -m venv --clear --without-pip build/runtime
	@.venv/bin/python -m pip --python build/runtime/bin/python install --quiet --disable-pip-version-check \
		--require-hashes -r requirements/service.txt
	@version=$$(.venv/bin/python -c 'import service; print(service.__version__)') && \
		sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml >build/runtime/pyproject.toml
	@$(TOOLS)/bin/cyclonedx-py environment --pyproject build/runtime/pyproject.toml \
		--output-file build/sbom.part build/runtime/bin/python || { rm -f build/sbom.part; exit 1; }
	@mv build/sbom.part build/sbom.json
	@echo "Written: build/sbom.json"

$(TOOLS)/ready: requirements/tools.txt
	@.venv/bin/python -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

##@ Schema

# Each of these is one line around `python -m service …`; exit 0 done, 1 differences, 2 failed.
HOW = $${CANARY:+--canary "$$CANARY"} $${REV:+--rev "$$REV"} $${ALLOW:+--allow "$$ALLOW"} $${RATE:+--rate "$$RATE"} \
	$${SKIP_EXAMPLES:+--skip-examples}

.PHONY: plan deploy drift doctor adopt proc docs stats history demo shard shard-drop
plan: installed ## What deploy would do; changes nothing ([REV=] [ALLOW=] [SQL=1] [OUT=plan.json])
	@$(SERVICE) plan $(HOW) $${SQL:+--sql} $${OUT:+--out "$$OUT"}

deploy: installed ## Do what plan says ([CANARY=shard] [REV=git] [ALLOW=names] [RATE=n] [SKIP_EXAMPLES=1] [PLAN=plan.json])
	@$(SERVICE) deploy $(HOW) $${PLAN:+--plan "$$PLAN"}

drift: installed ## What was changed by hand on the server, rights and accounts included; for cron
	@$(SERVICE) drift

doctor: installed ## Do all routines work on these servers? The examples of the headers, in scratch databases
	@$(SERVICE) doctor

adopt: installed ## Bring a change made by hand into its file (F= [SHARD=])
	@$(call need,F)$(SERVICE) adopt --file "$$F" $${SHARD:+--shard "$$SHARD"}

proc: installed ## Deploy one routine to all databases of its kind (F= [ALLOW=])
	@$(call need,F)$(SERVICE) proc --file "$$F" $${ALLOW:+--allow "$$ALLOW"}

docs: installed ## Reference of all routines: build/docs/procedures.html and .md
	@$(SERVICE) docs

# make looks at the variable: bash, which is sh on some systems, sets SECONDS by itself.
stats: installed ## Calls, errors, p50 and p95 of each routine, from the server ([SECONDS=5] [SINCE=3d])
	@$(SERVICE) stats $(if $(SECONDS),--seconds "$$SECONDS") $${SINCE:+--since "$$SINCE"}

history: installed ## Who deployed, moved, restored, backed up what, when ([SINCE=3d] [NAME=] [LIMIT=20])
	@$(SERVICE) history $${SINCE:+--since "$$SINCE"} $${NAME:+--name "$$NAME"} $${LIMIT:+--limit "$$LIMIT"}

demo: installed ## Load the demo people, hubs and contacts
	@$(SERVICE) demo

shard: installed ## Add a shard database (NAME=)
	@$(call need,NAME)$(SERVICE) shard --name "$$NAME"

shard-drop: installed ## Drop a shard in which nobody lives (NAME=)
	@$(call need,NAME)$(SERVICE) shard-drop --name "$$NAME"

##@ Operate

.PHONY: units backup restore move
units: installed ## systemd units of this machine (OUT=folder [USER=drumee])
	@$(call need,OUT)$(SERVICE) units --out "$$OUT" $(if $(filter command,$(origin USER)),--user "$$USER")

backup: installed ## Everything into one archive, while people work (F=backup.tar.gz [ALLOW=stopped])
	@$(call need,F)$(SERVICE) backup --file "$$F" $${ALLOW:+--allow "$$ALLOW"}

restore: installed ## An archive into an empty server, or one user or lost shard (F= [UNTIL='2026-11-28 10:00:00' LOGS=folder] [ENTITY= [REPLACE=1]] [SHARD=])
	@$(call need,F)$(SERVICE) restore --file "$$F" $${UNTIL:+--until "$$UNTIL"} $${LOGS:+--logs "$$LOGS"} \
		$${ENTITY:+--entity "$$ENTITY"} $${REPLACE:+--replace} $${SHARD:+--shard "$$SHARD"}

move: installed ## A person or hub to another shard, while others work (ENTITY= SHARD=)
	@$(call need,ENTITY SHARD)$(SERVICE) move --entity "$$ENTITY" --shard "$$SHARD"

.PHONY: up down import export user apikey apikeys hub limits region link mail webhooks
up: ready ## Like run, in the background; returns when it serves
	@$(SERVICE) up

down: ## Stop what run or up started
	@if [ -x .venv/bin/python ]; then $(SERVICE) down; else echo "Nothing is running."; fi

mail: installed ## Show invitation mails that are stuck in the outbox
	@$(SERVICE) mail

webhooks: installed ## Webhooks, their backlog and failures ([REPEAT=delivery] [RESUME=name of one of the site])
	@$(SERVICE) webhooks $${REPEAT:+--repeat "$$REPEAT"} $${RESUME:+--resume "$$RESUME"}

user: installed ## Add a person (NAME= EMAIL= [PASSWORD=] [DOMAIN=])
	@$(call need,NAME EMAIL)$(SERVICE) user --name "$$NAME" --email "$$EMAIL" $${PASSWORD:+--password "$$PASSWORD"} $${DOMAIN:+--domain "$$DOMAIN"}

import: installed ## A file into a person's address book (F=people.vcf USER= [UPDATE=add|replace|skip] [CHARSET=])
	@$(call need,F USER)$(SERVICE) import --file "$$F" --user "$$USER" $${UPDATE:+--update "$$UPDATE"} $${CHARSET:+--charset "$$CHARSET"}

export: installed ## And out of it (F= USER= [FORMAT=vcf|csv|jcard] [VERSION=] [CHARSET=] [SEPARATOR=] [OPTION=] [FORCE=1])
	@$(call need,F USER)$(SERVICE) export --file "$$F" --user "$$USER" $${FORMAT:+--format "$$FORMAT"} \
		$${VERSION:+--version "$$VERSION"} $${CHARSET:+--charset "$$CHARSET"} $${SEPARATOR:+--separator "$$SEPARATOR"} \
		$${OPTION:+--option "$$OPTION"} $(if $(FORCE),--force)

apikey: installed ## A key for a program that calls /api/v1, or for a phone (USER= [SCOPE=agent|carddav …] [NAME=])
	@$(call need,USER)$(SERVICE) apikey --user "$$USER" $${SCOPE:+--scope "$$SCOPE"} $${NAME:+--name "$$NAME"}

apikeys: installed ## The keys there are ([DROP=id] takes one away)
	@$(SERVICE) apikeys $${DROP:+--drop "$$DROP"}

hub: installed ## Add a hub (NAME= OWNER= [AREA=])
	@$(call need,NAME OWNER)$(SERVICE) hub --name "$$NAME" --owner "$$OWNER" $${AREA:+--area "$$AREA"}

region: installed ## Country of a user's phone numbers without a country code (USER= REGION=DE; REGION=: none)
	@$(call need,USER)$(SERVICE) region --user "$$USER" --country "$$REGION"

limits: installed ## Limit the rooms of a hub (HUB= [PEOPLE=] [MINUTES=]; -1: as the service allows)
	@$(call need,HUB)$(SERVICE) limits --hub "$$HUB" $${PEOPLE:+--people "$$PEOPLE"} $${MINUTES:+--minutes "$$MINUTES"}

link: installed ## Let guests into a hub's room (HUB= [TITLE=] [DAYS=])
	@$(call need,HUB)$(SERVICE) link --hub "$$HUB" $${TITLE:+--title "$$TITLE"} $${DAYS:+--days "$$DAYS"}

##@ Cluster

.PHONY: cluster cluster-status cluster-kill cluster-freeze cluster-cut cluster-heal cluster-roll cluster-down
cluster: WITH = --with cluster
WAYS = $(if $(DATABASE),--database "$(DATABASE)")
cluster: ready ## Galera, HAProxy, Redis, Sentinels, two services, on this machine ([DATABASE=pool])
	@$(SERVICE) cluster $(WAYS)

cluster-status: installed ## Which server is what, which one is home
	@$(SERVICE) cluster-status

cluster-kill: installed ## Kill a server, as kill -9 (NODE=db1, home, master, a …)
	@$(call need,NODE)$(SERVICE) cluster-kill --node "$$NODE"

cluster-freeze: installed ## Freeze a server, as SIGSTOP (NODE=)
	@$(call need,NODE)$(SERVICE) cluster-freeze --node "$$NODE"

cluster-cut: installed ## Cut a MariaDB node off from the others; clients still reach it (NODE=)
	@$(call need,NODE)$(SERVICE) cluster-cut --node "$$NODE"

cluster-heal: installed ## Undo all of that ([NODE=])
	@$(SERVICE) cluster-heal $${NODE:+--node "$$NODE"}

cluster-roll: installed ## Restart one service after the other
	@$(SERVICE) cluster-roll

cluster-down: ## Stop the cluster ([REMOVE=1]: and remove its data)
	@if [ -x .venv/bin/python ]; then $(SERVICE) cluster-down $(if $(REMOVE),--remove); else echo "No cluster is running."; fi

.PHONY: cluster-faults cluster-files
cluster-faults: WITH = --with test --with cluster
cluster-faults: ready ## Break a cluster of its own under load ([SHORT=1] [ONLY="kill home,…"] [DATABASE=pool])
	@.venv/bin/python -m tests.chaos.cluster $(WAYS) $(if $(SHORT),--short) $(if $(ONLY),--only "$(ONLY)")

cluster-files: installed ## Files of HAProxy, Galera, Redis, Sentinel and the service (HOSTS=hosts.toml OUT=folder)
	@$(call need,HOSTS OUT)$(SERVICE) cluster-files --hosts "$$HOSTS" --out "$$OUT"
