// Tells an uplink's wire that addresses are here now (gratuitous ARP, unsolicited neighbour advertisements): who had spoken with them
// elsewhere, or learnt that nobody had them, finds them at once. A small Perl program, because the kernel tells only of its own addresses.
import type { GuestsNamespace } from './guests-namespace.ts';

/** Arguments: interface and address in turn. Numbers: AF_PACKET 17; requests for an interface's index 0x8933 and MAC 0x8927. */
const program = `
use strict; use Socket qw(inet_pton AF_INET AF_INET6);
sub sum { my ($t, $b) = (0, shift); $b .= "\\0" if length($b) % 2; $t += $_ for unpack 'n*', $b; $t = ($t & 0xffff) + ($t >> 16) while $t >> 16; return ~$t & 0xffff; }
while (my ($dev, $address) = splice @ARGV, 0, 2) {
  my $six = $address =~ /:/; my $type = $six ? 0x86dd : 0x0806;
  socket(my $s, 17, 3, unpack('S', pack('n', $type))) or die "packet: $!\\n";
  my $ask = pack 'Z16x24', $dev; ioctl($s, 0x8933, $ask) or next; my $index = unpack 'x16i', $ask;
  $ask = pack 'Z16x24', $dev; ioctl($s, 0x8927, $ask) or next; my $mac = unpack 'x18a6', $ask;
  my $ip = inet_pton($six ? AF_INET6 : AF_INET, $address) or next;
  my ($to, $body) = ("\\xff" x 6);
  if ($six) {
    my $all = inet_pton(AF_INET6, 'ff02::1'); $to = "\\x33\\x33\\0\\0\\0\\1";
    my $said = pack('CCnN', 136, 0, 0, 0x20000000) . $ip . "\\2\\1" . $mac;
    substr($said, 2, 2) = pack 'n', sum($ip . $all . pack('NN', length $said, 58) . $said);
    $body = pack('NnCC', 0x60000000, length $said, 58, 255) . $ip . $all . $said;
  } else { $body = pack('nnCCn', 1, 0x0800, 6, 4, 1) . $mac . $ip . "\\0" x 6 . $ip; }
  send $s, $to . $mac . pack('n', $type) . $body, 0, pack('SnlSCCa8', 17, $type, $index, 0, 0, 6, $to);
}`;

/** Once for each; what cannot be said is not: nobody depends on it. */
export async function announce(namespace: GuestsNamespace, claims: readonly { interface: string; address: string }[]): Promise<void> {
  if (claims.length === 0) return;
  const words = claims.flatMap(({ interface: name, address }) => [name, address]);
  await namespace.runBeside(['perl', '-e', program, ...words], { okCodes: [0, 1, 2, 255], timeoutMs: 5000 });
}
