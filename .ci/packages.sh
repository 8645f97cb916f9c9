# What a Debian 12 machine needs, by purpose; sourced by ./dev and .ci/run.
# shellcheck shell=bash

packages_for() {
    case "$1" in
        build) echo meson ninja-build pkg-config libuv1-dev libc-ares-dev libssl-dev openssl \
            librapidxml-dev libfmt-dev doctest-dev libexpected-dev libcli11-dev libtoml11-dev \
            nlohmann-json3-dev ;;
        sanitize) echo clang-14 libclang-rt-14-dev llvm-14 ;;
        oss-fuzz) echo zip ;;
        interop) echo sip-tester sipsak baresip kamailio kamailio-presence-modules \
            kamailio-xml-modules dnsmasq-base ;;
        cross) echo g++-arm-linux-gnueabihf g++-aarch64-linux-gnu g++-s390x-linux-gnu qemu-user ;;
        bench) echo libosip2-dev libsofia-sip-ua-dev valgrind kamailio \
            kamailio-presence-modules kamailio-xml-modules ;;
        format) echo clang-format-14 ;;
        docs) echo libxml2-utils ;;
        *) echo "packages_for: no such group: $1" >&2; return 2 ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else
        echo "dev: this needs root, and there is no sudo: $*" >&2
        return 1
    fi
}

# Installs what is missing of the named groups. Asks dpkg only, so it costs milliseconds and no
# network when everything is there.
need() {
    local group package missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "dev: not a Debian machine, nothing is installed; needed for $*:" >&2
        for group in "$@"; do echo "dev:   $(packages_for "$group")" >&2; done
        return 0
    fi
    for group in "$@"; do
        for package in $(packages_for "$group"); do
            [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
                missing+=("$package")
        done
        [ "$group" != build ] || command -v g++ >/dev/null || missing+=(g++)
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "dev: installing with apt-get: ${missing[*]}" >&2
    # The lists of a new machine are absent or stale; they are fetched only if that is so.
    if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
        apt_install "${missing[@]}" && return 0
    fi
    echo "dev: fetching the package lists first (apt-get update)" >&2
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2 || true
    apt_install "${missing[@]}" && return 0
    echo "dev: could not install ${missing[*]}; install them by hand and try again" >&2
    return 1
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends "$@" >&2
}
