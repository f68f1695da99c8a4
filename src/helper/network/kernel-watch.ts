// Hears from the kernel when somebody changes the packet filter's rules, takes a tap away, or a route, a routing rule or an address: nothing
// has to be read again and again to find it. A small Perl program (every Debian has Perl) listens on two netlink sockets and costs nothing while nothing happens; whatever it
// misses or cannot tell is told as a change.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Log } from '../../lib/log.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

/**
 * Groups: 7 of nfnetlink is nftables, of whose messages only «new generation» (2575), one for each transaction, is looked at: attribute 2 is
 * the process that made it; of rtnetlink 1 is links, of which 17 is a deletion and 16 a change; of addresses (5, 9), routes (7, 11) and
 * rules (8, 19) only deletions are looked at, of routes those with our protocols. It ends with its standard input.
 */
const program = `
use strict; use Socket; use IO::Select; use Errno qw(EAGAIN EINTR); use POSIX qw(setgid setuid); $| = 1;
sub listener { my ($family, $group) = @_; socket(my $s, 16, SOCK_RAW, $family) or die "netlink: $!\\n";
  setsockopt($s, SOL_SOCKET, 33, pack('i', 4_194_304)); bind($s, pack('SSLL', 16, 0, 0, $group)) or die "netlink: $!\\n"; return $s; }
my $rules = listener(12, 64); my $links = listener(0, 0x405d1); setgid(65534); setuid(65534); print "listens\\n";
my $all = IO::Select->new($rules, $links, \\*STDIN);
sub attribute { my ($bytes, $want) = @_;
  while (length $bytes >= 4) { my ($len, $type) = unpack 'SS', $bytes; return if $len < 4; return substr($bytes, 4, $len - 4) if ($type & 0x3fff) == $want;
    $bytes = length $bytes > (($len + 3) & ~3) ? substr($bytes, ($len + 3) & ~3) : ''; } return; }
while (1) { for my $s ($all->can_read) {
  if ($s == \\*STDIN) { exit 0 unless sysread(STDIN, my $none, 64); next; }
  my $buffer; unless (defined recv($s, $buffer, 65536, 0)) { next if $! == EINTR; print $s == $rules ? "rules 0\\n" : "links\\nwiring\\n"; next; }
  while (length $buffer >= 16) { my ($len, $type) = unpack 'LS', $buffer; last if $len < 16 || $len > length $buffer;
    if ($s == $rules && $type == 2575) { my $pid = attribute(substr($buffer, 20, $len - 20), 2); print 'rules ', defined $pid ? unpack('N', $pid) : 0, "\\n"; }
    elsif ($s == $links && ($type == 17 || $type == 16)) { my $name = attribute(substr($buffer, 32, $len - 32), 3); print "links\\n" if defined $name && $name =~ /^cs/; }
    elsif ($s == $links && ($type == 21 || $type == 33 || ($type == 25 && ord(substr($buffer, 21, 1)) =~ /^20[23]$/))) { print "wiring\\n"; }
    my $step = ($len + 3) & ~3; $buffer = length $buffer > $step ? substr($buffer, $step) : ''; } } }
`;

export type KernelChange = 'rules' | 'links' | 'wiring';

/** How long a process of ours may be named by the kernel after it has ended. */
const ownMs = 30_000;

export class KernelWatch {
  readonly #namespace: GuestsNamespace;
  readonly #log: Log;
  readonly #onChange: (change: KernelChange) => void;
  readonly #own = new Map<number, number>();
  #child: ChildProcess | undefined;

  constructor(options: { namespace: GuestsNamespace; log: Log; onChange: (change: KernelChange) => void }) {
    this.#namespace = options.namespace;
    this.#log = options.log;
    this.#onChange = options.onChange;
  }

  /** Changes made by this process are ours, and not told. */
  own(pid: number): void {
    const now = performance.now();
    for (const [old, at] of this.#own) if (now - at > ownMs) this.#own.delete(old);
    this.#own.set(pid, now);
  }

  /** Listens from now on, unless it does already; resolves when it hears. One that ends by itself counts as a change of everything. */
  async start(): Promise<void> {
    if (this.#child) return;
    const [file, ...args] = this.#namespace.command(['perl', '-e', program]);
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    this.#child = child;
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const onEnd = () => {
      if (this.#child === child) {
        this.#child = undefined;
        this.#log.warn('nobody hears of changes of rules and interfaces any more');
        for (const change of ['rules', 'links', 'wiring'] as const) this.#onChange(change);
      }
      resolve();
    };
    child.once('error', onEnd);
    child.once('exit', onEnd);
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'listens') resolve();
      else this.#hear(line);
    });
    await settled;
  }

  get listens(): boolean {
    return this.#child !== undefined;
  }

  stop(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.stdin?.end();
  }

  #hear(line: string): void {
    const [what, pid] = line.split(' ');
    if (what === 'links' || what === 'wiring') this.#onChange(what);
    else if (!this.#own.has(Number(pid))) this.#onChange('rules');
  }
}
