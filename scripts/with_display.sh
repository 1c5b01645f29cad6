#!/bin/sh
# Runs a command with a display: the one at hand, or else a virtual one of its own.
#
#   scripts/with_display.sh COMMAND ARGUMENTS...
#
# SCREEN is the size of the virtual one, as Xvfb has it.
set -eu

if [ "$(uname -s)" != Linux ] || [ -n "${DISPLAY:-}" ]; then
    exec "$@"
fi
exec xvfb-run -a -s "-screen 0 ${SCREEN:-1600x900x24}" "$@"
