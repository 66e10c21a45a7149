# nginx in front of the lanes, with its configuration baked in.

# As in app.Dockerfile.
ARG NGINX=published-nginx
FROM nginx:1.30.5@sha256:b972f831f200b19ef0767938224f9711e74cd783718738cd7405d5cabf75c442 AS published-nginx

FROM $NGINX

# For its certificate and its API keys, which are in volumes: what these begin with is the owner.
RUN install -d -o 101 -g 101 -m 700 /etc/nginx/tls /etc/nginx/api-keys

# The user nginx of the base image, by number, so that an orchestrator can tell it is not root.
USER 101:101
# Its files may be private where they come from.
COPY --chmod=755 nginx /etc/nginx/lanes
COPY --chmod=755 docker/nginx-start docker/nginx-health docker/nginx-pair docker/nginx-keys /usr/local/bin/
# A mistake in the configuration ends the build, not the deployment. What that leaves behind belongs to this user.
RUN nginx-start -t && rm -r /tmp/*

# Public, and for nginx's own health and counters.
EXPOSE 8080 8081
# Three tries of 5 s with 1 s between them, and 2 s, are 19 s. As seldom as that of a lane, for the same
# reason.
HEALTHCHECK --interval=10s --timeout=20s --retries=3 CMD ["nginx-health"]
# Serve out the running requests, then exit; TERM would cut them off.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["nginx-start"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="primes-nginx" \
      org.opencontainers.image.description="nginx as the queue in front of primes" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
