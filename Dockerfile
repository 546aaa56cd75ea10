# The image of seal-controller: one static binary, and nothing else. No shell, no libraries, no files to write.
# It is not built here but copied: `make static` makes target/image/ARCH/seal-controller, `make image` does both.
#
# The certificate of the API server comes with the pod's service account, so there is no list of root certificates either.
FROM scratch

ARG TARGETARCH
ARG VERSION
ARG REVISION

LABEL org.opencontainers.image.title="seal-controller" \
      org.opencontainers.image.description="Decrypts in the cluster what was encrypted for it" \
      org.opencontainers.image.source="https://github.com/seal-dev/seal" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY --chmod=0555 target/image/${TARGETARCH}/seal-controller /seal-controller

# By number: without /etc/passwd there are no names, and `runAsNonRoot` wants to see that it is not 0.
USER 65532:65532

EXPOSE 8080 8081

ENTRYPOINT ["/seal-controller"]
