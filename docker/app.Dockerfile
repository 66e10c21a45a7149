# A lane: one static binary, in an empty image or beside the programs that it runs.

# `empty`, or `programs`: with Debian's PACKAGES. Which is what the service says (docker/service).
ARG RUNTIME=empty
# What these stages begin with: what is published, or the name of an image that was made here, where no registry can be
# reached (docker/without-registry). Only a stage that is used is fetched.
ARG RUST=published-rust
ARG DEBIAN=published-debian

# By digest: a tag may be another image tomorrow. A bot proposes newer ones (.github/dependabot.yml).
FROM rust:1.95-slim-trixie@sha256:e14e87345b4d5964ddcc3491d27ee046a0f23820f340c3c1e24da6880141f7c0 AS published-rust
FROM debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f AS published-debian

FROM $RUST AS build
WORKDIR /build

# The program lists the crates that it was made of, for scanners: `cargo audit bin`, trivy, grype.
RUN --mount=type=cache,target=/cargo/registry \
    CARGO_HOME=/cargo cargo install --locked --root /usr/local --version 0.7.7 cargo-auditable
# A linker that keeps one of several functions with the same code: the program is 33 kB smaller.
RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends lld

# crt-static links the C library in: an empty image has none. Macros are built for the machine that
# compiles, without these flags, as soon as a target is named; host-tuple names whatever this is.
# Packed relocations make the binary 3 % smaller.
ARG TARGET=host-tuple
ENV CARGO_HOME=/cargo CARGO_TARGET_DIR=/build/target/$TARGET CARGO_BUILD_TARGET=$TARGET \
    RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-fuse-ld=lld -C link-arg=-Wl,--pack-dyn-relocs=relr,--icf=all"

# The program, and a folder of its workspace: `examples/services` for one of those.
ARG SERVICE=primes
ARG SOURCES=src
COPY Cargo.toml Cargo.lock build.rs openapi.json ./
COPY crates crates
COPY src src
COPY $SOURCES $SOURCES
# What was compiled stays in a cache of the builder: dependencies are compiled anew only when they
# change. cargo compares times, and a file may be older than what an earlier checkout left in there, so
# all of ours count as new. Declared benches, examples and other programs are left out, because cargo
# would insist on their files, which are not here. It insists on a source for each crate of the workspace, too:
# those that no lane has are empty here.
#
# Whatever the program is called, /lane is its name for the health check and for scripts.
RUN --mount=type=cache,target=/cargo/registry \
    --mount=type=cache,target=/build/target,sharing=locked \
    find Cargo.toml crates $SOURCES -name Cargo.toml -exec sed -i -E '/^\[\[(bench|bin|example)\]\]/,/^$/d' {} + && \
    for crate in crates/*; do mkdir -p "$crate/src" && touch "$crate/src/lib.rs"; done && \
    find build.rs openapi.json src crates $SOURCES -exec touch {} + && \
    cd $SOURCES && cargo auditable build --release --locked --package "$SERVICE" && \
    mkdir /image && cp $CARGO_TARGET_DIR/*/release/"$SERVICE" /image/ && ln -s "$SERVICE" /image/lane && \
    # The same sources make the same image, whenever they are built.
    find /image -exec touch --no-dereference --date @0 {} +

FROM scratch AS empty
# The allocator gives large bodies back at once. It learns otherwise to keep room for the next one, in each process:
# a pool takes 27 MB at its worst then, and 23 MB with this.
ENV MALLOC_MMAP_THRESHOLD_=131072

FROM $DEBIAN AS programs
ARG PACKAGES
# Neither lists nor archives are in the image. Those that were fetched stay in a cache of the builder.
RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $PACKAGES && \
    rm -rf /var/log/*
# Nothing else can be written, and many programs want to.
ENV HOME=/tmp

FROM $RUNTIME
COPY --from=build /image /

# By number, because an empty image has no /etc/passwd; 65532 is no user of common systems.
USER 65532:65532
# Public, and for probes and metrics.
EXPOSE 5000 9464
# Asks for readiness on the admin port, which answers while the lane computes. Not more often: Docker
# spends some 80 ms of CPU on starting a process in a container, and only its display depends on it. A
# workload may take minutes to load: as long as startupProbe in k8s/app-deployment.yaml gives it.
HEALTHCHECK --start-period=300s --interval=10s --timeout=2s --retries=3 CMD ["/lane", "probe"]
# Serve out the running request, then exit.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/lane"]

ARG SERVICE=primes
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="$SERVICE" \
      org.opencontainers.image.description="A server that computes one request at a time" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
