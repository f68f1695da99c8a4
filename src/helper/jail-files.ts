// Files that a running guest's process gets to see, and to see no more: a disk that is plugged in while the guest runs. Its mount namespace is its
// own, and a bind by name does not cross from one to another; so the file that the helper has opened and checked is cloned as a mount of
// its own (`open_tree`), carried into the namespace, and put in its place there (`move_mount`). Nobody can exchange it in between.
//
// Node.js has none of these calls; Perl, which is part of every Debian, has `syscall`.
import { arch } from 'node:os';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';

/** The two calls whose numbers differ; the newer ones have the same on every architecture. */
const numbers: Record<string, { setns: number; umount2: number }> = {
  x64: { setns: 308, umount2: 166 },
  arm64: { setns: 268, umount2: 39 },
};

const enter = `
use strict; use Fcntl;
my ($setns, $umount, $namespace, $target) = (0 + shift, 0 + shift, shift, shift);
sub must { my ($what, $result) = @_; die "$what: $!\\n" if $result == -1; return $result; }
sub enter { open(my $ns, '<', $namespace) or die "$namespace: $!\\n"; must('setns', syscall($setns, fileno($ns), 0x20000)); chdir('/'); }
`;

/** Standard input is the file. It is there without programs, devices and other users' rights, as what the guest was started with. */
const give = `${enter}
my @file = stat(STDIN);
my $tree = must('open_tree', syscall(428, 0, my $empty = '', 0x1000 | 1 | 02000000));
must('mount_setattr', syscall(442, $tree, $empty, 0x1000, my $attributes = pack('Q4', 2 | 4 | 8, 0, 0, 0), 32));
enter();
my @there = stat($target);
exit 0 if @there && $there[0] == $file[0] && $there[1] == $file[1];
unless (@there) { sysopen(my $place, $target, O_WRONLY | O_CREAT | O_EXCL, 0600) or die "$target: $!\\n"; }
must('move_mount', syscall(429, $tree, $empty, -100, $target, 4));
`;

const take = `${enter}
enter();
exit 0 unless -e $target;
syscall($umount, $target, 2);
unlink($target) or die "$target: $!\\n";
`;

/** `fd`: the file, opened. Does nothing when it is there already. */
export function giveFile(pid: number, path: string, fd: number): Promise<void> {
  return perl(give, pid, path, fd);
}

export function takeFile(pid: number, path: string): Promise<void> {
  return perl(take, pid, path);
}

async function perl(script: string, pid: number, path: string, stdin?: number): Promise<void> {
  const number = numbers[arch()];
  if (!number) throw new CaissonError('missing', `a disk cannot be plugged in on this architecture (${arch()})`);
  const args = [String(number.setns), String(number.umount2), `/proc/${pid}/ns/mnt`, path];
  await run(['perl', '-e', script, ...args], stdin === undefined ? {} : { stdin });
}
