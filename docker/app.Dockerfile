# A lane: one static binary in an empty image.

FROM rust:1.95-slim-trixie AS build
WORKDIR /build

# crt-static links the C library in: the image has none. Macros are built for the machine that
# compiles, without these flags, as soon as a target is named; host-tuple names whatever it is.
# Packed relocations make the binary 3 % smaller.
ENV CARGO_HOME=/cargo CARGO_BUILD_TARGET=host-tuple \
    RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs"

# Dependencies first, under an empty program: this layer lasts until one of them changes. The
# declared benches, tests and other programs are left out, because cargo would insist on their files.
COPY Cargo.toml Cargo.lock ./
COPY src/workload/Cargo.toml src/workload/
RUN --mount=type=cache,target=/cargo/registry \
    sed -i -E '/^\[\[(bench|bin|example|test)\]\]/,/^$/d' Cargo.toml && \
    touch src/lib.rs src/work.rs && echo 'fn main() {}' >src/main.rs && \
    cargo build --release --locked

# cargo compares times, and a checked-out file may be older than the empty program above.
COPY src src
RUN --mount=type=cache,target=/cargo/registry \
    find src -exec touch {} + && \
    cargo build --release --locked && \
    mv target/*/release/onelane /onelane

FROM scratch
COPY --from=build /onelane /onelane

# By number, because the image has no /etc/passwd; 65532 belongs to nobody on common systems.
USER 65532:65532
# Public, and for probes and metrics.
EXPOSE 5000 9464
# Asks for readiness on the admin port, which answers while the lane computes. Not more often: Docker
# spends some 80 ms of CPU on starting a process in a container, and only its display depends on it.
HEALTHCHECK --interval=10s --timeout=2s --retries=3 CMD ["/onelane", "probe"]
# Serve out the running request, then exit.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/onelane"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="onelane" \
      org.opencontainers.image.description="A server that computes one request at a time" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
