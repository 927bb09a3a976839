# Set-up happens by itself: every target makes .venv where it is missing or out of date.
PYTHON ?= python3
VENV := .venv
# Processes are started by the thousand: what they import is compiled once.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin

.PHONY: kit kit-windows first-day nightly hooks demo term test test-long test-all faults faults-sample install-check deb package-check image containers-check release release-check cluster soak lint format bench clients confusion fuzz stranger docs man lock audit sbom clean

demo: $(VENV)/.installed
	$(BIN)/gateway demo

# A secretary's first day at a terminal, from the invitation to a verified receipt, held against docs/schools.md.
first-day: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/send/test_first_day.py

# What a developer runs: all but the tests that are marked `long` (journeys through a browser, clusters, guides followed word
# by word, thousands of tampered homes). `make test-long` runs those, `make test-all` both, as plain pytest does.
# Half of the time of a test is waiting for services and clocks: two workers for each processor.
WORKERS ?= $(shell expr 2 \* $$(nproc))
SUITE_RUN = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
SUITE_LEAVES = not faults and not install
test: $(VENV)/.installed-dev
	$(SUITE_RUN) -m '$(SUITE_LEAVES) and not long' $(PYTEST_ARGS)

test-long: $(VENV)/.installed-dev
	$(SUITE_RUN) -m '$(SUITE_LEAVES) and long' $(PYTEST_ARGS)

test-all: $(VENV)/.installed-dev
	$(SUITE_RUN) $(PYTEST_ARGS)

# What each commit has to pass: `make test`, and of the files with long tests a sixth, drawn by the commit. SEED=2 draws others.
SEED ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo 0)
.PHONY: test-sample
test-sample: $(VENV)/.installed-dev
	$(SUITE_RUN) --sample $(SEED) $(PYTEST_ARGS)

# What tests show of homes with SQLite, shown of homes with PostgreSQL: a quarter of an hour on two idle cores.
.PHONY: test-postgresql
test-postgresql: $(VENV)/.installed-dev
	GATEWAY_TEST_POSTGRESQL=1 $(SUITE_RUN) -m '$(SUITE_LEAVES) and not long' tests/agreements tests/courier tests/hand_on \
	    tests/hooks tests/keys tests/processor tests/record $(PYTEST_ARGS)

# Kills, full disks, failing calls, wrong clocks, and all of what the suite tries a part of: as root, 35 minutes at
# most. Writes docs/faults.md, unless PYTEST_ARGS picks only some of them.
faults: $(VENV)/.installed-dev
	timeout 2100 $(BIN)/python -m pytest -n 2 --dist load -m faults tests/faults tests/term \
	    tests/end_to_end tests/hostile tests/corpus/test_one_more_column.py \
	    tests/classify/test_streaming.py tests/record/test_second_person.py \
	    $(if $(PYTEST_ARGS),$(PYTEST_ARGS),--faults-table docs/faults.md)

# The short form: of each kind of fault one case, drawn by the commit and told first; what `make test-all` tries a part
# of is left out.
faults-sample: $(VENV)/.installed-dev
	timeout 1200 $(BIN)/python -m pytest -n 2 --dist load -m faults --sample $(SEED) --kills 15 tests/faults tests/term \
	    $(PYTEST_ARGS)

# Three hosts in network namespaces, PostgreSQL with a standby, SeaweedFS, HAProxy: a hundred faults at random. As root;
# half an hour.
CLUSTER_FAULTS ?= 100
cluster: $(VENV)/.installed-dev
	$(BIN)/python -m tests.faults.storm --faults $(CLUSTER_FAULTS)

# The guide for production, followed on a clean Debian 13 that boots: as root, ten minutes, and a mirror of Debian.
install-check: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m install tests/production \
	    $(addprefix --ignore=tests/production/test_,package.py containers.py release.py) $(PYTEST_ARGS)

# The package of the Debian or Ubuntu that this runs on; needs debhelper, libpython3-dev and python3-venv of it. For another
# one, such as SUITE=resolute, mmdebstrap makes that (as root).
deb: $(VENV)/.installed-dev
	rm -rf build/deb
	$(BIN)/python packaging/release.py build/deb --only deb $(if $(SUITE),--suite $(SUITE))

