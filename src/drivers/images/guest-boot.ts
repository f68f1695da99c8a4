// What makes a guest boot fast: under software emulation each program started costs 50 ms and each device event 20 ms, and a
// stock Debian starts hundreds. So only the devices that a server has are set up before its services, the rest a little later;
// units without a task in a guest are masked. Pure.
import { type GuestFile, plain, program } from './guest-file.ts';

/**
 * Modules that the initial ram disk loads, in this order: what the machines of Caisson have. Loading them there costs a tenth of
 * having udev find them. Those that a kernel has built in are passed over.
 */
export const bootModules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'sd_mod',
  'virtio_net',
  'virtio_console',
  'virtio_rng',
  'virtio_balloon',
  'virtio_mem',
  'button',
  // Built in where the kernel is that of clouds.
  'ext4',
];

export const fastBootFiles: Record<string, GuestFile> = {
  '/etc/systemd/system/systemd-udev-trigger.service.d/caisson.conf': plain(`[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=net --subsystem-match=block --subsystem-match=virtio-ports
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=tty --sysname-match=ttyS0 --sysname-match=hvc0
`),
  '/etc/systemd/system/caisson-coldplug.timer': plain(
    '[Unit]\nDescription=Set up the other devices when the services have started\n\n[Timer]\nOnBootSec=2min\nAccuracySec=10s\n\n[Install]\nWantedBy=timers.target\n',
  ),
  '/etc/systemd/system/caisson-coldplug.service': plain(`[Unit]
Description=Set up the devices that no service waits for

[Service]
Type=oneshot
Nice=19
ExecStart=/usr/lib/caisson/coldplug
`),
  '/usr/lib/caisson/coldplug': program(`#!/bin/sh
set -eu
udevadm trigger --type=all --action=add --subsystem-nomatch=net --subsystem-nomatch=block --subsystem-nomatch=virtio-ports
mkdir -p /run/tmpfiles.d
kmod static-nodes --format=tmpfiles --output=/run/tmpfiles.d/static-nodes.conf
systemd-tmpfiles --prefix=/dev --create --boot
`),
  // The agent shuts down by "shutdown -P +0", which systemd would hand to logind; without logind that must be "now".
  '/usr/lib/caisson/shutdown': program(`#!/bin/sh
for argument; do
  shift
  [ "$argument" = +0 ] && argument=now
  set -- "$@" "$argument"
done
exec /usr/sbin/shutdown.systemd "$@"
`),
};

/** For every image. */
export const agentFiles: Record<string, GuestFile> = {
  // The agent needs nothing but its port: it answers while the services still start, and until they have stopped.
  '/etc/systemd/system/qemu-guest-agent.service.d/caisson.conf': plain(
    '[Unit]\nDefaultDependencies=no\nAfter=systemd-remount-fs.service\nConflicts=shutdown.target\nBefore=shutdown.target\n',
  ),
};

/** Generators of units for things that a guest's image cannot have: encrypted, hibernating, hot-split disks. */
export const maskedGenerators = [
  'systemd-cryptsetup-generator',
  'systemd-gpt-auto-generator',
  'systemd-hibernate-resume-generator',
  'systemd-integritysetup-generator',
  'systemd-system-update-generator',
  'systemd-veritysetup-generator',
];

export const slimMaskedUnits = [
  // Packages are the image's: a new image brings new ones.
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'man-db.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  // Nothing waits for the network: services listen on all addresses, and the seed's user data waits for itself.
  'systemd-networkd-wait-online.service',
  'systemd-network-generator.service',
  // One console is enough.
  'getty@tty1.service',
  'getty-static.service',
  // Needs a bus; acpid has the power button.
  'systemd-logind.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  'systemd-initctl.socket',
  'systemd-fsckd.socket',
  'systemd-pstore.service',
  'systemd-repart.service',
  'systemd-firstboot.service',
  'systemd-pcrphase.service',
  'systemd-pcrphase-sysinit.service',
  'kmod-static-nodes.service',
  'systemd-tmpfiles-setup-dev.service',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'sys-kernel-config.mount',
  'sys-fs-fuse-connections.mount',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'proc-sys-fs-binfmt_misc.automount',
];
