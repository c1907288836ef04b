# shellcheck shell=bash
# Schemathesis for tests/it/contract/schemathesis.rs: pinned, in a virtual environment of its own under .dev. Sourced by
# ../dev. Where there is no Python, or no package index, that one test skips itself and says so.

SCHEMATHESIS=4.32.0
PYTHON_OLDEST="3, 10"

provide_schemathesis() {
    local folder="$DEV/schemathesis" python=""
    if [ "$("$folder/bin/schemathesis" --version 2>/dev/null)" = "schemathesis, version $SCHEMATHESIS" ]; then return; fi
    rm -rf "$folder"
    for python in python3 python; do
        if "$python" -c "import sys, venv; sys.exit(sys.version_info < ($PYTHON_OLDEST))" 2>/dev/null; then break; fi
        python=""
    done
    if [ -z "$python" ]; then
        note contract "skipped in part: no Python from ${PYTHON_OLDEST/, /.} on, so no Schemathesis"
        return
    fi
    say "
== installing Schemathesis $SCHEMATHESIS once, into .dev/schemathesis"
    if ! { job "$python" -m venv "$folder" && job "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS"; }; then
        rm -rf "$folder" # half of it would be taken for the whole
        note contract "skipped in part: Schemathesis could not be installed"
    fi
}
