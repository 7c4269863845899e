# The dashboard, then the binary with the dashboard inside, then nothing else.
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

FROM scratch
COPY --from=binary /earshot /earshot
COPY --from=binary --chown=65532:65532 /empty /data
# A workbook of many rows grows in a temporary file.
COPY --from=binary --chown=65532:65532 /empty /tmp
USER 65532:65532
# A container's host name is new each time it is made; a node must know its calls again.
ENV EARSHOT_NODE=node1
VOLUME /data
EXPOSE 8080 8443 8189/udp 8189/tcp
ENTRYPOINT ["/earshot"]
CMD ["serve", "--data", "/data", "--http", ":8080", "--https", ":8443", "--udp", ":8189", "--tcp", ":8189"]
