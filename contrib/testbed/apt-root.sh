#!/bin/sh
# Runs a command in a throwaway Debian root whose only package source is a small local archive.
#
#   apt-root.sh [--packagekit] [--bind FILE:PATH]... [--env NAME=VALUE]... -- COMMAND [ARGUMENT...]
#   apt-root.sh [--packagekit] --prepare      only makes the cached parts
#   apt-root.sh --archives     makes them, and prints the folder of the archives
#
# The root lives on a tmpfs in a mount namespace of its own and is gone afterwards. FILE (a program of this
# machine, say) is bound read-only at PATH inside. The command runs with a cleared environment; its exit
# status is the script's. 77 means that this machine cannot do it, and one line on stderr says why.
#
# With --packagekit the root has a system bus with PackageKit and polkit, which are started when they are called, a network
# of its own that leads nowhere (PackageKit fetches nothing without one) and an ordinary user `tester` (1000).
#
# Cached in ${STEWARD_CACHE:-/var/cache/steward-tests}: a root made once with mmdebstrap from this machine's
# own mirror, and the archive, which is made again when this script changes. Inside the root
# /srv/repo is a link to /srv/archives/v1; point it to /srv/archives/v2 and run `apt-get update` to see newer packages.
set -eu

CACHE=${STEWARD_CACHE:-/var/cache/steward-tests}
SELF=$(readlink -f "$0")

KIT=
if [ "${1:-}" = --packagekit ]; then
    KIT=packagekit
    shift
fi

cannot() { echo "apt-root: $*" >&2; exit 77; }

[ "$(id -u)" = 0 ] || cannot "needs root (mount namespaces, chroot)"
for tool in mmdebstrap unshare chroot tar dpkg-deb apt-ftparchive flock sha256sum ip; do
    command -v "$tool" >/dev/null || cannot "needs $tool (Debian: mmdebstrap, util-linux, apt-utils, iproute2)"
done

SUITE=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ -n "$SUITE" ] || cannot "this is not a Debian machine (no VERSION_CODENAME)"
ROOT_TAR=$CACHE/${KIT:-apt}-root-$SUITE.tar
INCLUDE=${KIT:+--include=packagekit,polkitd,dbus}
ARCHIVES=$CACHE/archives-$(sha256sum "$SELF" | cut -c1-16)

# deb FOLDER NAME VERSION [CONTROL-LINE...]; a postinst is read from the file $POSTINST when it is set.
deb() {
    into=$1 name=$2 version=$3
    shift 3
    d=$(mktemp -d)
    mkdir -p "$d/DEBIAN" "$d/usr/share/e2e"
    echo "$name $version" > "$d/usr/share/e2e/$name"
    {
        printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: E2E <e2e@example.invalid>\n' "$name" "$version"
        printf 'Section: utils\nPriority: optional\nInstalled-Size: 8\n'
        for line; do printf '%s\n' "$line"; done
        printf 'Description: test package %s\n made for end-to-end tests\n' "$name"
    } > "$d/DEBIAN/control"
    if [ -n "${POSTINST:-}" ]; then
        printf '%s\n' "$POSTINST" > "$d/DEBIAN/postinst"
        chmod 755 "$d/DEBIAN/postinst"
    fi
    chmod 755 "$d"
    dpkg-deb --root-owner-group -Zgzip -b "$d" "$into" >/dev/null
    rm -r "$d"
    POSTINST=
}

common() {
    deb "$1" e2e-lib 1.0
    deb "$1" e2e-app 1.0 'Depends: e2e-lib (>= 1.0)'
    deb "$1" e2e-broken 1.0 'Depends: no-such-package (>= 9)'
    deb "$1" e2e-rival 1.0 'Conflicts: e2e-lib'
    deb "$1" e2e-provider 1.0 'Provides: e2e-virtual'
    deb "$1" e2e-plus+ 1.0
    deb "$1" e2e-tilde '1:1.0~rc1+b2'
    POSTINST='#!/bin/sh
echo "this postinst fails" >&2
exit 3' deb "$1" e2e-badpost 1.0
    # Waits for a sign, at most 20 s, so that a test can look at a transaction that is under way.
    POSTINST='#!/bin/sh
[ "$1" = configure ] || exit 0
touch /run/e2e-slow-is-here
n=0
while [ ! -e /run/e2e-slow-may-end ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n + 1)); done' deb "$1" e2e-slow 1.0
}

index() {
    (
        cd "$1"
        apt-ftparchive packages . > Packages
        apt-ftparchive -o APT::FTPArchive::Release::Origin=E2E -o APT::FTPArchive::Release::Label=E2E \
            -o APT::FTPArchive::Release::Version="$2" -o APT::FTPArchive::Release::Suite=e2e \
            -o APT::FTPArchive::Release::Codename=e2e release . > ../Release.new
        mv ../Release.new Release
    )
}

