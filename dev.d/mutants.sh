# shellcheck shell=bash
# `./dev mutants`: are the rules tested where they stand? cargo-mutants breaks them one by one, and only the own tests of
# the crate may notice. By hand, for it takes hours over everything; it installs nothing. Sourced by ../dev, which sets DEV and ROOT.

MUTANTS_FLOOR=85
MUTANTS_GOAL=95

mutants() { # [PATH [ARGUMENTS FOR cargo mutants]]
    local status=0 files=()
    hear_interrupts mutants "$@"
    if ! cargo mutants --version >/dev/null 2>&1; then
        fail "cargo-mutants is missing: cargo install cargo-mutants --version '^27' --locked, then run this again"
    fi
    if [ $# -gt 0 ]; then
        if [ ! -e "$1" ]; then fail "there is no $1"; fi
        if [ -d "$1" ]; then files=(--file "${1%/}/**"); else files=(--file "$1"); fi
        shift
    else
        files=(--package prometric-domain --package prometric-sagas)
    fi
    prepare_folders
    alone mutants
    finish_on_exit
    mkdir -p "$DEV/mutants"
    # Its own target folder outlives the run, so that the next one finds the dependencies compiled.
    CARGO_TARGET_DIR="$DEV/mutants/target" job cargo mutants --output "$DEV/mutants" --test-workspace false --profile mutants \
        --gitignore true --colors never "${files[@]}" "$@" || status=$?
    # 2: some survived; 3: some ran out of time, which is being noticed
    case "$status" in 0 | 2 | 3) tell_of_mutants ;; *) fail "cargo mutants did not end well" ;; esac
}

tell_of_mutants() {
    local found="$DEV/mutants/mutants.out" caught survived share
    caught=$(cat "$found/caught.txt" "$found/timeout.txt" | grep -c . || true)
    survived=$(grep -c . "$found/missed.txt" || true)
    if [ $((caught + survived)) = 0 ]; then fail "nothing there to break"; fi
    share=$((caught * 100 / (caught + survived)))
    say "
mutants: $caught of $((caught + survived)) caught, $share % (floor $MUTANTS_FLOOR %, goal $MUTANTS_GOAL %)"
    if [ "$survived" != 0 ]; then
        say "survived, and in ${found#"$ROOT"/}/missed.txt:"
        cat "$found/missed.txt"
    fi
    [ "$share" -ge "$MUTANTS_FLOOR" ]
}
