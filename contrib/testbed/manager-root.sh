#!/bin/sh
# Makes a throwaway root for a package manager that is not this machine's own, with a local repository and nothing else.
#
#   manager-root.sh rpm|pacman|flatpak FOLDER     fills FOLDER, which must be empty or not there
#   manager-root.sh --prepare                     only makes the cached parts
#
# In FOLDER afterwards: `root` (empty, or with a shell for pacman's scripts) and `repo`, a link to `v1`; point it to `v2` and refresh to
# see newer packages. `rpm` serves dnf and zypper. 77 means that this machine cannot do it, and one line on stderr says why.
#
# Cached in ${STEWARD_CACHE:-/var/cache/steward-tests}, or under /tmp where that cannot be written; made again when this script changes.
set -eu

SELF=$(readlink -f "$0")
CACHE=${STEWARD_CACHE:-/var/cache/steward-tests}
mkdir -p "$CACHE" 2>/dev/null && [ -w "$CACHE" ] || { CACHE=/tmp/steward-tests-$(id -u); mkdir -p -m 700 "$CACHE"; }
MADE=$CACHE/managers-$(sha256sum "$SELF" | cut -c1-16)

cannot() { echo "manager-root: $*" >&2; exit 77; }

need() {
    for tool; do command -v "$tool" >/dev/null || cannot "needs $tool (Debian: rpm, createrepo-c, pacman-package-manager, libarchive-tools, flatpak, ostree)"; done
}

# Waits for a sign inside the root, at most 20 s, so that a test can look at a transaction that is under way.
WAIT_LUA='local f = io.open("/e2e-slow-is-here", "w"); f:close()
for n = 1, 20 do if posix.stat("/e2e-slow-may-end") then break end; posix.sleep(1) end'

# rpm FOLDER NAME VERSION [SPEC-LINE...]; the text of $SCRIPT is put at the end of the spec.
rpm_package() {
    into=$1 name=$2 version=$3
    shift 3
    {
        printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: test package %s\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n' \
            "$name" "$version" "$name"
        for line; do printf '%s\n' "$line"; done
        printf '%%description\nmade for end-to-end tests\n%%install\nmkdir -p %%{buildroot}/usr/share/e2e\necho %s > %%{buildroot}/usr/share/e2e/%s\n' \
            "$version" "$name"
        printf '%s\n%%files\n/usr/share/e2e/%s\n' "${SCRIPT:-}" "$name"
    } > "$WORK/one.spec"
    SCRIPT=
    rpmbuild -bb --quiet --define "_topdir $WORK/tb" --define "_rpmdir $into" --define '_build_id_links none' "$WORK/one.spec" >/dev/null 2>"$WORK/log" ||
        { cat "$WORK/log" >&2; exit 1; }
}

make_rpm() {
    need rpmbuild createrepo_c
    for v in v1 v2; do
        into=$MADE.new/rpm/$v
        mkdir -p "$into"
        rpm_package "$into" e2e-app 1.0 'Requires: e2e-lib >= 1.0'
        rpm_package "$into" e2e-broken 1.0 'Requires: no-such-package >= 9'
        rpm_package "$into" e2e-rival 1.0 'Conflicts: e2e-lib'
        rpm_package "$into" e2e-provider 1.0 'Provides: e2e-virtual'
        rpm_package "$into" E2E_Upper 1.0
        rpm_package "$into" e2e-epoch 1.0 'Epoch: 3'
        rpm_package "$into" e2e-a-name-that-is-so-long-that-no-table-has-a-column-for-it 1.0
        SCRIPT="%post -p <lua>
$WAIT_LUA" rpm_package "$into" e2e-slow 1.0
        SCRIPT='%pre -p <lua>
error("this script fails")' rpm_package "$into" e2e-badpost 1.0
        rpm_package "$into" e2e-hello 1.0
    done
    rpm_package "$MADE.new/rpm/v1" e2e-lib 1.0
    rpm_package "$MADE.new/rpm/v1" e2e-old 1.0
    rpm_package "$MADE.new/rpm/v2" e2e-hello 2.0
    # The newer library drags in a package that the first preview did not have.
    rpm_package "$MADE.new/rpm/v2" e2e-lib 2.0 'Requires: e2e-extra'
    rpm_package "$MADE.new/rpm/v2" e2e-extra 1.0
    for v in v1 v2; do createrepo_c -q "$MADE.new/rpm/$v"; done
}

# pacman_package FOLDER NAME VERSION [PKGINFO-LINE...]; the text of $SCRIPT becomes .INSTALL.
pacman_package() {
    into=$1 name=$2 version=$3
    shift 3
    d=$WORK/p
    rm -rf "$d"
    mkdir -p "$d/usr/share/e2e"
    echo "$version" > "$d/usr/share/e2e/$name"
    {
        printf 'pkgname = %s\npkgbase = %s\npkgver = %s-1\npkgdesc = test package %s\nurl = https://example.invalid\nbuilddate = 1\npackager = E2E\nsize = 4096\narch = any\nlicense = MIT\n' \
            "$name" "$name" "$version" "$name"
        for line; do printf '%s\n' "$line"; done
    } > "$d/.PKGINFO"
    [ -z "${SCRIPT:-}" ] || printf '%s\n' "$SCRIPT" > "$d/.INSTALL"
    SCRIPT=
    # The names begin with dots on purpose, and come first.
    (cd "$d" && bsdtar -czf .MTREE --format=mtree --options='!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link' .PKGINFO usr &&
        bsdtar -czf "$into/$name-$version-1-any.pkg.tar.gz" .PKGINFO .MTREE $([ -e .INSTALL ] && echo .INSTALL) usr)
}

