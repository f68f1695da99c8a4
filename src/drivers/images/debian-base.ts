// What every Debian image has beyond its recipe: the packages and files that make it boot fast, answer on the agent channel,
// take its network from the zone and read its seed. Pure.
//
// Images with cloud-init leave names, keys, addresses and user data to it; all others carry our own small reader, because
// cloud-init costs ten seconds and more of a boot under software emulation. Both grow their file system by our service.
import type { ImageRecipe } from '../../model/image-recipe.ts';
import { agentFiles, bootModules, fastBootFiles, maskedGenerators, slimMaskedUnits } from './guest-boot.ts';
import { type GuestFile, plain, program } from './guest-file.ts';
import { seedFiles } from './guest-seed.ts';

/** A kernel that the recipe names stands in place of the one for clouds, which lacks drivers that machines have: the watchdog's among them. */
function hasOwnKernel(recipe: Pick<ImageRecipe, 'packages'>): boolean {
  return recipe.packages.some((name) => name.startsWith('linux-image-'));
}

export function hasCloudInit(recipe: Pick<ImageRecipe, 'packages'>): boolean {
  return recipe.packages.includes('cloud-init');
}

/** Packages to ask for, sorted: the base system's and the recipe's. */
export function basePackages(recipe: Pick<ImageRecipe, 'packages'>): string[] {
  const initramfs = recipe.packages.some((name) => name === 'initramfs-tools' || name === 'dracut') ? [] : ['tiny-initramfs'];
  // Cloud images get what Debian's own have: logind for the power button, netplan because only it keeps on-link routes of the
  // seed. Elsewhere acpid is the light way, and networkd reads what our seed reader writes.
  const others = hasCloudInit(recipe) ? ['dbus', 'libpam-systemd', 'netplan.io'] : ['acpid'];
  const kernel = hasOwnKernel(recipe) ? [] : ['linux-image-cloud-amd64'];
  const base = [...kernel, 'systemd-sysv', 'udev', 'kmod', 'qemu-guest-agent', 'iproute2', 'fdisk', 'e2fsprogs'];
  return [...new Set([...base, ...initramfs, ...others, ...recipe.packages])].toSorted();
}

/** Files by absolute path. `rootUuid` names the root file system. */
export function baseFiles(recipe: Pick<ImageRecipe, 'packages'>, rootUuid: string): Record<string, GuestFile> {
  return {
    '/boot/grub/grub.cfg': plain(renderGrubConfig(rootUuid)),
    '/etc/fstab': plain(`UUID=${rootUuid} / ext4 defaults,errors=remount-ro 0 1\n`),
    '/etc/hosts': plain('127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n'),
    '/etc/hostname': plain('localhost\n'),
    '/etc/machine-id': plain(''),
    '/etc/tiny-initramfs/tiny-initramfs.conf': plain(
      `# What the machines of Caisson have; without microcode, which a guest cannot load.\nAUTO_MODULES=no\nMICROCODE=no\nINCLUDE_MODULES=${bootModules.join(',')}\n`,
    ),
    '/etc/kernel-img.conf': plain('do_symlinks = yes\ndo_bootloader = no\ndo_initrd = yes\nlink_in_boot = no\n'),
    ...(hasOwnKernel(recipe) ? watchdogFiles : {}),
    ...growFiles,
    ...agentFiles,
    ...resolverFiles,
    ...(hasCloudInit(recipe) ? cloudInitFiles : { ...networkFiles, ...powerFiles, ...fastBootFiles, ...seedFiles() }),
  };
}

/** Units that every image starts. */
export function enabledUnits(recipe: Pick<ImageRecipe, 'packages'>): string[] {
  if (hasCloudInit(recipe)) return ['caisson-grow.service', 'caisson-resolv.path', 'systemd-networkd.service'];
  return [
    'caisson-grow.service',
    'caisson-seed.service',
    'caisson-user-data.service',
    'caisson-resolv.path',
    'caisson-coldplug.timer',
    'systemd-networkd.service',
  ];
}

/** Units that never start. */
export function maskedUnits(recipe: Pick<ImageRecipe, 'packages'>): string[] {
  // e2scrub needs LVM, which these images do not have, and takes seconds to find that out.
  return hasCloudInit(recipe) ? ['e2scrub_reap.service', 'e2scrub_all.timer'] : slimMaskedUnits;
}

/** systemd generators that never run. */
export function withoutGenerators(recipe: Pick<ImageRecipe, 'packages'>): string[] {
  return hasCloudInit(recipe) ? [] : maskedGenerators;
}

