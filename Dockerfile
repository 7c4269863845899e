# The dashboard, then the binary with the dashboard inside, then what it needs beside
# it: ffmpeg, which plays and measures old recordings (ADPCM, GSM 6.10, MP3 of 8 kHz),
# and the certificates of who signs for S3 and sign-in servers.
FROM node:20-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM golang:1.26-bookworm AS binary
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$VERSION" -o /earshot ./cmd/earshot \
 && mkdir /empty

FROM alpine:3.22
RUN apk add --no-cache ca-certificates ffmpeg
COPY --from=binary /earshot /earshot
COPY --from=binary --chown=65532:65532 /empty /data
USER 65532:65532
# A container's host name is new each time it is made; a node must know its calls again.
ENV EARSHOT_NODE=node1
VOLUME /data
EXPOSE 8080 8443 8189/udp 8189/tcp
ENTRYPOINT ["/earshot"]
CMD ["serve", "--data", "/data", "--http", ":8080", "--https", ":8443", "--udp", ":8189", "--tcp", ":8189"]
