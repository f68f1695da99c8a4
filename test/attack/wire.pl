# Sends frames and hears them, as root, in whatever network it is started in: a namespace or a guest. Only what every Debian has (perl-base).
# One command a line on standard input, one line of answer on standard output:
#   send INTERFACE TIMES FILE  every frame of the file (one a line, in hexadecimal), TIMES times over -> frames sent, frames that failed
#   offload INTERFACE TIMES FILE  the same; each frame begins with the ten bytes of a virtio header: what is left to do for whoever gets it
#   flood INTERFACE FILE       the same without end
#   still                      ends the flood -> frames sent
#   hear INTERFACE...          begins to hear frames on interfaces; `local` is what the machine itself is given by its filter
#   heard                      -> INTERFACE:MARK:TIMES ... of what was heard since the last time
# Heard are frames that others sent, which hold a mark: the byte 0xca, a colon and six hexadecimal digits.
use strict; use warnings; use Errno qw(EAGAIN ENOBUFS EINTR);
$| = 1;
my (%ears, %marks, %out, @flood, $floods, $flooding, $sent);

sub index_of { my ($s, $name) = @_; my $request = pack 'a16 x24', $name; ioctl($s, 0x8933, $request) or die "$name: $!\n"; return unpack 'x16 i', $request; }
sub packet_socket {
  my ($name, $type) = @_;
  socket(my $s, 17, 3, 0) or die "packet socket: $!\n";
  my $index = index_of($s, $name);
  setsockopt($s, 1, 33, pack 'i', 64 << 20); # SO_RCVBUFFORCE
  bind($s, pack 'S n i S C C a8', 17, $type, $index, 0, 0, 0, '') or die "bind to $name: $!\n";
  return $s;
}
sub frames { my ($path) = @_; open my $file, '<', $path or die "$path: $!\n"; chomp(my @lines = <$file>); return map { pack 'H*', $_ } @lines; }
sub put { my ($s, $frame) = @_; while (!defined send $s, $frame, 0) { next if $!{EINTR}; return 0 unless $!{EAGAIN} || $!{ENOBUFS}; select undef, undef, undef, 0.001; } return 1; }

sub note { my ($name, $bytes) = @_; my %seen; $marks{"$name:$_"} += 1 for grep { !$seen{$_}++ } $bytes =~ /\xca:([0-9a-f]{6})/g; }
sub drain {
  for my $key (keys %ears) {
    my ($s, $name, $is_raw) = @{$ears{$key}};
    while (defined(my $from = recv $s, my $bytes, 65536, 0x40)) { next if !$is_raw && unpack('x10 C', $from) == 4; note($name, $bytes); }
  }
}
sub hear {
  my ($name) = @_;
  if ($name ne 'local') { my $s = packet_socket($name, 3); $ears{fileno $s} = [$s, $name, 0]; return; }
  for my $protocol (0 .. 254) { for my $family (2, 10) {
    socket(my $s, $family, 3, $protocol || 253) or next; setsockopt($s, 1, 33, pack 'i', 8 << 20); $ears{fileno $s} = [$s, $name, 1];
  } }
}
sub command {
  my ($line) = @_; my ($verb, @words) = split ' ', $line;
  if ($verb eq 'send' || $verb eq 'offload') { my ($name, $times, $path) = @words; my $s = packet_socket($name, 0);
    if ($verb eq 'offload') { setsockopt($s, 263, 15, pack 'i', 1) or die "PACKET_VNET_HDR: $!\n"; }
    my @all = frames($path); my ($good, $bad) = (0, 0);
    for (1 .. $times) { put($s, $_) ? $good++ : $bad++ for @all; } return "$good $bad"; }
  if ($verb eq 'flood') { $flooding = packet_socket($words[0], 0); @flood = frames($words[1]); $sent = 0; return 'floods'; }
  if ($verb eq 'still') { $flooding = undef; return $sent; }
  if ($verb eq 'hear') { hear($_) for @words; return 'hears'; }
  if ($verb eq 'heard') { drain(); my $all = join ' ', map { "$_:$marks{$_}" } sort keys %marks; %marks = (); return $all; }
  die "unknown command $verb\n";
}

my $rest = '';
while (1) {
  my $wanted = ''; vec($wanted, $_, 1) = 1 for 0, keys %ears;
  select my $ready = $wanted, undef, undef, $flooding ? 0 : undef;
  if ($flooding) { for (1 .. 20) { for my $frame (@flood) { $sent += put($flooding, $frame); } } }
  drain() if grep { vec $ready, $_, 1 } keys %ears;
  next unless vec $ready, 0, 1;
  sysread(STDIN, $rest, 65536, length $rest) or exit 0;
  while ($rest =~ s/^(.*)\n//) { my $answer = eval { command($1) }; print defined $answer ? "ok $answer\n" : 'error ' . ($@ =~ s/\n/ /gr) . "\n"; }
}
