# shellcheck shell=bash
# `./dev otlp`: do spans reach a collector? Of a server that is built with what sends them, which `./dev test` leaves out for
# its size. Sourced by ../dev, which sets DEV and ROOT.

otlp() {
    local name folder="$DEV/otlp" it
    hear_interrupts otlp "$@"
    require_cargo
    prepare_folders
    alone otlp
    finish_on_exit
    disown_own_urls
    PASSING="otlp-pg otlp-nats"
    for name in $PASSING; do discard "$name"; done
    provide_database otlp-pg 100
    provide_nats otlp-nats || fail "the tests need NATS"
    export_tools
    compile_with_lints || true
    mkdir -p "$folder"
    job cargo build -p prometric-api --bin prometric --features otlp || fail "the build failed"
    cp -f "$ROOT/target/debug/prometric" "$folder/prometric"
    it=$(test_program -p prometric-tests --test it) || fail "the build failed"
    cd "$ROOT/tests"
    PROMETRIC_BINARY="$folder/prometric" job "$it" traces:: --include-ignored || fail "spans do not arrive"
}
