// What a guest's QEMU can see, as a value, and the script that makes it so. QEMU gets mount, network, IPC and host name
// namespaces of its own: a root of its own with /usr read-only, five devices, its own files and its socket folder, and no
// network but its taps, which it opens there before they are moved out. Then every privilege is dropped for good.
//
// Everything is one process from the helper's fork to QEMU, so the process id is known, recorded and in its control group before
// QEMU is executed. The files' paths lead through folders that the daemon may write: the binds are therefore compared, by device
// and inode, with what the helper has opened and checked; a link put there in between ends the start.
import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { run } from '../lib/exec.ts';

export interface JailFile {
  path: string;
  writable: boolean;
  device: bigint;
  inode: bigint;
}

export interface Jail {
  /** Folder made by `prepareSkeleton`. */
  folder: string;
  userId: number;
  files: JailFile[];
  /** The socket folder. */
  socketFolder: string;
  taps: string[];
  kvm: boolean;
}

/**
 * Guests outlive other programs when the host's memory ends: they cannot be started again without loss, the daemon can. Not
 * all machines let root say so (CAP_SYS_RESOURCE).
 */
const oomScoreAdjustment = -500;

type Device = [name: string, major: number, minor: number];
const devices: readonly Device[] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['net/tun', 10, 200],
];
const kvmDevice: Device = ['kvm', 10, 232];

/**
 * Positional parameters: see `renderJail`. Paths have no white space or pattern characters: the data directory is refused with them. util-linux
 * needs /proc for `umount`, so that is the last thing to go. File descriptor 3 says `ready`; `go` must come on standard input
 * for QEMU to be executed, so nothing runs when the helper has died before it could record the process. A crash leaves no
 * memory behind: of one byte is the only limit at which the kernel neither writes a core nor gives it to a program.
 */
const script = `set -euf
root=$1 skeleton=$2 user=$3 fstab=$4 folders=$5 places=$6 expected=$7 taps=$8
shift 8
umask 022
mount -c -n -t tmpfs -o mode=755,size=1m,nr_inodes=1k,nosuid,noexec jail "$root"
cp -a "$skeleton/." "$root"
cd "$root"
mkdir -p $folders
for place in $places; do : > "$place"; done
mount -c -n -a -T "$fstab"
if [ -n "$places" ] && [ "$(stat -c %d:%i $places)" != "$expected" ]; then
  echo 'a file of the guest was exchanged while it was being started' >&2
  exit 1
fi
[ -z "$taps" ] || ip -batch - <<END
$taps
END
echo ${oomScoreAdjustment} 2> /dev/null > /proc/self/oom_score_adj || :
mount -c -n --bind /proc proc
pivot_root . .
umount -n -l . /proc
cd /
umask 0007
echo ready >&3
exec 3>&-
read -r go
[ "$go" = go ]
exec prlimit --core=1:1 setpriv --reuid "$user" --regid "$user" --clear-groups --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs -- "$@" < /dev/null
`;

/** The command that makes the jail and becomes `argv` in it, with the content of the file at `fstabPath` (mount reads regular files only). Pure. */
export function renderJail(jail: Jail, fstabPath: string, argv: readonly string[]): { command: [string, ...string[]]; fstab: string } {
  const root = `${jail.folder}/root`;
  const files = jail.files.map((file) => file.path);
  const fstab = [
    `/usr ${root}/usr none bind,ro,nosuid 0 0`,
    `${jail.socketFolder} ${root}${jail.socketFolder} none bind,nosuid,nodev,noexec 0 0`,
    ...jail.files.map((file) => `${file.path} ${root}${file.path} none bind,${file.writable ? '' : 'ro,'}nosuid,nodev,noexec 0 0`),
  ];
  const folders = new Set([jail.socketFolder, ...files.map((path) => path.slice(0, path.lastIndexOf('/')))]);
  const relative = (path: string) => `.${path}`;
  const taps = jail.taps.map((tap) => `tuntap add dev ${tap} mode tap user ${jail.userId}`);
  const unshare = ['unshare', '--net', '--mount', '--ipc', '--uts', '--', 'sh', '-c'] as const;
  const command: [string, ...string[]] = [
    ...unshare,
    script,
    'jail',
    root,
    `${jail.folder}/${jail.kvm ? 'skeleton-kvm' : 'skeleton'}`,
    String(jail.userId),
    fstabPath,
    [...folders].map(relative).join(' '),
    files.map(relative).join(' '),
    jail.files.map((file) => `${file.device}:${file.inode}`).join('\n'),
    taps.join('\n'),
    ...argv,
  ];
  return { command, fstab: `${fstab.join('\n')}\n` };
}

/**
 * What every jail's root starts from. Device nodes are made here once and copied: /dev/net/tun and /dev/kvm are root's alone
 * outside. A folder under its final name is complete.
 */
export async function prepareSkeleton(folder: string): Promise<void> {
  mkdirSync(`${folder}/root`, { recursive: true, mode: 0o755 });
  await makeSkeleton(`${folder}/skeleton`, false);
  await makeSkeleton(`${folder}/skeleton-kvm`, existsSync('/dev/kvm'));
}

async function makeSkeleton(path: string, kvm: boolean): Promise<void> {
  if (existsSync(path) && (!kvm || existsSync(`${path}/dev/kvm`))) return;
  const beside = `${path}.new`;
  for (const old of [beside, path]) rmSync(old, { recursive: true, force: true });
  for (const name of ['usr', 'proc', 'dev/net']) mkdirSync(`${beside}/${name}`, { recursive: true, mode: 0o755 });
  // Debian's root has these as links into /usr.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (lstatSync(`/${name}`, { throwIfNoEntry: false })) symlinkSync(`usr/${name}`, `${beside}/${name}`);
  }
  for (const [name, major, minor] of [...devices, ...(kvm ? [kvmDevice] : [])]) {
    await run(['mknod', '-m', '666', `${beside}/dev/${name}`, 'c', String(major), String(minor)]);
  }
  renameSync(beside, path);
}
