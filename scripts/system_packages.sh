#!/bin/sh
# Sees to the Linux libraries that Qt and napari load at run time: installs with apt what is
# lacking when run by root, otherwise names it. Does nothing where nothing is lacking.
#
#   scripts/system_packages.sh [--virtual-display]
#
# With --virtual-display also Xvfb. Exit status 1 when something is still lacking.
set -eu

[ "$(uname -s)" = Linux ] || exit 0

# Shared library and Debian package: what Qt's xcb platform plugin and its GL integrations are
# linked against, and what vispy looks for by name (fontconfig). Mesa's drivers come with libgl1.
LIBRARIES="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libglib-2.0.so.0 libglib2.0-0
libX11-xcb.so.1 libx11-xcb1
libxcb-cursor.so.0 libxcb-cursor0
libxcb-glx.so.0 libxcb-glx0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-sync.so.1 libxcb-sync1
libxcb-xfixes.so.0 libxcb-xfixes0
libxcb-xkb.so.1 libxcb-xkb1
libxkbcommon.so.0 libxkbcommon0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
"

has_command() { command -v "$1" >/dev/null 2>&1; }

# Debian keeps ldconfig where an ordinary user's PATH does not look.
PATH="$PATH:/usr/sbin:/sbin"
known=$(ldconfig -p 2>/dev/null || true)
has_library() { printf '%s\n' "$known" | grep -q "^[[:space:]]*$1 "; }

lacking=$(printf '%s\n' "$LIBRARIES" | while read -r library package; do
    [ -z "$library" ] || has_library "$library" || printf ' %s' "$package"
done)
# Without any font, vispy and Qt draw no text.
[ -n "$(find /usr/share/fonts /usr/local/share/fonts "${HOME:-/}/.fonts" -name '*.[to]tf' 2>/dev/null | head -n 1)" ] ||
    lacking="$lacking fonts-dejavu-core"
if [ "${1:-}" = --virtual-display ]; then
    has_command xvfb-run && has_command Xvfb || lacking="$lacking xvfb"
    has_command xauth || lacking="$lacking xauth"
fi
[ -n "$lacking" ] || exit 0

if [ "$(id -u)" -eq 0 ] && has_command apt-get; then
    echo "Installing with apt what this machine lacks:$lacking"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -y -qq --no-install-recommends $lacking </dev/null
    exit 0
fi
echo "This machine lacks:$lacking. Please run: sudo apt-get install -y$lacking" >&2
exit 1
