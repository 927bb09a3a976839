#!/bin/sh
# deb.sh SOURCE BESIDE OUT: build the package of the distribution that this runs on, from a tree of the source.
# BESIDE holds what is made with the tools of a developer: man/*.1 and sbom*.json. With SOURCE_DATE_EPOCH set, the same
# source gives the same bytes in any folder.
set -eu
source=$1 beside=$2 out=$3
: "${SOURCE_DATE_EPOCH:?the time of the commit, in seconds}"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/pyproject.toml" | head -n 1)
release=$(. /etc/os-release && echo "$ID$VERSION_ID")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -a "$source/." "$work/gateway"
cp -a "$source/packaging/debian" "$work/gateway/debian"
cp -a "$beside/." "$work/gateway/debian/"
cat >"$work/gateway/debian/changelog" <<END
gateway ($version+$release) stable; urgency=medium

  * Version $version: see changelog.gz beside this file.

 -- The gateway maintainers <security@gateway.invalid>  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END
(cd "$work/gateway" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean >&2)
cp "$work"/gateway_*.deb "$out"
