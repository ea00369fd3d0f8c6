# The project's commands; each is one line over cargo.

# list the commands
default:
    @just --list

# install what the tests need and run them all
test *flags:
    cargo xtask test {{flags}}

# tests, formatting, lints, house rules: what CI runs
ci:
    ./.ci/run

# format everything
fmt:
    cargo fmt --all

# lints as CI sees them
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# hold the tree against the house rules
tidy:
    cargo xtask tidy

# write what is generated in docs/
docs:
    cargo xtask docs

# measure against nginx and write docs/benchmarks.md
bench *flags:
    cargo xtask bench {{flags}}

# a gateway with a mock vendor inside, to look around
demo:
    cargo run -- demo

# simulated hours of the engine among vendors that fail
sim *flags:
    cargo xtask sim {{flags}}

# vendors that die, hang and limit the rate, under load
failover *flags:
    cargo xtask failover {{flags}}

# every decoder under made-up input, ten minutes each
fuzz *flags:
    cargo xtask fuzz {{flags}}
