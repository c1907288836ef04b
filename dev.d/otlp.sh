# shellcheck shell=bash
# `./dev otlp`: do spans reach a collector? Of a server that is built with what sends them, which `./dev test` leaves out for
# its size. Sourced by ../dev, which sets DEV and ROOT.

otlp() {
    local folder="$DEV/otlp"
    hear_interrupts otlp "$@"
    provide_for_tests otlp 100
    compile_with_lints || true
    mkdir -p "$folder"
    job cargo build -p prometric-api --bin prometric --features otlp || fail "the build failed"
    cp -f "$ROOT/target/debug/prometric" "$folder/prometric"
    PROMETRIC_BINARY="$folder/prometric" job cargo test -p prometric-tests --test otlp --features prometric-tests/otlp ||
        fail "spans do not arrive"
}
