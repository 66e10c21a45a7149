# The compiler of app.Dockerfile, for arm64 as well. Published images need none of this, because a machine of that kind compiles
# them (.github/workflows/release.yml). Here it tells whether the service compiles for arm64: tests/deploy/arm64.rs.

ARG RUST=published-rust
FROM rust:1.95-slim-trixie@sha256:e14e87345b4d5964ddcc3491d27ee046a0f23820f340c3c1e24da6880141f7c0 AS published-rust

FROM $RUST
# The standard library comes from where the compiler does.
RUN dpkg --add-architecture arm64 && apt-get update && \
    apt-get install --yes --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross && \
    if command -v rustup; then rustup target add aarch64-unknown-linux-gnu; \
    else apt-get install --yes --no-install-recommends --target-release trixie-backports libstd-rust-dev:arm64; fi
ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
