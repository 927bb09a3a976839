#!/bin/sh
# elsewhere.sh SUITE SOURCE BESIDE OUT: as deb.sh, for a Debian or Ubuntu that mmdebstrap makes: trixie, resolute. As root.
set -eu
suite=$1 source=$2 beside=$3 out=$4
here=/etc/ssl/certs/ca-certificates.crt # Whatever this machine trusts on the way to the index of packages.
needs=build-essential,ca-certificates,debhelper,libpython3-dev,python3,python3-venv
set -- --quiet --variant=minbase --dpkgopt=force-unsafe-io --include=$needs
[ "$suite" = trixie ] || set -- "$@" --components=main,universe
mmdebstrap "$@" \
    --customize-hook='mkdir "$1/root/source" "$1/root/beside" "$1/root/out"' \
    --customize-hook="sync-in $source /root/source" --customize-hook="sync-in $beside /root/beside" \
    --customize-hook="upload $here $here" \
    --customize-hook='chroot "$1" sh /root/source/packaging/debian/deb.sh /root/source /root/beside /root/out' \
    --customize-hook="sync-out /root/out $out" "$suite" /dev/null >&2
