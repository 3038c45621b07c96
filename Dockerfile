# SPDX-License-Identifier: Apache-2.0
# The images for everybody who has Docker; `make images` makes the same ones without it.
#   docker build --target parley          -t parley-chat/parley:0.1.0          .
#   docker build --target parley-operator -t parley-chat/parley-operator:0.1.0 .

FROM --platform=$BUILDPLATFORM node:22-alpine AS web
WORKDIR /web
COPY services/gateway/web/package.json services/gateway/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY services/gateway/web/ ./
RUN npm run --silent build

FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
# What lies beside the program: certificates of public authorities, and an empty /tmp.
RUN apk add --no-cache ca-certificates && mkdir -p /rootfs/etc/ssl/certs && mkdir -m 1777 /rootfs/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/
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

FROM scratch AS base
COPY --from=build /rootfs /
USER 65532:65532
WORKDIR /
LABEL org.opencontainers.image.licenses="Apache-2.0"

FROM base AS parley-operator
COPY --from=build /out/parley-operator /parley-operator
ENTRYPOINT ["/parley-operator"]

FROM base AS parley
COPY --from=build /out/parley /parley
ENTRYPOINT ["/parley"]
