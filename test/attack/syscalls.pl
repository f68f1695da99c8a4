# Makes system calls from within another process, as a program that has taken it over would: under its user, in its namespaces, behind its
# filter. Root runs it on x86-64. First argument: the process. One call a line on standard input, one line of answer on standard output:
#   NUMBER ARGUMENT...   a number; `x` and bytes in hexadecimal, whose address is given -> the result, or `killed` and how
# Arguments lie one behind the other, each begins at a multiple of 64.
use strict; use warnings;
$| = 1;
my $pid = shift @ARGV;
my %request = (attach => 16, get => 12, set => 13, step => 9, detach => 17);
my @names = qw(r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs);
my @carriers = qw(rdi rsi rdx r10 r8 r9);

sub trace { my ($what, $data) = @_; return syscall(101, $request{$what}, $pid + 0, 0, $data // 0) >= 0 || die "ptrace $what: $!\n"; }
sub registers { my $bytes = "\0" x (8 * @names); syscall(101, $request{get}, $pid + 0, 0, $bytes) >= 0 or die "registers: $!\n"; my %r; @r{@names} = unpack 'Q*', $bytes; return %r; }
sub set_registers { my %r = @_; my $bytes = pack 'Q*', @r{@names}; syscall(101, $request{set}, $pid + 0, 0, $bytes) >= 0 or die "registers: $!\n"; }
sub is_dead { open my $file, '<', "/proc/$pid/task/$pid/stat" or return 1; return <$file> =~ /^\d+ \(.*\) [ZX]/; }
# Waits until it stops; how it ended when it did. A filter may end the one thread only: then nobody is told while the others live.
sub await_stop {
  while (1) {
    my $got = waitpid $pid, 0x40000001;
    if ($got == 0) { return 'by its filter' if is_dead(); select undef, undef, undef, 0.0005; next; }
    my $how = ${^CHILD_ERROR_NATIVE};
    return ($how & 0x7f) == 0x7f ? undef : 'by signal ' . ($how & 0x7f);
  }
}

trace('attach');
await_stop();
my %before = registers();
# The process waits in a system call: that instruction lies right before.
my $call = $before{rip} - 2;
open my $memory, '+<', "/proc/$pid/mem" or die "memory: $!\n";
sysseek $memory, $call, 0;
sysread $memory, my $instruction, 2;
die "the process was not in a system call\n" unless $instruction eq "\x0f\x05";
my $room = ($before{rsp} - 32768) & ~63;

sub put { my ($at, $bytes) = @_; sysseek $memory, $at, 0; (syswrite($memory, $bytes) // -1) == length $bytes or die "memory: $!\n"; }
sub call {
  my ($number, @arguments) = @_;
  my $next = $room; my %r = (%before, rip => $call, rax => $number, orig_rax => ~0);
  for my $index (0 .. $#arguments) {
    my $value = $arguments[$index];
    if ($value =~ s/^x//) { my $bytes = pack 'H*', $value; put($next, $bytes) if length $bytes; $value = $next; $next += (length($bytes) + 63) & ~63; }
    $r{$carriers[$index]} = $value < 0 ? unpack('Q', pack 'q', $value) : $value + 0;
  }
  set_registers(%r);
  trace('step');
  my $ended = await_stop();
  return "killed $ended" if defined $ended;
  my %after = registers();
  return unpack 'q', pack 'Q', $after{rax};
}

print "ready\n";
while (my $line = <STDIN>) {
  my ($what, @words) = split ' ', $line;
  my $said = eval { call($what, @words) };
  print $said // 'error ' . ($@ =~ s/\n/ /gr), "\n";
}
eval { set_registers(%before); trace('detach'); };
