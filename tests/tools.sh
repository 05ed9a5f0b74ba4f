#!/bin/sh
# Sets up what the tests need beside Python: a Redis server, and Chromium with Chinese letters for the screens.
# Quick where all is there. As root it installs what is missing with apt-get; else it says what to install.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

missing=""
have redis-server || missing="$missing redis-server"
have chromium || have chromium-browser || have google-chrome || missing="$missing chromium"
# Only a browser draws letters; without these it draws empty boxes.
{ have fc-list && fc-list ":lang=zh-cn" 2>/dev/null | grep -q .; } || ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing="$missing fonts-noto-cjk"

[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && have apt-get; then
    echo "installing for the tests:$missing"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086  # a list of names
    if { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
        rm -f "$log"
        # Debian starts a Redis of its own; the tests start theirs, on free ports.
        exit 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
fi
echo "the tests need these programs, which are not installed:$missing" >&2
echo "install them (Debian, Ubuntu: sudo apt-get install$missing) and run it again" >&2
exit 1
