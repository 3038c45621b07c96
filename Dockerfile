# SPDX-License-Identifier: Apache-2.0
# The images for everybody who has Docker; `make images image-speech` makes the same ones without it.
#   docker build --target parley          --build-arg VERSION=0.1.0 -t parley-chat/parley:0.1.0          .
#   docker build --target parley-operator --build-arg VERSION=0.1.0 -t parley-chat/parley-operator:0.1.0 .
#   docker build --target parley-speech   --build-arg VERSION=0.1.0 -t parley-chat/parley-speech:0.1.0   .

FROM --platform=$BUILDPLATFORM node:22-alpine AS web
WORKDIR /web
COPY services/gateway/web/package.json services/gateway/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY services/gateway/web/ ./
RUN npm run --silent build

FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
# What lies beside the program: certificates of public authorities, the names of root and nonroot, and an
# empty /tmp. No shell.
RUN apk add --no-cache ca-certificates && mkdir -p /rootfs/etc/ssl/certs && mkdir -m 1777 /rootfs/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ && \
    printf 'root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/tmp:/none\n' >/rootfs/etc/passwd && \
    printf 'root:x:0:\nnonroot:x:65532:\n' >/rootfs/etc/group
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY services services
COPY controllers controllers
COPY --from=web /web/dist services/gateway/web/dist
ARG VERSION=0.1.0 TARGETOS TARGETARCH
ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH
RUN go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/parley ./services
RUN go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/parley-operator ./controllers

FROM debian:bookworm-slim AS speechroot
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg pocketsphinx pocketsphinx-en-us
COPY hack/speechroot.sh /
RUN /speechroot.sh /speechroot

FROM scratch AS base
COPY --from=build /rootfs /
USER 65532:65532
WORKDIR /
ARG VERSION=0.1.0
ENV PATH=/ SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.version=$VERSION

FROM base AS parley-operator
LABEL org.opencontainers.image.title=parley-operator
COPY --from=build /out/parley-operator /parley-operator
ENTRYPOINT ["/parley-operator"]

FROM base AS parley-speech
LABEL org.opencontainers.image.title=parley-speech org.opencontainers.image.licenses="Apache-2.0 AND LicenseRef-Debian"
ENV PATH=/:/usr/bin
COPY --from=speechroot /speechroot /
COPY --from=build /out/parley /parley
ENTRYPOINT ["/parley"]

FROM base AS parley
LABEL org.opencontainers.image.title=parley
COPY --from=build /out/parley /parley
ENTRYPOINT ["/parley"]
