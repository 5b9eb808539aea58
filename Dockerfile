# The node as an image: one static binary and nothing else. docs/deployment.md walks through it line by line.
#
#   docker build -t distributed-heartbeat:dev .        or: just image
#
# Any engine since 20.10 with BuildKit builds it, without downloading another build language first.

# What the binary runs on: CA certificates, time zones, a passwd file with a user that is not root, no shell.
ARG RUNTIME_BASE=gcr.io/distroless/static-debian13:nonroot

# The version agrees with rust-toolchain.toml and rust-version in Cargo.toml; tests/contract/image.rs compares them.
# The compiler runs on the machine that builds, for the machine that the image is for.
FROM --platform=$BUILDPLATFORM rust:1.95.0-slim-trixie AS build
ARG BUILDARCH
ARG TARGETARCH
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src

# amd64 and arm64, each by its names in Rust and in Debian. Building for the other one needs its linker (an image was not tried).
RUN case "${TARGETARCH:-amd64}" in \
        amd64) echo x86_64-unknown-linux-gnu x86-64-linux-gnu ;; \
        arm64) echo aarch64-unknown-linux-gnu aarch64-linux-gnu ;; \
        *) echo "TARGETARCH=${TARGETARCH} is neither amd64 nor arm64" >&2; exit 1 ;; \
    esac > /target
# hadolint ignore=DL3008
RUN if [ "${BUILDARCH:-amd64}" != "${TARGETARCH:-amd64}" ]; then \
        read -r rust debian < /target; \
        apt-get update && apt-get install -y --no-install-recommends "gcc-$debian" "libc6-dev-${TARGETARCH}-cross"; \
        rm -rf /var/lib/apt/lists/*; \
        rustup target add "$rust"; \
        linker="CARGO_TARGET_$(echo "$rust" | tr 'a-z-' 'A-Z_')_LINKER"; \
        echo "export $linker=${debian/x86-64/x86_64}-gcc" > /linker; \
    else \
        touch /linker; \
    fi

COPY Cargo.toml Cargo.lock ./
COPY src src

# The commit, for `heartbeat_build_info` and the label below.
ARG REVISION=
# Static: the C library is linked in, so that the base needs none; this takes an explicit target. The paths of this
# build do not belong in panic messages. Packed relocations take 9 kB instead of 237, all of which are read at the start.
# Symbols named as in .cargo/config.toml, which says why: 0.45 MiB less in memory.
# The binary leaves the target folder, which is a cache.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/usr/local/cargo/git/db \
    --mount=type=cache,target=/src/target,sharing=locked \
    read -r target _ < /target; . /linker; \
    export RUSTFLAGS="-C target-feature=+crt-static -C symbol-mangling-version=v0 -C link-arg=-Wl,-z,pack-relative-relocs --remap-path-prefix=/src=. --remap-path-prefix=$CARGO_HOME=cargo"; \
    if [ -n "$REVISION" ]; then export HEARTBEAT_REVISION="$REVISION"; fi; \
    cargo build --locked --release --bin heartbeat --target "$target"; \
    install -m 0555 "target/$target/release/heartbeat" /heartbeat

# hadolint ignore=DL3006
FROM ${RUNTIME_BASE}
COPY --from=build /heartbeat /heartbeat
# For the allocator of the C library: one heap for all threads, because one thread does nearly everything, and what is free
# goes back to the system. Without, a node that is scraped keeps a third of a MiB more, and after large texts megabytes.
ENV MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    MALLOC_TRIM_THRESHOLD_=65536 \
    MALLOC_TOP_PAD_=16384
# In numbers, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8001 9100
# The binary is process 1: it handles TERM itself, says goodbye to its peers and drains.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/heartbeat"]
# Asks /readyz, which never depends on peers. It gives up after 2 s by itself.
HEALTHCHECK --interval=2s --timeout=3s --start-period=10s --retries=3 CMD ["/heartbeat", "healthcheck"]

ARG VERSION=0.2.0-dev
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="distributed-heartbeat" \
      org.opencontainers.image.description="Which of my nodes can reach which, since when, and is it them or me?" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="gcr.io/distroless/static-debian13:nonroot" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
