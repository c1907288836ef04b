# shellcheck shell=bash
# `./dev engine [ADDRESS]`: the contract of the log where a cluster of EventStoreDB has the log and PostgreSQL follows: appending, following,
# the story, its kills and its load, the torture. Without an address a server of ours stands for the cluster. Sourced by ../dev, which sets
# DEV and ROOT. By hand: it takes many minutes.

CONTRACT="append:: follow:: story:: crash:: load:: torture::"

# What is not asked there, because it is about PostgreSQL as the log itself: what goes wrong between the statements of its commit or on the
# way to it, and which of three ways a batch takes; tables that are locked in the middle of a statement, or emptied by hand; and more bytes
# than a commit of an engine holds.
ONLY_POSTGRESQL="
append::answers::
append::faults::
append::routes::
append::rules::a_workspace_that_vanished_begins_anew
append::pressure::a_caller_who_leaves_leaves_nothing_or_all_of_it
append::pressure::the_end_of_the_log_loses_nothing_and_leaves_no_connection
append::limits::as_much_as_is_allowed_is_written
append::limits::the_most_events_of_the_most_bytes_find_room
"

engine() { # [ADDRESS]
    local name skipped="" on="$ROOT/target/debug/store"
    hear_interrupts engine "$@"
    case "${1:-esdb://}" in
        esdb://* | esdb+discover://*) ;;
        *) fail "./dev engine takes an address, esdb://user:password@host:2113?tls=true, or nothing, not '$1'" ;;
    esac
    provide_for_tests engine 300
    compile_with_lints || true
    # shellcheck disable=SC2086
    job cargo build --workspace $TARGETS || fail "the build failed"
    job cargo build --manifest-path "$ROOT/log/cluster/adapter/Cargo.toml" || fail "the build failed"
    for name in $ONLY_POSTGRESQL; do skipped="$skipped --skip $name"; done
    if [ $# -gt 0 ]; then
        export LOG_ENGINE=$1 LOG_ENGINE_STREAMS="${LOG_ENGINE_STREAMS:-prometric-test-}"
        on=env
        say "dev: the streams are called $LOG_ENGINE_STREAMS…; they stay in the cluster"
    fi
    # Each test has a cluster's streams, and all of them one cluster: fewer at once than where each has its own database.
    # shellcheck disable=SC2086
    RUST_TEST_THREADS="${RUST_TEST_THREADS:-2}" job "$on" cargo test -p prometric-tests --test it --no-fail-fast -- $CONTRACT $skipped ||
        fail "the contract does not hold"
}
