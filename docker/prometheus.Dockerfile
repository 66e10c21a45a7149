# Prometheus that knows where the lanes are, with the rules of this project.

# As in app.Dockerfile.
ARG PROMETHEUS=published-prometheus
FROM prom/prometheus:v3.5.3@sha256:ddc2493835a1509976d5e4e0c94199c4f843ce1f42dd6bcfc8231ba734a93ff7 AS published-prometheus

FROM $PROMETHEUS

# To write below /etc, for the next lines only.
USER 0:0
# Its files may be private where they come from.
COPY --chmod=755 monitoring/prometheus.yml /etc/prometheus/
COPY --chmod=755 monitoring/consoles /etc/prometheus/consoles/
# What follows `spec:` in the object for Kubernetes is a rules file of Prometheus. A mistake in either
# ends the build, not the deployment.
RUN --mount=type=bind,source=monitoring/prometheusrule.yaml,target=/prometheusrule.yaml \
    sed '1,/^spec:$/d' /prometheusrule.yaml >/etc/prometheus/rules.yml && \
    promtool check config /etc/prometheus/prometheus.yml

# The user nobody of the base image, by number, so that an orchestrator can tell it is not root.
USER 65534:65534
# Its page and its API.
EXPOSE 9090
# Seldom: it starts a program of 100 MB.
HEALTHCHECK --interval=30s --timeout=5s --retries=3 CMD ["promtool", "check", "ready"]
ENTRYPOINT ["/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus", "--web.console.templates=/etc/prometheus/consoles"]
# Eight days, to compare with the same day of last week. A lane has some 200 series, which is 40 MB in
# that time; of more lanes than 25 the oldest goes first.
CMD ["--storage.tsdb.retention.time=8d", "--storage.tsdb.retention.size=1GB"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="primes-prometheus" \
      org.opencontainers.image.description="Prometheus that watches primes" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
