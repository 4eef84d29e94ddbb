# make test   everything, with the race detector; installs what the tests need
# make lint   the linters, in a module of their own
# make cross  builds and vets for every system and machine that an agent runs on
# make bench  the benchmarks, as ratios against floors of the same run
# make fuzz   every fuzz target, FUZZTIME each
# make build  bin/plimsoll

TOOLS    := $(CURDIR)/bin/tools
FUZZTIME ?= 20s
VERSION  ?= dev

# The race detector watches our code and its libraries, but for the translated C of
# SQLite, which is thirty times as slow under it and synchronises by means of its own,
# and for the cipher of bcrypt, which shares nothing.
# A process under it sleeps for a second before it ends, and the tests start many.
RACE := -race -gcflags='modernc.org/sqlite/lib=-race=false' -gcflags='golang.org/x/crypto/blowfish=-race=false'

.PHONY: build test test-deps lint cross bench fuzz clean

build:
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/plimsoll ./cmd/plimsoll

test: test-deps $(TOOLS)/gotestsum
	GORACE=atexit_sleep_ms=0 $(TOOLS)/gotestsum --format pkgname --jsonfile bin/test.json -- $(RACE) -timeout 12m ./...

test-deps:
	@sh scripts/test-deps.sh

lint: $(TOOLS)/golangci-lint
	go mod tidy -diff
	$(TOOLS)/golangci-lint run ./...
	$(TOOLS)/golangci-lint fmt --diff ./...
	cd bench/sqlitedrivers && go vet ./...
	cd clients/go && go mod tidy -diff && go vet ./...

cross:
	@sh scripts/cross.sh

bench: test-deps
	go test -run '^$$' -bench . -benchtime 3s -timeout 30m ./cmd/plimsoll ./internal/...

fuzz:
	@sh scripts/fuzz.sh $(FUZZTIME)

$(TOOLS)/%: tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	go build -C tools -o $@ $$(cd tools && go list tool | grep '/$*$$')
	@touch $@

clean:
	rm -rf bin
