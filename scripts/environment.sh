#!/bin/sh
# Makes the virtual environment .venv where there is none and installs the program into it, in
# place, beside its experiments, with everything that tests and window need.
#
#   scripts/environment.sh
#
# $PYTHON names the interpreter to use; otherwise the first of the usual names that is new enough.
set -eu

OLDEST="(3, 11)"

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c "import sys; sys.exit(sys.version_info < $OLDEST)" >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3 python python3.13 python3.12 python3.11 python3.14}; do
        if is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed; found none${PYTHON:+ at $PYTHON}." \
        "Install it, or say where it is: make PYTHON=/path/to/python3" >&2
    exit 1
}

# Debian packs the part of Python that makes environments separately.
install_venv() {
    package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing with apt what this machine lacks: $package"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq </dev/null
        apt-get install -y -qq --no-install-recommends "$package" </dev/null
        return
    fi
    echo "This Python cannot make environments. Please run: sudo apt-get install -y $package" >&2
    exit 1
}

if ! .venv/bin/python -c "import pip, sys; sys.exit(sys.version_info < $OLDEST)" 2>/dev/null; then
    python=$(find_python)
    "$python" -c "import ensurepip, venv" 2>/dev/null || install_venv "$python"
    echo "Making the environment .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
.venv/bin/python -m pip install --disable-pip-version-check --editable ".[test]" --editable experiments
