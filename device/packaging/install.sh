#!/bin/sh
# Installs the Beltsight device from the unpacked package this file lies in. No network is needed.
set -eu

usage() {
  cat <<'TEXT'
Usage: sudo ./install.sh [--node FILE] [--no-start] [--root DIR]
       sudo ./install.sh --uninstall [--root DIR]

Installs or upgrades the Beltsight device, a service of systemd.

  --node FILE   the Node to run on, 20.19 or later, or 22.12 or later (default: the one of root's PATH)
  --no-start    do not start the service
  --root DIR    install below DIR, without user, ownership and service, to look at it or for an image
  --uninstall   remove the program and the service; configuration, bundles and engines stay

The version before an upgrade stays. To go back to it: sudo /opt/beltsight/previous/install.sh
The whole guide: install-device.md
TEXT
}

# Each argument on a line.
say() { printf '%s\n' "$@"; }

# fail WHAT REMEDY
fail() {
  printf 'install.sh: %s\n  Remedy: %s\n' "$1" "$2" >&2
  exit 1
}

# Sets root, node, start, uninstall, and the places that follow from root.
read_arguments() {
  root='' node='' start=yes uninstall=no
  while [ $# -gt 0 ]; do
    case $1 in
      --node | --root)
        [ $# -gt 1 ] || fail "$1 is given without a value." "./install.sh --help shows how it is meant."
        if [ "$1" = --node ]; then node=$2; else root=$2; fi
        shift
        ;;
      --no-start) start=no ;;
      --uninstall) uninstall=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) fail "$1 is no option." "./install.sh --help lists them." ;;
    esac
    shift
  done
  if [ -n "$root" ]; then
    [ -d "$root" ] || fail "There is no folder $root (--root)." "Create it first."
    root=$(cd "$root" && pwd -P)
    [ "$root" != / ] || root=
  fi
  opt=$root/opt/beltsight
  config=$root/etc/beltsight/device.yaml
  unit=$root/etc/systemd/system/beltsight-device.service
  command=$root/usr/local/bin/beltsight-device
}

# With --root nothing outside of it is touched.
real() { [ -z "$root" ]; }

require_rights() {
  real || return 0
  [ "$(id -u)" -eq 0 ] || fail "Installing needs root's rights." "sudo $0"
  command -v systemctl >/dev/null || fail "This system has no systemd (systemctl is not there)." \
    "Install below a folder with --root DIR, and start DIR/opt/beltsight/current/bin/beltsight-device by other means."
}

require_platform() {
  machine=$(uname -m)
  case $machine in
    x86_64) mine=x64 ;;
    aarch64) mine=arm64 ;;
    *) mine=$machine ;;
  esac
  [ "$(uname -s)-$mine" = "Linux-$ARCH" ] || fail "This package is for Linux on $ARCH, and this is $(uname -s) on $machine." \
    "Take the package for this machine: beltsight-device-$VERSION-linux-$mine.tar.gz, if there is one."
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc='another C library'
  case $libc in
    'glibc '*) oldest=$(printf '%s\n%s\n' "$GLIBC" "${libc#glibc }" | sort -V | head -n 1) ;;
    *) oldest= ;;
  esac
  [ "$oldest" = "$GLIBC" ] || fail "This system has $libc; glibc $GLIBC or newer is needed." \
    "Use Debian 10, Ubuntu 20.04, JetPack 5 or newer."
}

require_node() {
  remedy='Install Node 20.19 or later, or 22.12 or later, from NodeSource or nodejs.org, or name one with --node FILE.'
  [ -n "$node" ] || node=$(command -v node) || fail "There is no Node on root's PATH ($PATH)." "$remedy"
  if [ ! -f "$node" ] || [ ! -x "$node" ]; then fail "$node is no program." "$remedy"; fi
  node=$(cd "$(dirname "$node")" && pwd -P)/$(basename "$node")
  found=$("$node" -p 'process.versions.node + " " + process.arch' 2>/dev/null) || fail "$node does not run." "$remedy"
  # shellcheck disable=SC2016 # JavaScript
  "$node" -e 'const [, folder, range] = process.argv;
    const semver = require("module").createRequire(`${folder}/node_modules/sharp/package.json`)("semver");
    process.exit(semver.satisfies(process.versions.node, range) ? 0 : 1)' "$here" "$NODE_RANGE" 2>/dev/null || fail "$node is version ${found% *}; needed is $NODE_RANGE." "$remedy"
  [ "${found#* }" = "$ARCH" ] || fail "$node is built for ${found#* }, not for $ARCH." "$remedy"
  # What the service cannot see: its unit has ProtectHome and PrivateTmp.
  case $(readlink -f "$node") in
    /home/* | /root/* | /tmp/* | /var/tmp/* | /run/user/*)
      ! real || fail "$node lies where the service may not look." "Install Node for the whole system, or copy it to /usr/local/bin/node."
      ;;
  esac
}

require_whole_package() {
  (cd "$here" && sha256sum --quiet --strict --check SHA256SUMS) || fail \
    "Files of this package are damaged or missing." "Copy the package again and unpack it anew."
}

require_space() {
  place=$opt
  while [ ! -d "$place" ]; do place=$(dirname "$place"); done
  needed=$(($(du -sk "$here" | cut -f 1) / 1024 + 50))
  free=$(($(df -Pk "$place" | awk 'NR == 2 { print $4 }') / 1024))
  [ "$free" -ge "$needed" ] || fail "$place has $free MiB free; $needed MiB are needed." \
    "Make room: sudo apt clean, sudo journalctl --vacuum-size=100M."
}

# Files are complete and tried under their final name or not there at all, whenever the power fails.
install_files() {
  name=device-$VERSION
  if [ "$here" = "$opt/$name" ]; then
    try_out "$here"
    return
  fi
  require_space
  mkdir -p "$opt"
  rm -rf "$opt/.new" "$opt/.old"
  cp -R "$here" "$opt/.new"
  ! real || chown -R root:root "$opt/.new"
  chmod -R u=rwX,go=rX "$opt/.new"
  try_out "$opt/.new"
  sync
  # The same version again: the files before it out of the way, by one rename.
  [ ! -e "$opt/$name" ] || mv -T "$opt/$name" "$opt/.old"
  mv -T "$opt/.new" "$opt/$name"
  rm -rf "$opt/.old"
}

# The command loads everything native but ONNX Runtime, which doctor looks at.
try_out() {
  ln -sfn "$node" "$1/bin/node"
  "$1/bin/beltsight-device" --help >/dev/null || fail "Version $VERSION does not start here (see above)." \
    "The device goes on with what it had. Send the lines above to your supplier."
}

switch_version() {
  now=$(readlink "$opt/current" || true)
  # One that never ran is no version to go back to: the one before it stays that.
  if [ -n "$now" ] && [ "$now" != "$name" ] && ! [ -e "$opt/$now/failed" ]; then point "$opt/previous" "$now"; fi
  point "$opt/current" "$name"
  sync
  before=$(readlink "$opt/previous" || true)
  # The one in use and the one before stay.
  for each in "$opt"/device-*; do
    case ${each##*/} in
      "$name" | "$before") ;;
      *) rm -rf "$each" ;;
    esac
  done
  mkdir -p "$(dirname "$command")"
  ln -sfn ../../../opt/beltsight/current/bin/beltsight-device "$command"
}

