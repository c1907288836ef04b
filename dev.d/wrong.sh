# shellcheck shell=bash
# `./dev wrong`: are the checks of the log worth something? One mistake after another is put into it, and the table tells
# which check notices. By hand: it takes a minute or two a mistake. Sourced by ../dev, which sets DEV and ROOT.

wrong() { # [NAMES OF MISTAKES]
    local features="--features prometric-tests/wrong" folder="$DEV/wrong" unit it
    hear_interrupts wrong "$@"
    provide_for_tests wrong 300
    compile_with_lints || true
    # Kept apart, and the plain programs put back: nothing that can be wrong stays where others look for the product.
    mkdir -p "$folder"
    # shellcheck disable=SC2086
    job cargo build -p prometric-api -p prometric-tests --bins $features || fail "the build failed"
    cp -f "$ROOT"/target/debug/{prometric,torture,wrong} "$folder/"
    # shellcheck disable=SC2086
    unit=$(test_program -p prometric-log --lib --features wrong) && it=$(test_program -p prometric-tests --test it $features)
    cp -f "$unit" "$folder/unit" && cp -f "$it" "$folder/it"
    job cargo build --bin prometric --bin torture || fail "the build failed"
    cd "$ROOT/tests"
    PROMETRIC_BINARY="$folder/prometric" job "$folder/wrong" --unit "$folder/unit" --it "$folder/it" \
        --torture "$folder/torture" "$@" || fail "there are gaps"
}

test_program() { # ARGUMENTS…
    cargo test "$@" --no-run --message-format json 2>/dev/null |
        sed -n 's/.*"target":{"kind":\["\(lib\|test\)"\].*"executable":"\([^"]*\)".*/\2/p' | tail -n 1 | grep .
}
