#!/bin/sh
# boot.sh FOLDER: a clean Debian with systemd as its first process, in FOLDER/root, in namespaces of its own.
# It says "booted PID" and lasts until its input ends, however that comes about; then nothing of it is left.
set -eu
folder=$1
root=$folder/root
stage=${2:-outside}
group=$(findmnt --noheadings --first-only --types cgroup2 --output TARGET)/$(basename "$folder")

outside() {
    trap clean_up EXIT
    trap '' INT TERM HUP
    mkdir "$group"
    suite=${GATEWAY_TEST_SUITE:-trixie}
    # Nothing of it has to survive a power cut, for which dpkg waits for the disk at each file.
    set -- --quiet --variant=minbase --dpkgopt=force-unsafe-io --include=systemd-sysv,ca-certificates
    [ "$suite" = trixie ] || set -- "$@" --components=main,universe  # One of Ubuntu's.
    mmdebstrap "$@" "$suite" "$root" >&2
    echo gateway >"$root/etc/hostname"
    echo "127.0.0.1 localhost gateway" >"$root/etc/hosts"
    # --fork: the first process of a new PID namespace. --kill-child: it goes with its parent, all else with it.
    unshare --pid --fork --kill-child --mount --uts --ipc --net sh "$0" "$folder" namespaces </dev/null >&2 &
    holder=$!
    until first=$(pgrep --parent "$holder" systemd) && [ -S "/proc/$first/root/run/systemd/private" ]; do
        kill -0 "$holder"
        sleep 0.1
    done
    echo "booted $first"
    cat >/dev/null
}

clean_up() {
    [ -z "${holder:-}" ] || kill -KILL "$holder" || true
    if [ -d "$group" ]; then
        echo 1 >"$group/cgroup.kill"
        until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
    fi
    rm --recursive --force --one-file-system "$folder"
}

# It becomes the root of its own tree of control groups before it sees them; the parent stays outside.
namespaces() {
    echo 0 >"$group/cgroup.procs"
    exec unshare --cgroup sh "$0" "$folder" inside
}

inside() {
    ip link set lo up
    mount --bind "$root" "$root"
    cd "$root"
    mount -t proc -o nosuid,nodev,noexec proc proc
    mount --bind -o ro proc/sys proc/sys  # What the kernel is set to is the machine's.
    mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
    mount -t tmpfs -o mode=755,nosuid tmpfs dev
    for name in null zero full random urandom tty; do
        touch dev/$name
        mount --bind /dev/$name dev/$name
    done
    mkdir dev/pts
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    pivot_root . mnt
    umount --lazy /mnt
    mount --make-rshared /  # Credentials reach a service by propagation.
    exec env -i container=other PATH=/usr/sbin:/usr/bin \
        setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio /usr/lib/systemd/systemd --system
}

"$stage"
