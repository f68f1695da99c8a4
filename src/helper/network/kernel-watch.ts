// Hears from the kernel when somebody changes the packet filter's rules, ours or those beside them, takes a tap away, or a route, a routing rule,
// an address or a setting: nothing has to be read again and again to find it. A small Perl program (every Debian has Perl) listens on two netlink sockets; whatever it
// misses or cannot tell is told as a change. Of fixed neighbours and of addresses answered for others the kernel says too little: these it reads
// itself every four seconds, over a third socket, which is all that it costs while nothing happens.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Log } from '../../lib/log.ts';
import type { NetworkChange } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

/**
 * Groups: 7 of nfnetlink is nftables. Its messages (10 in the upper byte) each begin with attribute 1, the table that they are about; those below
 * 9 are of tables, chains and rules; after all of a transaction comes «new generation» (2575), of which attribute 2 is the process that made it.
 * Of rtnetlink 1 is links, of which 17 is a deletion and 16 a change, attribute 3 the name, 10 the master, and flag 1 is up; of addresses (5, 9),
 * routes (7, 11) and rules (8, 19) only deletions are looked at, of routes those with our protocols; of settings (24, 25) messages (80) of one interface's one
 * value: forwarding (2), the check of the way back (3), answering for others (5) that are not as we set them. Neighbours are asked for (30) with
 * flag 8, those answered for, and without, of which state 128 is the fixed ones. A line on its standard input says that they were changed by us; it ends with it.
 */
const program = `
use strict; use Socket; use IO::Select; use Errno qw(EAGAIN EINTR); use POSIX qw(setgid setuid); $| = 1;
sub listener { my ($family, $groups) = @_; socket(my $s, 16, SOCK_RAW, $family) or die "netlink: $!\\n";
  setsockopt($s, SOL_SOCKET, 33, pack('i', 4_194_304)); bind($s, pack('SSLL', 16, 0, 0, $groups)) or die "netlink: $!\\n"; return $s; }
my $rules = listener(12, 64); my $links = listener(0, 0x18405d1); my $ask = listener(0, 0); setgid(65534); setuid(65534);
sub attributes { my ($bytes) = @_; my %all;
  while (length $bytes >= 4) { my ($len, $type) = unpack 'SS', $bytes; last if $len < 4; $all{$type & 0x3fff} = substr($bytes, 4, $len - 4);
    $bytes = length $bytes > (($len + 3) & ~3) ? substr($bytes, ($len + 3) & ~3) : ''; } return \\%all; }
sub messages { my ($bytes) = @_; my @all;
  while (length $bytes >= 16) { my ($len, $type) = unpack 'LS', $bytes; last if $len < 16 || $len > length $bytes; push @all, [$type, substr($bytes, 16, $len - 16)];
    my $step = ($len + 3) & ~3; $bytes = length $bytes > $step ? substr($bytes, $step) : ''; } return @all; }
sub neighbours { my %found; for my $flag (0, 8) { send($ask, pack('LSSLLCx9Cx', 28, 30, 0x301, 1, 0, 0, $flag), 0);
  ANSWER: while (defined recv($ask, my $buffer, 65536, 0)) { for (messages($buffer)) { my ($type, $body) = @$_; last ANSWER if $type == 3 || $type == 2;
    my ($index, $state) = unpack 'x4lS', $body; next unless $type == 28 && ($flag || $state & 128);
    $found{join ' ', $flag, $index, unpack 'H*', attributes(substr($body, 12))->{1} // ''} = 1; } } } return \\%found; }
sub isOff { my ($one) = @_; return keys %$one == 2 && (grep { defined $one->{$_} && unpack('l', $one->{$_}) != 1 } 2, 3, 5) > 0; }
sub isOfOthers { my ($body) = @_; my ($len, $type) = unpack 'x4SS', $body; return defined $type && ($type & 0x3fff) == 1 && substr($body, 8, $len - 4) ne "caisson\\0"; }
my ($ours, $others) = (0, 0);
my $all = IO::Select->new($rules, $links, \\*STDIN); my ($known, $readAt) = (neighbours(), time); print "listens\\n";
while (1) { my @ready = $all->can_read(4);
  if (time - $readAt >= 4 || time < $readAt) { my $now = neighbours(); print "wiring\\n" if grep { !$now->{$_} } keys %$known; ($known, $readAt) = ($now, time); }
  for my $s (@ready) {
    if ($s == \\*STDIN) { exit 0 unless sysread(STDIN, my $none, 64); ($known, $readAt) = (neighbours(), time); next; }
    my $buffer; unless (defined recv($s, $buffer, 65536, 0)) { next if $! == EINTR; print $s == $rules ? "rules 0\\n" : "links\\nwiring\\n"; next; }
    for (messages($buffer)) { my ($type, $body) = @$_;
      if ($s == $rules) {
        if ($type == 2575) { my $pid = attributes(substr($body, 4))->{2};
          if ($ours) { print 'rules ', defined $pid ? unpack('N', $pid) : 0, "\\n"; } elsif ($others) { print "others\\n"; } ($ours, $others) = (0, 0); }
        elsif (!$ours && $type >> 8 == 10) { if (!isOfOthers($body)) { $ours = 1; } elsif (($type & 255) < 9) { $others = 1; } } }
      elsif ($type == 17 || $type == 16) { my $link = attributes(substr($body, 16)); my ($name) = ($link->{3} // '') =~ /^(cs[^\\0]*)/ or next;
        print "links $name ", $type == 17 ? 'gone' : !(unpack('x8L', $body) & 1) ? 'down' : defined $link->{10} ? 'port' : 'up', "\\n"; }
      elsif ($type == 80) { print "wiring\\n" if isOff(attributes(substr($body, 4))); }
      elsif ($type == 21 || $type == 33 || ($type == 25 && ord(substr($body, 5, 1)) =~ /^20[23]$/)) { print "wiring\\n"; } } } }
`;

/** How long a process of ours may be named by the kernel after it has ended. */
const ownMs = 30_000;

export class KernelWatch {
  readonly #namespace: GuestsNamespace;
  readonly #log: Log;
  readonly #onChange: (change: NetworkChange) => void;
  readonly #own = new Map<number, number>();
  /** Taps that we have set up, alone or as ports of a bridge. */
  readonly #taps = new Map<string, 'alone' | 'port'>();
  #child: ChildProcess | undefined;

  constructor(options: { namespace: GuestsNamespace; log: Log; onChange: (change: NetworkChange) => void }) {
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

  /** Before we set a tap up, or take it away. */
  ownTap(tap: string, wanted: 'alone' | 'port' | 'gone'): void {
    if (wanted === 'gone') this.#taps.delete(tap);
    else this.#taps.set(tap, wanted);
  }

  /** Neighbours and proxies that are gone since the last look were taken away by us. */
  ownNeighbours(): void {
    this.#child?.stdin?.write('\n');
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
    const [what, who = '', state] = line.split(' ');
    if (what === 'wiring' || what === 'others') this.#onChange(what);
    else if (what === 'links') {
      // Of which bridge a port is, it does not say.
      const isWanted = state === 'up' ? this.#taps.get(who) === 'alone' : state !== 'port' && !this.#taps.has(who);
      if (who === '' || !isWanted) this.#onChange('links');
    } else if (!this.#own.has(Number(who))) this.#onChange('rules');
  }
}
