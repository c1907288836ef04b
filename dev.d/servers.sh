# shellcheck shell=bash
# The private PostgreSQL and NATS of this work tree: finding or installing the programs, starting, taking over, stopping.
# Sourced by ../dev, which sets DEV and ROOT.
#
# A server is known by its data folder and nothing else: the process named in the folder's pid file, if its command line
# names the folder. So an instance that outlived a killed `./dev run` is found again and used, and a pid that meanwhile
# belongs to another program is not mistaken for it.

IN_MEMORY="" # whether the data that goes with us may stand in memory: no disk, but what a killed process wrote is there all the same
PG_PORT=""   # of the instance that we run, or of the one remembered
NATS_PORT="" # likewise
PG_PID=""    # what we have to stop; empty for servers that the caller gave
NATS_PID=""

own_database_url() { echo "postgres://prometric@127.0.0.1:$1/prometric"; }
own_nats_url() { echo "nats://127.0.0.1:$1"; }

# Sets DATABASE_URL: the caller's server if one is given, else an instance of our own.
provide_database() { # NAME MAX_CONNECTIONS
    if [ -n "${DATABASE_URL:-}" ]; then return; fi
    local folder
    folder=$(place "$1")
    start_postgres "$folder" "$2"
    export DATABASE_URL
    DATABASE_URL=$(own_database_url "$PG_PORT")
}

# Sets NATS_URL likewise; fails when there is no nats-server to be had.
provide_nats() { # NAME
    if [ -n "${NATS_URL:-}" ]; then return; fi
    local program folder
    program=$(find_nats || { install_package nats-server >&2 && find_nats; }) || return 1
    folder=$(place "$1") || exit 1
    start_nats "$program" "$folder"
    export NATS_URL
    NATS_URL=$(own_nats_url "$NATS_PORT")
}

stop_servers() {
    if [ -n "$NATS_PID" ]; then end_nats "$NATS_PID"; fi
    if [ -n "$PG_PID" ]; then end_postgres "$PG_PID"; fi
}

# ---- PostgreSQL ----------------------------------------------------------------------------------------------------

# Prints the folder of the programs: any version from 15 on, or just the version that made the data.
find_postgres() { # VERSION
    local folder version found=""
    {
        pg_config --bindir 2>/dev/null || true
        for folder in /usr/lib/postgresql/*/bin; do echo "$folder"; done | sort -t/ -k5,5nr
        for folder in /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do echo "$folder"; done | sort -t@ -k2,2nr
        dirname "$(command -v postgres || echo /none/postgres)"
    } | while read -r folder; do
        if [ -n "$found" ] || [ ! -x "$folder/initdb" ] || [ ! -x "$folder/pg_ctl" ]; then continue; fi
        version=$("$folder/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
        if [ "${version:-0}" -ge 15 ] && [ "${1:-$version}" = "$version" ]; then
            found=$folder
            echo "$folder"
        fi
    done | grep .
}

start_postgres() { # FOLDER MAX_CONNECTIONS
    local data=$1 version bin deadline
    version=$(cat "$data/PG_VERSION" 2>/dev/null || true)
    bin=$(find_postgres "$version" || { install_package postgresql >&2 && find_postgres "$version"; }) ||
        fail "PostgreSQL ${version:-15 or newer} is missing: install it, or set DATABASE_URL${version:+, or remove .dev to start with no data}"
    if adopt_postgres "$data" "$bin"; then return; fi
    if [ -f "$data/postmaster.pid" ]; then end_orphans "$data"; fi
    if [ ! -f "$data/PG_VERSION" ]; then create_cluster "$data" "$bin"; fi
    deadline=$((SECONDS + 10)) # another program may take the port in between; orphans need a moment to leave
    while [ "$SECONDS" -lt "$deadline" ]; do
        choose_port PG_PORT
        configure_postgres "$data" "$2"
        in_own_group become_service "$bin/postgres" -D "$data" >>"$data/postgres.log" 2>&1
        PG_PID=$!
        if await_postgres "$bin"; then return; fi
        sleep 0.1
    done
    tail -n 20 "$data/postgres.log" >&2
    fail "PostgreSQL did not start; above is the end of $data/postgres.log"
}

await_postgres() { # BIN
    until "$1/pg_isready" -q -d "$(own_database_url "$PG_PORT")"; do
        if ! kill -0 "$PG_PID" 2>/dev/null; then return 1; fi
        sleep 0.05
    done
    kill -0 "$PG_PID" 2>/dev/null # else somebody else answers on that port
}

# An instance that outlived an earlier run is ours to use and to stop; one that does not answer is only to be stopped.
adopt_postgres() { # FOLDER BIN
    local pid
    pid=$(postgres_of "$1") || return 1
    PG_PORT=$(sed -n 4p "$1/postmaster.pid")
    PG_PID=$pid
    if "$2/pg_isready" -q -t 5 -d "$(own_database_url "$PG_PORT")"; then return 0; fi
    end_postgres "$pid"
    return 1
}

postgres_of() { # FOLDER
    local pid
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null || true)
    if alive "$pid" "$1"; then echo "$pid"; else return 1; fi
}

end_postgres() { end_process "$1" INT 30 QUIT; } # PID: its "fast", then its "immediate" shutdown

# A postmaster that was killed leaves its pid file behind, and children that first finish their queries and keep the next
# one out. Every one of them stands in the data folder; where there is no /proc to tell, the next start has to try until
# they are gone.
end_orphans() { # FOLDER
    local orphan
    for orphan in $(find /proc/[0-9]*/cwd -prune -lname "$1" 2>/dev/null | cut -d / -f 3); do kill -KILL "$orphan" || true; done
    rm -f "$1/postmaster.pid"
}

