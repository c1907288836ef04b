# syntax=docker/dockerfile:1
# The server alone; compose.yaml puts a PostgreSQL and a NATS beside it.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive the build, so a change of our code compiles our code only. The target folder is one of them and is not
# part of the image: hence the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin prometric && cp target/release/prometric /usr/local/bin/prometric
# The program that speaks to a cluster of EventStoreDB, for who has the log there (docs/log-engine.md).
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/log/cluster/adapter/target \
    cargo build --release --locked --manifest-path log/cluster/adapter/Cargo.toml \
    && cp log/cluster/adapter/target/release/prometric-cluster /usr/local/bin/prometric-cluster

FROM debian:bookworm-slim
# Root certificates: for a NATS, a mail server or a bucket that is reached over TLS.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --home-dir /var/lib/prometric prometric && install -d -o prometric /var/lib/prometric/mail /var/lib/prometric/files
COPY --from=build /usr/local/bin/prometric /usr/local/bin/prometric-cluster /usr/local/bin/
USER prometric
WORKDIR /var/lib/prometric
ENV PORT=5001
EXPOSE 5001
# bash speaks enough HTTP to ask; the image needs no curl for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /api/v1/health HTTP/1.0\\r\\n\\r\\n' >&3 && IFS= read -r answer <&3 && [[ $answer == *' 200'* ]]"]
ENTRYPOINT ["prometric", "serve"]