# That package judged by lintian, then on a clean Debian 13, or SUITE, that boots: three commands to a receipt, upgrade,
# downgrade, purge. As root.
package-check: deb
	lintian --allow-root --fail-on error,warning build/deb/*.deb
	$(if $(SUITE),GATEWAY_TEST_SUITE=$(SUITE)) $(BIN)/python -m pytest -n 0 -m install tests/production/test_package.py $(PYTEST_ARGS)

# That package and its image, an OCI archive: as root, with buildah and mmdebstrap.
image: $(VENV)/.installed-dev
	rm -rf build/image
	$(BIN)/python packaging/release.py build/image --only deb image

# That image, run by the Compose file: as root, with podman, podman-compose, crun, netavark, aardvark-dns and nftables too.
containers-check: image
	$(BIN)/python -m pytest -n 0 -m install tests/production/test_containers.py $(PYTEST_ARGS)

# All of a release, in build/release, from the commit that is checked out; it needs packaging/build-packages.txt.
# RELEASE_KEY=FILE signs its statement with an OpenPGP secret key.
release: $(VENV)/.installed-dev
	rm -rf build/release
	$(BIN)/python packaging/release.py build/release $(if $(RELEASE_KEY),--sign-with $(RELEASE_KEY))

# The same, and once more in another folder: the bytes have to be the same, and every file known with its bill of materials.
release-check: release
	rm -rf build/release-again
	$(BIN)/python packaging/release.py build/release-again
	diff --recursive --brief --exclude='*.asc' build/release build/release-again
	$(BIN)/python -m pytest -n 0 -m install tests/production/test_release.py $(PYTEST_ARGS)

# A nightly export of 300 files by writers that pause, crash, lock, rename and append, while kit and gateway are killed;
# then an upload that is killed at 20 places: some seven minutes; the seed is printed. NIGHTLY_ARGS="--seed 7" draws it again.
nightly: $(VENV)/.installed-dev
	$(BIN)/python -m tests.send.many $(NIGHTLY_ARGS)
	GATEWAY_TEST_KILLS=20 $(BIN)/python -m pytest -n 0 -s -k killed_anywhere tests/send/test_terminal.py

# Each task of docs/console.md by keyboard in Debian's Firefox and in Chromium: some three minutes each.
.PHONY: afternoon
afternoon: $(VENV)/.installed-dev
	$(BIN)/python -m tests.console.afternoon firefox
	$(BIN)/python -m tests.console.afternoon chromium

soak: $(VENV)/.installed-dev
	$(BIN)/python -m tests.faults.soak $(SOAK_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files | grep -vE "^(tests/vectors/|requirements\.lock|gateway/web/static/openpgp\.min\.js)" | xargs -d '\n' -P 0 -n 500 \
	    $(BIN)/detect-secrets-hook --disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString

hooks: $(VENV)/.installed-dev
	$(BIN)/pre-commit install

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A school year with 200 schools by the command line, its clock put forward by libfaketime: an hour on two idle cores. It
# fails where a listing or a report takes over 2 s or 200 MB at its end, which a busy machine may cause, and counts commands
# into docs/admins.md. TERM_ARGS="--state .term-year --seconds 300" stops it at the end of a day, and goes on from there the
# next time; what is interrupted in the middle of a day begins anew.
term: $(VENV)/.installed-dev
	timeout 7200 $(BIN)/python -m tests.term $(TERM_ARGS)

# Each part is put down in build/bench: interrupted, or after ten minutes, it goes on with those that are missing.
# PARTS="burst big" measures these anew; BENCH_ARGS=--quick, smaller sizes.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench $(PARTS) $(BENCH_ARGS)

# Each entry of every policy file deleted, misspelt or swapped, or each STRIDE-th: what tells of it. All take half an hour
# and are written into docs/mutants.md; ONLY names agreements or files of them, such as somerset/flows.toml.
STRIDE ?= 40
mutants: $(VENV)/.installed-dev
	$(BIN)/python -m tests.policy.mutants $(STRIDE) $(ONLY)

# COUNT mutants of the core rooms' code, drawn by SEED, each run against the tests nearest to it, on two processors; written
# into docs/mutants-code.md. Interrupted, it goes on. AGAIN=1 runs survivors anew; it can end with MUTANTS_ARGS="--minutes 10".
.PHONY: mutants-code
COUNT ?= 500
mutants-code: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check coverage==7.17.5
	$(BIN)/python -m tests.mutation --count $(COUNT) $(if $(filter file,$(origin SEED)),,--seed $(SEED)) \
	    $(if $(AGAIN),--again) $(MUTANTS_ARGS)

confusion: $(VENV)/.installed-dev
	$(BIN)/python -m tests.confusion.confusion

# Ten minutes guided by coverage, of every parser at the wall (tests/fuzz; the corpus stays in .fuzz-corpus). Then a million
# altered files through each engine, which takes hours: it can be stopped, and goes on where it was.
FUZZ_COUNT ?= 1000000
FUZZ_SECONDS ?= inf
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris==3.0.0
	$(BIN)/python -m tests.fuzz --seconds 600
	$(BIN)/python -m pytest tests/classify/fuzz_classify.py
	$(BIN)/python -m tests.openpgp.fuzz --engine embedded --state .fuzz-embedded --count $(FUZZ_COUNT) --seconds $(FUZZ_SECONDS)
	$(BIN)/python -m tests.openpgp.fuzz --engine sop --state .fuzz-sop --count $(FUZZ_COUNT) --seconds $(FUZZ_SECONDS)

# Every SSH program at hand against intake, every OpenPGP program against both engines; those of Debian are listed
# in tests/system-packages.txt and tests/clients/packages.txt. Libraries of other projects are installed beside the
# virtual environment.
clients: $(VENV)/.installed-dev
	npm install --no-audit --no-fund --ignore-scripts --prefix $(VENV)/node ssh2@1.17.0 openpgp@6.3.2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/rpgp rpgp-py==0.20.0
	$(BIN)/python -m tests.clients.table docs/clients.md

# Another implementation of transparency logs follows ours by its tiles, and catches a split view; needs the packages
# golang-go and golang-golang-x-mod-dev of Debian.
stranger: $(VENV)/.installed-dev
	$(BIN)/python -m tests.clients.tlog

docs: $(VENV)/.installed-dev
	$(BIN)/python -m gateway.reasons > docs/reasons.md
	$(BIN)/python packaging/policy_schemas.py policies/schemas

# A manual page of every command, for the archive of a release.
man: $(VENV)/.installed-dev
	rm -rf build/man
	$(BIN)/python packaging/man_pages.py build/man

# Every package that runs in production, with its hashes, for every Python that is supported.
# requirements-build.lock is what packages are built with where the index has no wheel of them, and this one;
# requirements-postgresql.lock what a registry in PostgreSQL needs besides, requirements-cluster.lock what that and
# an S3 store do, requirements-openid.lock what logging in to the console at an OpenID Connect provider does.
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --quiet
lock: $(VENV)/.installed-dev
	$(COMPILE) --extra server --output-file requirements.lock pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	    | $(COMPILE) --output-file requirements-build.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["postgresql"], sep="\n")' \
	    | $(COMPILE) --constraint requirements.lock --output-file requirements-postgresql.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["cluster"], sep="\n")' \
	    | $(COMPILE) --constraint requirements.lock --constraint requirements-postgresql.lock --output-file requirements-cluster.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["openid"], sep="\n")' \
	    | $(COMPILE) --constraint requirements.lock --output-file requirements-openid.lock -

# The wheel of the provider's side alone, without a line of the authority's: what a school is given.
kit: $(VENV)/.installed-dev
	$(BIN)/python packaging/kit_wheel.py build/kit

# The offline installer for Windows, of the embeddable package that a person fetched from python.org; needs nsis.
kit-windows: $(VENV)/.installed-dev
	$(BIN)/python packaging/windows/build.py --python "$(KIT_PYTHON)" --sha256 "$(KIT_PYTHON_SHA256)" \
	    --out gateway-windows.exe

# Fails also where the index could not be asked about a package: what was not looked up is not known to be good.
audit: $(VENV)/.installed-dev
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock \
	    --requirement requirements-build.lock --requirement requirements-postgresql.lock \
	    --requirement requirements-cluster.lock --requirement requirements-openid.lock

# One of each lock: sbom.json of what every gateway runs, sbom-cluster.json of what a cluster has besides, and so on.
sbom: $(patsubst requirements%.lock,sbom%.json,$(wildcard requirements*.lock))

sbom%json: requirements%lock $(VENV)/.installed-dev
	$(BIN)/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml --output-file $@ $<

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server,dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
