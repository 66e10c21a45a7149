# nginx in front of the lanes, with its configuration baked in.

FROM nginx:1.30

# The user nginx of the base image, by number, so that an orchestrator can tell it is not root.
USER 101:101
COPY nginx /etc/nginx/lanes
# A mistake in the configuration ends the build, not the deployment.
RUN nginx -p /tmp -c /etc/nginx/lanes/nginx.conf -t

# Public, and for nginx's own health and counters.
EXPOSE 8080 8081
# Fails, too, where the configuration is of another version than the lanes. As seldom as that of a
# lane, for the same reason.
HEALTHCHECK --interval=10s --timeout=2s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "http://127.0.0.1:8081/readyz"]
# Serve out the running requests, then exit; TERM would cut them off.
STOPSIGNAL SIGQUIT
# Everything nginx writes goes below -p.
ENTRYPOINT ["nginx", "-p", "/tmp", "-c", "/etc/nginx/lanes/nginx.conf"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="onelane-nginx" \
      org.opencontainers.image.description="nginx as the queue in front of onelane" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