/** grub's commands: no menu, straight to the kernel whose links Debian keeps at the root. */
function renderGrubConfig(rootUuid: string): string {
  // no_timer_check: under emulation on a loaded host the kernel's timer test fails at random, and it panics.
  // memhp_default_state: memory that is plugged in holds only what can be moved away again, so it can go.
  const options = `root=UUID=${rootUuid} ro console=tty0 console=ttyS0 quiet no_timer_check memhp_default_state=online_movable`;
  // Under BIOS by the kernel's own way in, real mode: it costs an emulated processor seconds less. UEFI has the other one alone.
  const commands = (suffix: string, bits: string) =>
    `    linux${bits} /vmlinuz${suffix} ${options}\n    initrd${bits} /initrd.img${suffix}\n`;
  const entry = (title: string, suffix: string) =>
    `menuentry '${title}' {\n  if [ "$grub_platform" = pc ]; then\n${commands(suffix, '16')}  else\n${commands(suffix, '')}  fi\n}\n`;
  return `set timeout=0\nset default=0\n${entry('Debian', '')}${entry('Debian, the kernel before', '.old')}`;
}

// systemd feeds it while it lives. Its bus is found late in our fast boot, so its driver is asked for by name. A minute, because an emulated guest on
// a loaded host may be without a processor for long.
const watchdogFiles: Record<string, GuestFile> = {
  '/etc/modules-load.d/caisson-watchdog.conf': plain('lpc_ich\niTCO_wdt\n'),
  '/etc/systemd/system.conf.d/caisson-watchdog.conf': plain('[Manager]\nRuntimeWatchdogSec=60s\n'),
};

// Shell builtins only until there is something to do: every program started costs 50 ms and more under emulation.
const growScript = `#!/bin/sh
# Grows the root partition and file system to the end of a disk that is larger than the image.
set -eu
part=
while read -r _ _ _ _ at _ rest; do
  [ "$at" = / ] || continue
  rest=\${rest#*- }
  rest=\${rest#* }
  part=\${rest%% *}
done </proc/self/mountinfo
name=\${part#/dev/}
for disk in /sys/block/*; do
  [ -d "$disk/$name" ] || continue
  read -r number <"$disk/$name/partition"
  read -r start <"$disk/$name/start"
  read -r size <"$disk/$name/size"
  read -r all <"$disk/size"
  # A difference below 4 MiB is the partition table's own end.
  [ $((all - start - size)) -gt 8192 ] || exit 0
  echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel --force -N "$number" "/dev/\${disk##*/}"
  partx --update --nr "$number" "/dev/\${disk##*/}"
  resize2fs "$part"
done
`;

const growFiles: Record<string, GuestFile> = {
  '/usr/lib/caisson/grow': program(growScript),
  '/etc/systemd/system/caisson-grow.service': plain(`[Unit]
Description=Grow the root file system to the disk
DefaultDependencies=no
After=systemd-remount-fs.service
Before=local-fs.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/caisson/grow

[Install]
WantedBy=local-fs.target
`),
};

const networkFiles: Record<string, GuestFile> = {
  // The seed's own configuration of a nic (10-seed-*.network) comes first.
  '/etc/systemd/network/50-caisson.network': plain(
    '[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n\n[DHCPv4]\nUseDomains=yes\n\n[IPv6AcceptRA]\nUseDomains=yes\n',
  ),
};

const resolverFiles: Record<string, GuestFile> = {
  // networkd learns name servers from DHCP and router advertisements; this hands them to the resolver library.
  '/usr/lib/caisson/resolv': program(`#!/bin/sh
set -eu
state=/run/systemd/netif/state
[ -f "$state" ] || exit 0
DNS= DOMAINS=
while IFS='=' read -r key value; do
  case $key in
    DNS) DNS=$value ;;
    DOMAINS) DOMAINS=$value ;;
  esac
done <"$state"
{
  [ -z "$DOMAINS" ] || echo "search $DOMAINS"
  for server in $DNS; do echo "nameserver \${server%%%*}"; done
} >/run/resolv.conf.new
mv /run/resolv.conf.new /run/resolv.conf
`),
  '/etc/systemd/system/caisson-resolv.service': plain(
    '[Unit]\nDescription=Name servers learned from the network\nDefaultDependencies=no\n\n[Service]\nType=oneshot\nExecStart=/usr/lib/caisson/resolv\n',
  ),
  '/etc/systemd/system/caisson-resolv.path': plain(
    '[Unit]\nDescription=Watch for name servers from the network\nDefaultDependencies=no\nAfter=systemd-tmpfiles-setup.service\nBefore=systemd-networkd.service\n\n[Path]\nPathChanged=/run/systemd/netif/state\n\n[Install]\nWantedBy=multi-user.target\n',
  ),
};

const powerFiles: Record<string, GuestFile> = {
  '/etc/acpi/events/power-button': plain('event=button/power.*\naction=/usr/bin/systemctl poweroff\n'),
};

// One data source instead of twenty: the seed is the only one that a guest of ours can have. No locale, because translations are not
// in the image; no RSA and DSA keys, because making them takes ten seconds under emulation and no client needs them.
const cloudInitFiles: Record<string, GuestFile> = {
  '/etc/cloud/cloud.cfg.d/90-caisson.cfg': plain('datasource_list: [NoCloud, None]\nlocale: false\nssh_genkeytypes: [ed25519, ecdsa]\n'),
};
