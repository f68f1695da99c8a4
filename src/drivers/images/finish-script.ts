// What happens to the tree once its packages are installed. mmdebstrap runs this script inside the build's user namespace with
// the tree as $1, so that owners are what the guest will see; the programs are the host's, except where it says chroot.
//
// It relies on the build folder (CAISSON_BUILD): files.tar, run/NNN (the recipe's commands), units-enable, units-mask; and
// writes to its folder `out`: packages, entries, digests (of the manifest) and the root file system inside disk.raw.

export const finishScript = String.raw`#!/bin/sh
set -eu
root=$1
build=$CAISSON_BUILD
say() { printf 'CAISSON-STEP %s\n' "$1" >&2; }

say 'putting files in'
tar --extract --file "$build/files.tar" --directory "$root" --keep-directory-symlink --no-same-owner --same-permissions

say 'running the commands of the recipe'
for command in "$build"/run/*; do
  [ -f "$command" ] || continue
  chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" /bin/sh -euc "$(cat "$command")" >&2 </dev/null
done

say 'making the initial ram disk'
for kernel in "$root"/boot/vmlinuz-*; do
  version=${'$'}{kernel##*/vmlinuz-}
  initrd=/boot/initrd.img-$version
  if [ -x "$root/usr/sbin/mktirfs" ]; then
    chroot "$root" mktirfs -o "$initrd" "$version" >&2
    # Made again with fixed times and inode numbers; not compressed: it is small, and unpacking costs more than reading.
    chroot "$root" sh -eu -c '
      rm -rf /tmp/initrd
      mkdir /tmp/initrd
      cd /tmp/initrd
      gzip -dc "$1" | cpio --quiet --extract --make-directories
      find . -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
      find . ! -name . -print0 | LC_ALL=C sort -z | cpio --quiet --null --create --format=newc --owner=0:0 --reproducible >"$1"
      rm -rf /tmp/initrd
    ' sh "$initrd" >&2
  else
    SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH chroot "$root" update-initramfs -c -k "$version" >&2
  fi
  chmod 0600 "$root$initrd"
done
rm -f "$root/vmlinuz.old" "$root/initrd.img.old"

say 'choosing what starts'
xargs -r chroot "$root" systemctl --quiet enable <"$build/units-enable" >&2
xargs -r chroot "$root" systemctl --quiet mask <"$build/units-mask" >&2
mkdir -p "$root/etc/systemd/system-generators"
while read -r generator; do ln -sf /dev/null "$root/etc/systemd/system-generators/$generator"; done <"$build/generators-mask"
if [ -x "$root/usr/lib/caisson/shutdown" ]; then
  chroot "$root" dpkg-divert --quiet --local --rename --divert /usr/sbin/shutdown.systemd --add /usr/sbin/shutdown
  ln -sf /usr/lib/caisson/shutdown "$root/usr/sbin/shutdown"
fi
# A list without modules would only start a service.
grep -q '^[^#]' "$root/etc/modules" 2>/dev/null || rm -f "$root/etc/modules-load.d/modules.conf"

say 'removing what belongs to the build'
ln -sf /run/resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/usr/sbin/policy-rc.d"
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub
rm -f "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/shadow- "$root"/etc/gshadow- "$root"/etc/subuid- "$root"/etc/subgid-
rm -f "$root/var/lib/systemd/random-seed" "$root/var/lib/systemd/credential.secret" "$root/var/cache/ldconfig/aux-cache"
rm -f "$root"/var/lib/dpkg/*-old "$root"/var/cache/debconf/*-old "$root"/root/.bash_history
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/man/* "$root"/var/tmp/*
mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
find "$root/var/log" -type f -delete
# Newer than /usr: users, caches and indexes that boot would make again are made.
touch "$root/etc/.updated" "$root/var/.updated"
chroot "$root" dpkg-query -W -f '${'$'}{Package}=${'$'}{Version}\n' | LC_ALL=C sort >"$build/out/packages"

# From here on a view of the tree without the mounts below it (/proc, /sys, /dev), in a mount namespace that ends with us.
export root build
exec unshare --mount sh -eu -c '
  say() { printf "CAISSON-STEP %s\n" "$1" >&2; }
  mkdir -p "$build/out/view"
  trap "umount --recursive \"$build/out/view\"; rmdir \"$build/out/view\"" EXIT
  mount --bind "$root" "$build/out/view"
  for name in dev run; do mount -t tmpfs -o mode=755 tmpfs "$build/out/view/$name"; done
  mount -t tmpfs -o mode=1777 tmpfs "$build/out/view/tmp"
  for name in proc sys; do mount -t tmpfs -o mode=555 tmpfs "$build/out/view/$name"; done

  say "listing the files"
  cd "$build/out/view"
  find . -printf "%P\t%y\t%m\t%U:%G\t%s\t%l\0" | LC_ALL=C sort -z >"$build/out/entries"
  find . -type f -printf "%P\0" | LC_ALL=C sort -z | xargs -0 -r sha256sum --zero -- >"$build/out/digests"
  cd /

  say "writing the root file system"
  # Features that the boot loader and kernels of either suite read, whatever the version of mke2fs.
  E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -F -t ext4 -b 4096 -m 1 -L root -U "$ROOT_UUID" \
    -O ^metadata_csum_seed,^orphan_file -E "offset=$ROOT_OFFSET,hash_seed=$ROOT_UUID,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0" \
    -d "$build/out/view" "$build/out/disk.raw" "$ROOT_BLOCKS"
'
`;