prepare() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock 9
    if [ ! -s "$ROOT_TAR" ]; then
        sources=
        for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
            [ -s "$file" ] && sources=$file && break
        done
        [ -n "$sources" ] || cannot "no Debian mirror in /etc/apt/sources.list"
        echo "apt-root: making the root once, in $ROOT_TAR" >&2
        # No word where there is nothing to include.
        # shellcheck disable=SC2086
        mmdebstrap --quiet $INCLUDE --variant=apt --mode=root --format=tar --aptopt='APT::Install-Recommends "false"' \
            "$SUITE" "$ROOT_TAR.new" "$sources" >&2 || cannot "mmdebstrap failed (is the mirror reachable?)"
        mv "$ROOT_TAR.new" "$ROOT_TAR"
    fi
    if [ ! -e "$ARCHIVES/done" ]; then
        rm -rf "$CACHE"/archives-*
        mkdir -p "$ARCHIVES/v1" "$ARCHIVES/v2"
        common "$ARCHIVES/v1"
        common "$ARCHIVES/v2"
        rm "$ARCHIVES/v2"/e2e-lib_1.0_all.deb
        deb "$ARCHIVES/v1" e2e-hello 1.0
        deb "$ARCHIVES/v2" e2e-hello 1.0
        deb "$ARCHIVES/v2" e2e-hello 2.0
        # The newer library drags in a package that the first preview did not have.
        deb "$ARCHIVES/v2" e2e-lib 2.0 'Depends: e2e-extra'
        deb "$ARCHIVES/v2" e2e-extra 1.0
        index "$ARCHIVES/v1" 1
        index "$ARCHIVES/v2" 2
        touch "$ARCHIVES/done"
    fi
    exec 9>&-
}

enter() {
    root=$(mktemp -d)
    mount -t tmpfs -o mode=755 tmpfs "$root"
    tar -xf "$ROOT_TAR" -C "$root"
    mkdir -p "$root/srv/archives" "$root/proc" "$root/dev"
    mount -t proc proc "$root/proc"
    for node in null zero random urandom tty; do
        [ -e "/dev/$node" ] || continue
        [ -e "$root/dev/$node" ] || touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir -p "$root/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -sf pts/ptmx "$root/dev/ptmx"
    cp -r "$ARCHIVES/v1" "$ARCHIVES/v2" "$root/srv/archives/"
    ln -s archives/v1 "$root/srv/repo"
    rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d" "$root/var/lib/apt/lists"
    mkdir -p "$root/etc/apt/sources.list.d" "$root/var/lib/apt/lists/partial"
    echo 'deb [trusted=yes] file:/srv/repo ./' > "$root/etc/apt/sources.list"
    settings=
    while [ $# -gt 0 ]; do
        case $1 in
        --bind)
            mkdir -p "$root/$(dirname "${2#*:}")"
            touch "$root/${2#*:}"
            mount --bind "${2%%:*}" "$root/${2#*:}"
            mount -o remount,bind,ro "$root/${2#*:}"
            shift 2
            ;;
        --env)
            settings="$settings $2"
            shift 2
            ;;
        --)
            shift
            break
            ;;
        *)
            echo "apt-root: unknown option $1" >&2
            exit 2
            ;;
        esac
    done
    chroot "$root" /usr/bin/apt-get -qq update
    if [ -n "$KIT" ]; then
        ip link set lo up
        ip link add kit0 type veth peer name kit1
        ip address add 192.0.2.1/24 dev kit0
        ip link set kit0 up
        ip link set kit1 up
        ip route add default via 192.0.2.2
        echo 'tester:x:1000:1000::/home/tester:/bin/sh' >> "$root/etc/passwd"
        echo 'tester:x:1000:' >> "$root/etc/group"
        mkdir -p "$root/home/tester" "$root/run/dbus" "$root/run/lock"
        chown 1000:1000 "$root/home/tester"
        chroot "$root" /usr/bin/dbus-daemon --system --fork --nopidfile
    fi
    # Words of --env have no blanks, so they are split on purpose.
    # shellcheck disable=SC2086
    status=0
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root TMPDIR=/tmp $settings chroot "$root" "$@" || status=$?
    umount -l "$root" 2>/dev/null || true
    rmdir "$root" 2>/dev/null || true
    exit "$status"
}

case ${1:-} in
--prepare) prepare ;;
--archives) prepare && echo "$ARCHIVES" ;;
--inside)
    shift
    enter "$@"
    ;;
'')
    sed -n '2,/^set/p' "$SELF" | sed '$d; s/^# \{0,1\}//' >&2
    exit 2
    ;;
*)
    prepare
    # What is started inside ends with it.
    [ -z "$KIT" ] || exec unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc \
        "$SELF" --packagekit --inside "$@"
    exec unshare --mount --propagation private "$SELF" --inside "$@"
    ;;
esac
