// A small Perl program that tries to reach many addresses at once, for places where we have no program of our own: inside a guest
// (Debian's base system has Perl) and beyond the uplink. Input: lines `tcp|udp ADDRESS PORT`. Output: lines `INDEX RESULT SOURCE DETAIL`.
//
// What counts as reached: a connection that has a peer, an answer, or a refusal by the destination itself (reset, port unreachable). The filter never
// sends those: it drops, or answers “administratively prohibited”, which arrives as “no route to host” or “permission denied”.
import { CaissonError } from './errors.ts';

export interface ProbeLine {
  got: 'open' | 'refused' | 'unknown';
  /** Address that it was tried from; empty when not known. */
  source: string;
  detail: string;
}

export const probeScript = `
use strict; use Socket qw(:all); use IO::Select; use Errno qw(EINPROGRESS ECONNREFUSED ECONNRESET);
use Fcntl; $| = 1;
my $wait = shift @ARGV; my $dns = pack('nnnnnnC', 0x4a4a, 0x0100, 1, 0, 0, 0, 0) . pack('nn', 2, 1);
my (@open, %of, $i);
sub told { my ($n, $got, $s, $detail) = @_; my $from = '-';
  if ($s) { my $name = getsockname($s); if ($name) { my $f = sockaddr_family($name);
    $from = $f == AF_INET ? inet_ntop(AF_INET, (unpack_sockaddr_in($name))[1]) : inet_ntop(AF_INET6, (unpack_sockaddr_in6($name))[1]); } }
  print "$n $got $from $detail\\n"; }
$i = 0; my $w = IO::Select->new; my $r = IO::Select->new;
while (my $line = <STDIN>) {
  my ($proto, $addr, $port) = split ' ', $line; next unless defined $port; my $n = $i++;
  my $six = $addr =~ /:/; my $udp = $proto eq 'udp';
  my $to = $six ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $addr)) : pack_sockaddr_in($port, inet_pton(AF_INET, $addr));
  my $s; unless (socket($s, $six ? AF_INET6 : AF_INET, $udp ? SOCK_DGRAM : SOCK_STREAM, 0)) { told($n, 'unknown', undef, "$!"); next; }
  fcntl($s, F_SETFL, O_NONBLOCK);
  if (connect($s, $to)) { if (!$udp) { told($n, 'open', $s, 'connected'); next; }
    unless (defined send($s, $dns, 0)) { told($n, $! == ECONNREFUSED ? 'open' : 'refused', $s, "$!"); next; }
    $of{fileno $s} = [$n, 1, $s]; $r->add($s); }
  elsif ($! == EINPROGRESS) { $of{fileno $s} = [$n, 0, $s]; $w->add($s); }
  else { told($n, $! == ECONNREFUSED ? 'open' : 'refused', undef, "$!"); }
}
my $end = time + $wait; my $again = time + 1;
while (%of) { my $left = $end - time; last if $left <= 0;
  my @ready = IO::Select->select($r, $w, undef, $left < 0.5 ? $left : 0.5) ;
  for my $s (map { @$_ } grep { $_ } @ready[0, 1]) { my $e = delete $of{fileno $s} or next; $r->remove($s); $w->remove($s);
    if ($e->[1]) { my $got = recv($s, my $data, 4096, 0); told($e->[0], defined $got || $! == ECONNREFUSED ? 'open' : 'refused', $s, defined $got ? 'answered' : "$!"); }
    else { my $said = getsockopt($s, SOL_SOCKET, SO_ERROR); my $err = defined $said ? unpack('i', $said) : $! + 0;
      if (!$err) { my $is = defined getpeername($s); told($e->[0], $is ? 'open' : 'unknown', $s, $is ? 'connected' : 'neither connected nor refused'); }
      else { $! = $err; told($e->[0], $err == ECONNREFUSED || $err == ECONNRESET ? 'open' : 'refused', $s, "$!"); } } }
  if (time >= $again) { $again = time + 1; send($_->[2], $dns, 0) for grep { $_->[1] } values %of; } }
told($_->[0], 'refused', $_->[2], 'no answer') for values %of;
`;

export function probeInput(targets: readonly { protocol: 'tcp' | 'udp'; address: string; port: number }[]): string {
  return targets.map((target) => `${target.protocol} ${target.address} ${target.port}\n`).join('');
}

/** What the script printed → one line for each of `count` targets, in their order. Throws `failed` when any is missing. */
export function parseProbeOutput(output: string, count: number): ProbeLine[] {
  const lines: ProbeLine[] = [];
  for (const text of output.split('\n')) {
    const match = /^(\d+) (open|refused|unknown) (\S+) (.*)$/.exec(text);
    if (match)
      lines[Number(match[1])] = {
        got: match[2] as ProbeLine['got'],
        source: match[3] === '-' ? '' : (match[3] as string),
        detail: (match[4] as string).slice(0, 200),
      };
  }
  const missing = Array.from({ length: count }).findIndex((_, index) => !lines[index]);
  if (missing !== -1)
    throw new CaissonError('failed', `the probe said nothing about its target number ${missing + 1} of ${count}`, {
      details: { output: output.slice(0, 500) },
    });
  return lines.slice(0, count);
}
