#!/usr/bin/perl
# Licence tokens over TCP, as the tools of a laboratory want them: one line asks, the token is held while the connection stands.
#   CHECKOUT matlab   →  TOKEN matlab 1 of 5       or  DENIED matlab: all 5 tokens are out
#   STATUS            →  matlab 1 of 5 … OK
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my %total = (maple => 3, matlab => 5);
my %out;     # product → number of tokens held
my %held;    # connection → products it holds
my %input;   # connection → bytes of an unfinished line

my $server = IO::Socket::INET->new(LocalPort => 27000, Listen => 32, ReuseAddr => 1) or die "cannot listen on port 27000: $!\n";
my $select = IO::Select->new($server);

sub drop {
    my ($client) = @_;
    $out{$_}-- for @{ delete $held{$client} || [] };
    delete $input{$client};
    $select->remove($client);
    close $client;
}

sub answer {
    my ($client, $line) = @_;
    if ($line =~ /^CHECKOUT (\w{1,32})$/) {
        my $product = $1;
        return "UNKNOWN $product\n" unless $total{$product};
        return "DENIED $product: all $total{$product} tokens are out\n" if ($out{$product} || 0) >= $total{$product};
        push @{ $held{$client} }, $product;
        return 'TOKEN ' . $product . ' ' . ++$out{$product} . " of $total{$product}\n";
    }
    return join('', map { "$_ " . ($out{$_} || 0) . " of $total{$_}\n" } sort keys %total) . "OK\n" if $line eq 'STATUS';
    return "ERROR expected CHECKOUT product or STATUS\n";
}

$SIG{PIPE} = 'IGNORE';
while (1) {
    for my $handle ($select->can_read) {
        if ($handle == $server) {
            my $client = $server->accept or next;
            $select->add($client);
            next;
        }
        my $got = sysread $handle, my $bytes, 1024;
        if (!$got) { drop($handle); next; }
        $input{$handle} .= $bytes;
        if (length $input{$handle} > 4096) { drop($handle); next; }
        while (defined $input{$handle} && $input{$handle} =~ s/^([^\n]*?)\r?\n//) {
            syswrite $handle, answer($handle, $1);
        }
    }
}