# Made elsewhere and moved: so a cluster is whole or not there, whatever interrupts us, and whoever still writes to one
# that was given up. The database is made in single-user mode, so that later starts need not ask whether there is one.
create_cluster() { # FOLDER BIN
    local new="$1.new.$$"
    rm -rf "$1".new.* 2>/dev/null || true
    mkdir "$new"
    own "$new"
    as_service "$2/initdb" -D "$new" -U prometric --auth=trust --encoding=UTF8 --locale="$(utf8_locale)" >/dev/null ||
        fail "initdb failed"
    echo "create database prometric" | as_service "$2/postgres" --single -D "$new" -c log_checkpoints=off postgres >/dev/null ||
        fail "the database could not be made"
    echo "include 'prometric.conf'" >>"$new/postgresql.conf"
    rm -rf "$1"
    mv "$new" "$1"
}

# Upper and lower case of Cyrillic letters need a UTF-8 locale; C.UTF-8 compares bytes, which is the quickest order.
utf8_locale() {
    if locale -a 2>/dev/null | grep -ix 'c\.utf-\{0,1\}8' >/dev/null; then echo C.UTF-8; else echo en_US.UTF-8; fi
}

# Rewritten at each start, for the port may have changed.
configure_postgres() { # FOLDER MAX_CONNECTIONS
    as_service tee "$1/prometric.conf" >/dev/null <<END
listen_addresses = '127.0.0.1'
port = $PG_PORT
unix_socket_directories = '.' # the data folder itself
max_connections = $2
max_locks_per_transaction = 256 # one statement may touch the tables of many workspaces' schemas
shared_buffers = ${SHARED_BUFFERS:-256MB}
max_wal_size = 2GB
timezone = 'UTC'
fsync = on # the log's promise is durability; measuring or testing without it would be a lie
END
}

# ---- NATS ----------------------------------------------------------------------------------------------------------

find_nats() {
    command -v nats-server || ls /usr/sbin/nats-server 2>/dev/null # an ordinary user's PATH lacks the latter
}

