# Everything a developer does with rdpwhy. `just` shows this list.

[private]
default:
    @just --list --unsorted

# Install what building, testing and the lab need (Debian; asks for root)
setup:
    .ci/setup
    tests/lab/setup.sh

# All checks, exactly as CI runs them
ci:
    .ci/run

# Build the tool and show what it says about an injected reset
demo:
    -cargo run --release --quiet -- analyze fixtures/cases/injected-suricata-tls/client.pcap

# Accept what golden tests, schema and README demonstration look like now; read the diff
bless:
    BLESS=1 INSTA_UPDATE=always UPDATE_SCHEMA=1 UPDATE_README=1 cargo test --locked
    git diff --stat

# Measure throughput; `just bench analyze/heavy` measures one, RDPWHY_BENCH_MIB sets the size
bench *ARGS:
    cargo bench --bench analyze -- {{ ARGS }}

# Write generated traffic: `just generate heavy 1GiB heavy.pcap` (heavy, mixed, small, scan)
generate KIND SIZE FILE *SEED:
    cargo run --release --quiet --example generate -- {{ KIND }} {{ SIZE }} {{ FILE }} {{ SEED }}

# Fuzz with the stable compiler: `just fuzz wire -- -max_total_time=600`
fuzz *ARGS:
    tests/fuzz/run {{ ARGS }}

# Try twenty thousand damaged captures, with 256 MiB of memory for each and all
torture:
    cargo test --locked --test all --no-run
    bash -c 'ulimit -d 262144 && cargo test --locked --test all -- --ignored --nocapture mutation'

# The whole lab (root, network namespaces), ending with a table; `just lab list`, `just lab run NAME`
lab *ARGS:
    python3 tests/lab/lab.py {{ ARGS }}

# Score rdpwhy on a fresh run of the lab, for whose packets no rule was made (`just lab` first)
score FOLDER="target/lab":
    RDPWHY_CASES=$(realpath {{ FOLDER }}) cargo test --locked --test all -- every_case laws_resets two_captures --nocapture

# Make the fixtures that are missing, in the lab, and the list of all
fixtures:
    python3 tests/lab/lab.py run --all
    python3 tests/lab/lab.py index

# rdpwhy beside tcpdump, tshark and others on generated captures: `just compare --size 1GiB heavy`
compare *ARGS:
    benches/compare.py {{ ARGS }}

# What a packet costs as captures and connections grow: a table and benches/growth.svg
growth *ARGS:
    benches/compare.py --growth {{ ARGS }}

# Instructions a packet, against the bounds that CI holds (valgrind)
instructions *KINDS:
    .ci/instructions {{ KINDS }}

# Try `rdpwhy live` on a wire (root, network namespaces): `just live-test`, `just live-test verdicts`
live-test *ARGS:
    cargo build --locked
    python3 tests/live/live.py {{ ARGS }}

# A Debian package, with manual pages, completions and the service (needs cargo-deb)
deb:
    cargo build --release --locked
    .packaging/build-assets target/release/rdpwhy
    cargo deb --no-build --strip

# The analyzer of saved captures as one static file, for machines without anything
static:
    rustup target add x86_64-unknown-linux-musl
    cargo build --release --locked --no-default-features --target x86_64-unknown-linux-musl
    ls -l target/x86_64-unknown-linux-musl/release/rdpwhy

# Begin a finding: its rule, its page, its place in the list
new-finding ID:
    .ci/new-finding {{ ID }}
