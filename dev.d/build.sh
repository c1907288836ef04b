# shellcheck shell=bash
# Building: once for everything that runs here, and telling in words how far it is.
# Sourced by ../dev, which sets DEV and ROOT.

TRIAL="$ROOT/target/debug/prometric"
RELEASE="$ROOT/target/release/prometric"

# All that there is. Not said as --all-targets, which has the procedural macros built as libraries of their own too, and so with
# other debug information than `cargo test` builds them with: every crate behind them would be compiled once more for the tests.
TARGETS="--bins --tests --benches"

# Clippy's driver is the compiler with lints: as the wrapper of the compiler it makes programs, tests and remarks in one go,
# where `cargo clippy` would read every crate once more and leave nothing that runs. `run` and `test` share what it makes, and a
# plain compiler does for those that only run. (Cargo keeps apart what was made with and without a wrapper: a `cargo build` by
# hand takes nothing away, and makes our own crates once more.) Never for release: it leaves some optimisations out.
compile_with_lints() {
    local driver
    driver="$(rustc --print sysroot 2>/dev/null)/bin/clippy-driver"
    if [ ! -x "$driver" ]; then driver=$(command -v clippy-driver) || return 1; fi
    export RUSTC_WORKSPACE_WRAPPER="$driver"
}

# Cargo repeats the remarks of what it need not compile again, and gives them to programs one a line.
no_remarks() {
    local remark='"reason":"compiler-message"'
    if cargo build --workspace $TARGETS --message-format json 2>/dev/null | grep "$remark" >/dev/null; then
        say "the compiler or clippy has remarks: they stand above, and ./dev check repeats them"
        return 1
    fi
}

# The build that `./dev run` serves: for trying, in the profile that the tests use too, or the full one.
build_server() { # trial|release
    if [ "$1" = release ]; then
        job build_in_words "Prometric, optimised" --release --bin prometric || fail "the build failed"
    else
        compile_with_lints || true
        job build_in_words "Prometric for trying" --bin prometric || fail "the build failed"
        stand_in
    fi
}

# Scripts call target/release/prometric whichever way Prometric was started. Where no release build of today's sources is, it
# is the build for trying; the next `cargo build --release` puts its own there, without building more for that.
stand_in() {
    if [ -x "$RELEASE" ] && [ -e "$RELEASE.d" ] && [ -z "$(newer_sources)" ]; then return; fi
    mkdir -p "$ROOT/target/release"
    rm -f "$RELEASE.d" # with it cargo says that the file is a release build
    ln -f "$TRIAL" "$RELEASE" 2>/dev/null || cp -f "$TRIAL" "$RELEASE"
}

newer_sources() {
    (cd "$ROOT" && find Cargo.toml Cargo.lock migrations */Cargo.toml */build.rs */src */*/src api/locales -type f -newer "$RELEASE" 2>/dev/null) | head -n 1
}

# Runs `cargo build` and says on one line of the terminal what it does, how far it is, and since when; into a file it says so
# once. What the compiler has to say comes through as it is.
build_in_words() { # WHAT ARGUMENTS…
    local what=$1 color=never
    shift
    if [ -t 2 ]; then color=always; fi
    CARGO_TERM_COLOR=$color CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=100 cargo build "$@" 2>&1 >/dev/null |
        tell_progress "$what" >&2
}

# Cargo's own bar is rewritten by carriage returns: "Building [====>   ] 123/340: tokio, sqlx".
tell_progress() { # WHAT
    local chunk line began=$SECONDS told="" count=""
    while IFS= read -r -d $'\r' chunk || [ -n "$chunk" ]; do
        while [ -n "$chunk" ]; do
            line=${chunk%%$'\n'*}
            if [ "$line" = "$chunk" ]; then chunk=""; else chunk=${chunk#*$'\n'}; fi
            case "$line" in
                *Building*"] "*/*:*)
                    count=${line#*"] "}
                    tell "$1" "${count%%:*}" $((SECONDS - began))
                    ;;
                *"Compiling "* | *"Downloaded "* | *"Downloading "* | *"Finished "* | *"Updating "* | *"Locking "* | *"Fresh "*) ;;
                *"Building "* | "" | *[[:cntrl:]]"[K") ;;
                *)
                    untell
                    echo "$line"
                    ;;
            esac
        done
    done
    untell
    if [ -n "$told" ] && [ $((SECONDS - began)) -gt 5 ]; then say "dev: $1 is built, in $(minutes $((SECONDS - began)))"; fi
}

# COUNT is what is done and of how many steps; every second is often enough for people.
tell() { # WHAT COUNT SECONDS
    if [ -t 1 ]; then
        if [ "$told" = "$SECONDS" ]; then return; fi
        printf '\r\033[Kdev: building %s: %s of %s steps done, %s so far' "$1" "${2%/*}" "${2#*/}" "$(minutes "$3")"
        told=$SECONDS
    elif [ -z "$told" ]; then
        echo "dev: building $1, ${2#*/} steps: the first time takes minutes, later ones take seconds"
        told=once
    fi
}

untell() {
    if [ -n "$told" ] && [ -t 1 ]; then printf '\r\033[K'; fi
}

minutes() { # SECONDS
    if [ "$1" -lt 60 ]; then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}