start_nats() { # PROGRAM FOLDER
    local program=$1 data=$2 pid
    if pid=$(nats_of "$data"); then
        NATS_PID=$pid
        if taken "${NATS_PORT:-0}"; then return; fi
        end_nats "$pid"
    fi
    choose_port NATS_PORT
    in_own_group become_service "$program" -a 127.0.0.1 -p "$NATS_PORT" -js -sd "$data" -P "$data/nats.pid" -l "$data/nats.log"
    NATS_PID=$!
    until taken "$NATS_PORT"; do
        if ! kill -0 "$NATS_PID" 2>/dev/null; then
            tail -n 20 "$data/nats.log" >&2
            fail "nats-server did not start; above is the end of $data/nats.log"
        fi
        sleep 0.05
    done
}

nats_of() { # FOLDER
    local pid
    pid=$(cat "$1/nats.pid" 2>/dev/null || true)
    if alive "$pid" "$1"; then echo "$pid"; else return 1; fi
}

end_nats() { end_process "$1" TERM 5; } # PID

# ---- programs ------------------------------------------------------------------------------------------------------

# Installs a package with the system's own package manager. Fails when there is none, or it has no such package.
install_package() { # PACKAGE
    local sudo="" log="$DEV/install.log"
    if command -v apt-get >/dev/null; then
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null || return 1
            sudo="sudo"
        fi
        say "dev: installing $1 with ${sudo:+sudo }apt-get"
        if [ "$1" = postgresql ]; then no_default_cluster "$sudo"; fi
        $sudo apt-get update -qq >"$log" 2>&1 || true # an old list may still do
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
            -o Dpkg::Options::=--force-confold "$1" >>"$log" 2>&1 || { tail -n 5 "$log" && return 1; }
    elif command -v brew >/dev/null; then
        say "dev: installing $1 with brew"
        brew install --quiet "$1"
    else
        return 1
    fi
}

# Debian's package would make a cluster and start it. Nobody asked for that one.
no_default_cluster() { # SUDO
    if [ -e /etc/postgresql-common/createcluster.conf ]; then return; fi
    $1 mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" | $1 tee /etc/postgresql-common/createcluster.conf >/dev/null
}

# ---- folders and the user they belong to ---------------------------------------------------------------------------

prepare_folders() {
    mkdir -p "$DEV"
    chmod 755 "$DEV"
}

