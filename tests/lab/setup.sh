#!/bin/sh
# Installs what the lab needs on a bare Debian and builds the key-log shim.
# Idempotent: run it as often as you like.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

packages="freerdp2-x11 freerdp2-shadow-x11 winpr-utils xrdp xvfb libx11-6
          tshark tcpdump ethtool iproute2 iptables gcc libc6-dev libssl-dev openssl"
missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi

mkdir -p "$here/.build"
gcc -shared -fPIC -O2 -Wall -o "$here/.build/keylog.so" "$here/keylog.c" -ldl