# A link is replaced by one rename: at no moment is it missing.
point() {
  ln -sfn "$2" "$1.new"
  mv -T "$1.new" "$1"
}

create_user() {
  real || return 0
  getent passwd beltsight >/dev/null ||
    useradd --system --user-group --home-dir /var/lib/beltsight --no-create-home --shell /usr/sbin/nologin beltsight
  # Cameras belong to video, GPUs to video or render, output lines to gpio where there is such a group.
  for group in video render gpio; do
    ! getent group "$group" >/dev/null || usermod --append --groups "$group" beltsight
  done
}

install_configuration() {
  for folder in etc lib cache; do
    case $folder in
      etc) path=$root/etc/beltsight owner=root ;;
      *) path=$root/var/$folder/beltsight owner=beltsight ;;
    esac
    [ -d "$path" ] || install -d -m 0750 "$path"
    ! real || chown "$owner:beltsight" "$path"
  done
  [ -e "$config" ] || install -m 0640 "$here/device.example.yaml" "$config"
  ! real || chown root:beltsight "$config"
  mkdir -p "$(dirname "$unit")"
  # As links are, and not at all where it is the same: a power cut leaves the old one or the new.
  if ! cmp -s "$here/beltsight-device.service" "$unit"; then
    install -m 0644 "$here/beltsight-device.service" "$unit.new"
    sync "$unit.new"
    mv -T "$unit.new" "$unit"
  fi
}

is_example() { cmp -s "$config" "$opt/current/device.example.yaml"; }

start_service() {
  if ! real; then
    say "Installed version $VERSION below $root. It was not started."
    return
  fi
  systemctl daemon-reload
  systemctl enable --quiet beltsight-device
  if is_example; then
    say "Installed version $VERSION. What is left to do:" \
      "1. copy a bundle to /var/lib/beltsight and describe this device in /etc/beltsight/device.yaml" \
      "2. sudo -u beltsight env CACHE_DIRECTORY=/var/cache/beltsight beltsight-device doctor --config /etc/beltsight/device.yaml" \
      "3. sudo systemctl start beltsight-device"
  elif [ "$start" = no ]; then
    say "Installed version $VERSION. Start it with: sudo systemctl restart beltsight-device"
  else
    say "Installed version $VERSION. Starting it; where TensorRT builds an engine first this takes minutes."
    systemctl restart beltsight-device || {
      touch "$opt/$name/failed"
      fail "The service does not start." \
        "journalctl -u beltsight-device -n 50 says why. Back to the version before: sudo /opt/beltsight/previous/install.sh"
    }
    rm -f "$opt/$name/failed"
    say 'It inspects.'
  fi
}

uninstall() {
  if real && [ -e "$unit" ]; then systemctl disable --quiet --now beltsight-device; fi
  rm -f "$unit" "$command"
  ! real || systemctl daemon-reload
  rm -rf "$opt"
  say "Removed. Still there: $root/etc/beltsight, $root/var/lib/beltsight, $root/var/cache/beltsight and the user beltsight." \
    "To remove these too: rm -r $root/etc/beltsight $root/var/lib/beltsight $root/var/cache/beltsight; userdel beltsight"
}

main() {
  # The service must be able to read what is installed, whatever root's own umask.
  umask 022
  here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd -P)
  read_arguments "$@"
  require_rights
  if [ "$uninstall" = yes ]; then
    uninstall
    return
  fi
  if [ ! -f "$here/release" ] || [ ! -f "$here/SHA256SUMS" ]; then
    fail "$here is no unpacked package." "Unpack the whole .tar.gz and start install.sh in its folder."
  fi
  # Sets VERSION, ARCH, NODE_RANGE and GLIBC.
  # shellcheck source=/dev/null
  . "$here/release"
  require_platform
  require_whole_package
  require_node
  create_user
  install_files
  install_configuration
  switch_version
  start_service
}

# In one line with exit: the shell does not read on in a file that an upgrade may have replaced.
main "$@"; exit
