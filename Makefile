# make run    build, start on embedded defaults with demo seats, print where and how to sign in
# make test   everything that proves it works
# make build  bin/earshot with the dashboard inside

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: run build test generate clean

export CGO_ENABLED ?= 0
DATA  ?= data
HTTP  ?= :8080
HTTPS ?= :8443
MEDIA ?= :8189
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f \( -name '*.ts' -o -name '*.vue' -o -name '*.css' -o -name '*.html' -o -name '*.svg' -o -name '*.json' \) -print)

run: build
	bin/earshot serve --demo --data $(DATA) --http $(HTTP) --https $(HTTPS) --udp $(MEDIA) --tcp $(MEDIA)

build: web/dist/index.html
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/earshot ./cmd/earshot

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run --silent build
	touch $@

# The API description and the dashboard's types are made from the code.
generate: build
	bin/earshot openapi > web/openapi.json
	cd web && npm run --silent types

test:
	scripts/test

clean:
	rm -rf bin web/dist/assets web/dist/*.html