# PostgreSQL refuses to run as root, so root hands both servers to an ordinary user that has a name (initdb looks it up).
service_user() {
    if [ "$(id -u)" != 0 ]; then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

as_service() (
    become_service "$@"
)

# Replaces the current (sub)shell by the command, so that its id is the command's. From /, which everybody may enter.
become_service() {
    local user
    user=$(service_user)
    cd /
    if [ "$(id -u)" != 0 ]; then
        exec "$@"
    elif command -v setpriv >/dev/null; then
        exec setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --clear-groups -- "$@"
    else
        exec sudo -u "$user" -- "$@"
    fi
}

# Prints the data folder of that name: .dev/NAME. Where the ordinary user cannot get there (root's home is closed), or the
# path is too long for a socket in it, it is a folder under /var/tmp, and .dev/NAME a link to it. A missing link means that
# .dev was removed, and its data with it.
place() { # NAME
    local link="$DEV/$1" folder="$DEV/$1" base=""
    if [ -n "$IN_MEMORY" ] && has_memory; then base=/dev/shm; elif [ ${#folder} -gt 80 ] || ! as_service test -x "$DEV"; then base=/var/tmp; fi
    if [ -n "$base" ]; then
        base="$base/prometric-$(digest "$ROOT")"
        folder="$base/$1"
        claim_folder "$base" || exit 1
        if [ ! -L "$link" ]; then
            discard_folder "$folder"
            ln -sfn "$folder" "$link"
        fi
    fi
    mkdir -p "$folder"
    own "$folder"
    echo "$folder"
}

# Room in memory for the data of tests, and as much left for all else: Linux alone has such a place.
has_memory() {
    local room="" free=""
    room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
    free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo 2>/dev/null)
    [ "${room:-0}" -gt 4000000 ] && [ "${free:-0}" -gt 8000000 ]
}

# A folder at a place where anybody may write must be ours, and no link that somebody laid there for us.
claim_folder() { # FOLDER
    mkdir -m 755 "$1" 2>/dev/null && return
    if [ -L "$1" ] || [ ! -O "$1" ]; then fail "$1 is somebody else's: remove it"; fi
}

own() { # FOLDER
    if [ "$(id -u)" = 0 ]; then
        as_service test -O "$1" || chown -R "$(service_user)" "$1" # there may be many files: only when it must be
    elif [ ! -O "$1" ]; then
        fail "$1 belongs to another user, probably because ./dev was run as root before: run it so again, or remove .dev"
    fi
    chmod 700 "$1"
}

# Forgets a data folder, wherever it is, and ends what still runs on it.
discard() { # NAME
    local folder="$DEV/$1"
    if [ -L "$folder" ]; then
        discard_folder "$(readlink "$folder")"
        rm -f "$folder"
    fi
    discard_folder "$folder"
}

discard_folder() { # FOLDER
    local pid
    if [ ! -d "$1" ]; then return; fi
    if pid=$(nats_of "$1"); then end_nats "$pid"; fi
    if pid=$(postgres_of "$1"); then end_postgres "$pid"; fi
    rm -rf "$1" "$1".new.*
}

digest() { printf '%s' "$1" | cksum | cut -d ' ' -f 1; }

# ---- ports and processes -------------------------------------------------------------------------------------------

# The ports are drawn once and kept in .dev/ports, so that what was told to psql or a script stays true after a restart.
port_of() { sed -n "s/^$1=//p" "$DEV/ports"; }

recall_ports() {
    if [ ! -f "$DEV/ports" ]; then return; fi
    PG_PORT=$(port_of PG_PORT)
    NATS_PORT=$(port_of NATS_PORT)
}

remember_ports() {
    printf 'PG_PORT=%s\nNATS_PORT=%s\n' "$PG_PORT" "$NATS_PORT" >"$DEV/ports"
}

# Keeps the port in the named variable if it is free, else draws another, below those that the system gives to clients.
choose_port() { # VARIABLE
    local port=${!1}
    while [ -z "$port" ] || taken "$port"; do port=$((20000 + RANDOM % 12000)); done
    printf -v "$1" '%s' "$port"
}

# Starts a command in the background, in a process group of its own, where Ctrl-C does not reach it: we say when it ends.
in_own_group() {
    set -m
    "$@" </dev/null &
    set +m
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT

# Is there a process of that id, and does its command line contain the text? A dead one not yet collected has none, and
# counts as gone, although `kill -0` still finds it.
alive() { # PID TEXT
    local line=""
    if [ -z "$1" ]; then return 1; fi
    if [ ! -d /proc/self ]; then
        line=$(ps -ww -o args= -p "$1") || return 1
    elif [ -r "/proc/$1/cmdline" ]; then
        line=$(tr '\0' ' ' <"/proc/$1/cmdline") || return 1
    fi
    if [ -z "$line" ]; then return 1; fi
    case "$line" in *"$2"*) return 0 ;; *) return 1 ;; esac
}

# Asks a process to end, and insists after a while.
end_process() { # PID SIGNAL SECONDS [LAST SIGNAL]
    local deadline=$((SECONDS + $3))
    kill "-$2" "$1" 2>/dev/null || true
    while alive "$1" "" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
    if alive "$1" ""; then kill "-${4:-KILL}" "$1" 2>/dev/null || true; fi
}

# The same for a process and the children in its group. The first of them is ours, so the system forgets it when it ends.
end_group() { # PID SECONDS
    local deadline=$((SECONDS + $2))
    kill -TERM -- "-$1" 2>/dev/null || true
    while kill -0 -- "-$1" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
    kill -KILL -- "-$1" 2>/dev/null || true
}
