#!/bin/bash
# image.sh FOLDER OUT: build the image of the package in FOLDER, on a Debian 13 made by mmdebstrap; OUT is an OCI archive.
# With SOURCE_DATE_EPOCH set, the same package on the same state of Debian's mirror gives the same bytes. As root.
set -euo pipefail
folder=$1 out=$2
: "${SOURCE_DATE_EPOCH:?the time of the commit, in seconds}"
work=$(mktemp --directory)
trap 'rm --recursive --force --one-file-system "$work"' EXIT
export CONTAINERS_STORAGE_CONF=$work/storage.conf
printf '[storage]\ndriver = ""\ngraphroot = "%s/store"\nrunroot = "%s/run"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
# No step may ask for more files and processes than this machine allows. The history would tell when the folder was filled.
build=(buildah build --quiet --squash --omit-history --timestamp "$SOURCE_DATE_EPOCH" --isolation=chroot --network=host
    --ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit "nproc=$(ulimit -Hu):$(ulimit -Hu)")
mkdir "$work/base"
mmdebstrap --quiet --variant=minbase --include=ca-certificates trixie "$work/base/base.tar" >&2
printf 'FROM scratch\nADD base.tar /\n' | "${build[@]}" --tag=localhost/debian:trixie --file=- "$work/base" >&2
"${build[@]}" --build-arg=BASE=localhost/debian:trixie --tag=localhost/gateway --file="${0%/*}/Containerfile" "$folder" >&2
buildah push --quiet localhost/gateway "oci:$work/image:localhost/gateway:latest" >&2
tar --create --file="$out" --directory="$work/image" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner \
    --mtime="@$SOURCE_DATE_EPOCH" blobs index.json oci-layout
