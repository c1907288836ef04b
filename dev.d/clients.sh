# shellcheck shell=bash
# Other people's clients of the protocol, for tests/it/eventstoredb: pinned, and nowhere but below .dev and target. Sourced by
# ../dev. Those in Rust are built in any case; where there is no Node or no Python, or no registry, that test skips theirs and
# says so.

KURRENT_NODE="@kurrent/kurrentdb-client@1.3.1"
EVENTSTORE_NODE="@eventstore/db-client@6.2.1"
KURRENT_PYTHON="kurrentdbclient==1.3.5"

# Those in Rust, with the tests that they are published with; and the program that speaks to a cluster with one, for tests/it/engine.
build_clients() {
    cargo build --manifest-path "$ROOT/tests/clients/Cargo.toml" &&
        cargo build --manifest-path "$ROOT/log/cluster/adapter/Cargo.toml"
}

provide_clients() {
    provide_node_clients
    provide_python_client
}

provide_node_clients() {
    local folder="$DEV/clients-node" wanted="$KURRENT_NODE $EVENTSTORE_NODE"
    if [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ]; then return; fi
    rm -rf "$folder"
    if ! npm --version >/dev/null 2>&1 || ! node --version >/dev/null 2>&1; then
        note clients "skipped in part: no Node, so no clients for it"
        return
    fi
    say "
== installing $wanted once, into .dev/clients-node"
    mkdir -p "$folder"
    if job npm install --silent --no-audit --no-fund --prefix "$folder" "$KURRENT_NODE" "$EVENTSTORE_NODE"; then
        echo "$wanted" >"$folder/installed"
    else
        rm -rf "$folder" # half of it would be taken for the whole
        note clients "skipped in part: the clients for Node could not be installed"
    fi
}

provide_python_client() {
    local folder="$DEV/clients-python" python=""
    if [ "$(cat "$folder/installed" 2>/dev/null)" = "$KURRENT_PYTHON" ]; then return; fi
    rm -rf "$folder"
    for python in python3 python; do
        if "$python" -c "import sys, venv; sys.exit(sys.version_info < ($PYTHON_OLDEST))" 2>/dev/null; then break; fi
        python=""
    done
    if [ -z "$python" ]; then
        note clients "skipped in part: no Python from ${PYTHON_OLDEST/, /.} on, so no client for it"
        return
    fi
    say "
== installing $KURRENT_PYTHON once, into .dev/clients-python"
    if job "$python" -m venv "$folder" && job "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$KURRENT_PYTHON"; then
        echo "$KURRENT_PYTHON" >"$folder/installed"
    else
        rm -rf "$folder"
        note clients "skipped in part: the client for Python could not be installed"
    fi
}

# What is generated is checked in: only whoever changes the definitions needs this.
write_protocol() {
    cargo run --quiet --manifest-path "$ROOT/log/eventstoredb/generate/Cargo.toml"
}