make_pacman() {
    need pacman repo-add bsdtar ldd
    for v in v1 v2; do
        into=$MADE.new/pacman/$v
        mkdir -p "$into"
        pacman_package "$into" e2e-app 1.0 'depend = e2e-lib>=1.0'
        pacman_package "$into" e2e-broken 1.0 'depend = no-such-package>=9'
        pacman_package "$into" e2e-rival 1.0 'conflict = e2e-lib'
        pacman_package "$into" e2e-provider 1.0 'provides = e2e-virtual'
        pacman_package "$into" e2e-one 1.0 'group = e2e-group'
        pacman_package "$into" e2e@odd+name_ 1.0
        SCRIPT='post_install() { : > /e2e-slow-is-here; n=0; while [ ! -e /e2e-slow-may-end ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n + 1)); done; }' \
            pacman_package "$into" e2e-slow 1.0
    done
    pacman_package "$MADE.new/pacman/v1" e2e-lib 1.0
    pacman_package "$MADE.new/pacman/v1" e2e-hello 1.0
    pacman_package "$MADE.new/pacman/v2" e2e-hello 2.0
    pacman_package "$MADE.new/pacman/v2" e2e-lib 2.0 'depend = e2e-extra'
    pacman_package "$MADE.new/pacman/v2" e2e-extra 1.0
    for v in v1 v2; do repo-add -q "$MADE.new/pacman/$v/e2e.db.tar.gz" "$MADE.new/pacman/$v"/*.pkg.tar.gz >/dev/null; done
    # A root with a shell, for pacman runs the scripts of packages inside it.
    root=$MADE.new/pacman/root
    mkdir -p "$root/bin" "$root/tmp"
    cp "$(readlink -f /bin/sh)" "$root/bin/sh"
    cp /bin/sleep "$root/bin/sleep"
    ln -s sh "$root/bin/bash"
    ldd /bin/sh /bin/sleep | grep -o '/[^ ]*' | grep -v ':$' | sort -u | while read -r lib; do
        mkdir -p "$root/$(dirname "$lib")"
        cp -L "$lib" "$root/$lib"
    done
}

flatpak_app() {
    d=$WORK/f
    rm -rf "$d"
    mkdir -p "$d/files/bin" "$d/export"
    echo "$3" > "$d/files/bin/e2e"
    printf '[Application]\nname=%s\nruntime=org.e2e.Platform/%s/1\nsdk=org.e2e.Platform/%s/1\ncommand=e2e\n' "$2" "$ARCH" "$ARCH" > "$d/metadata"
    flatpak build-export --disable-sandbox "$1" "$d" "${4:-stable}" >/dev/null
}

make_flatpak() {
    need flatpak ostree
    ARCH=$(flatpak --default-arch)
    export FLATPAK_USER_DIR=$WORK/user XDG_DATA_HOME=$WORK HOME=$WORK
    into=$MADE.new/flatpak
    mkdir -p "$into"
    d=$WORK/f
    mkdir -p "$d/files" "$d/usr/bin"
    echo x > "$d/usr/bin/x"
    printf '[Runtime]\nname=org.e2e.Platform\nruntime=org.e2e.Platform/%s/1\nsdk=org.e2e.Platform/%s/1\n' "$ARCH" "$ARCH" > "$d/metadata"
    flatpak build-export --runtime "$into/v1" "$d" 1 >/dev/null
    flatpak_app "$into/v1" org.e2e.App 1
    flatpak_app "$into/v1" org.e2e.Other 1
    cp -r "$into/v1" "$into/v2"
    flatpak_app "$into/v2" org.e2e.App 2
}

prepare() {
    exec 9>"$CACHE/managers.lock"
    flock 9
    if [ ! -e "$MADE/$1.done" ]; then
        WORK=$(mktemp -d)
        trap 'rm -rf "$WORK" "$MADE.new"' EXIT
        rm -rf "$MADE.new"
        mkdir -p "$MADE.new" "$MADE"
        "make_$1"
        rm -rf "${MADE:?}/$1"
        mv "$MADE.new/$1" "$MADE/$1"
        touch "$MADE/$1.done"
        rm -rf "$WORK" "$MADE.new"
        trap - EXIT
        for old in "$CACHE"/managers-*; do [ "$old" = "$MADE" ] || rm -rf "$old"; done
    fi
    exec 9>&-
}

case ${1:-} in
--prepare) for kind in rpm pacman flatpak; do prepare $kind; done ;;
rpm | pacman | flatpak)
    [ $# = 2 ] || { echo "usage: manager-root.sh $1 FOLDER" >&2; exit 2; }
    prepare "$1"
    mkdir -p "$2"
    cp -a "$MADE/$1/." "$2/"
    mkdir -p "$2/root"
    ln -s v1 "$2/repo"
    ;;
*)
    sed -n '2,/^set/p' "$SELF" | sed '$d; s/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
