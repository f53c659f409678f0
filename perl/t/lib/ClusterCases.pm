package ClusterCases;

# Random inputs for the cluster status: the Perl structures that aggregate() takes. A case is made
# from its number alone, by a generator of our own, so that it is the same on every Perl. Make it
# anew for each function that is to see it, for a function may change what it is given, be it only
# by looking at a number as a string.

use v5.36;

use JSON::XS ();

use Exporter qw(import);
our @EXPORT_OK = qw(aggregate_case);

# --- Chance ---------------------------------------------------------------------------------------

# A 32-bit xorshift; numbers that follow each other start far apart.
sub new ($class, $number) {
    my $state = ($number * 2654435761 + 0x9e3779b9) & 0xffffffff;
    my $self = bless({ state => $state || 1 }, $class);
    $self->below(2) for 1 .. 4;
    return $self;
}

sub below ($self, $limit) {
    my $x = $self->{state};
    $x ^= ($x << 13) & 0xffffffff;
    $x ^= $x >> 17;
    $x ^= ($x << 5) & 0xffffffff;
    $self->{state} = $x;
    return ($x >> 3) % $limit;
}

sub chance ($self, $percent) { return $self->below(100) < $percent }

sub pick ($self, @list) { return $list[$self->below(scalar(@list))] }

# Each of the list with this chance.
sub some ($self, $percent, @list) {
    return grep { $self->chance($percent) } @list;
}

# --- Names ----------------------------------------------------------------------------------------

our @NODES = qw(n1 n2 n3 n10 pve-a pve-b);
our @ODD_NODES = ('', '0', 'N1', "n\x{e9}", "\x{4e2d}", "\x{ff5e}", "\x{1f600}", 'n"1', "n\0");

our @WWIDS = qw(
    36001405a0000000000000000000000a1 36001405a0000000000000000000000a2
    3600508B400105E210000900000490000
    3600508b400105e210000900000490000 eui.0025385b71b0f2a1 wA wB wZ
);
our @ODD_WWIDS = (
    '', '0', '00', '12', '12.0', '1e3', '-0', ' wA', "wA\n", "w\0A", 'w"A', 'w\\A', "w'A",
    'w/A', '$wA',
    "\x{e9}", "\x{e8}w", "\x{4e2d}\x{6587}", "\x{ff5e}", "\x{1f600}", "\x{2028}", "\x{ffff}",
    "\x7f",
    "\x{80}", '__proto__', 'optimal', 'nodes', 'x' x 23, 'x' x 24, 'x' x 25, "\x{e9}" x 70,
    'y' x 300,
);

sub names ($self, $usual, $odd, $most) {
    my @all = ($usual->@*, $self->chance(35) ? $odd->@* : ());
    my %taken;
    $taken{ $self->pick(@all) } = 1 for 1 .. $self->below($most + 1);
    my @names = sort keys %taken;
    # The same name in both of Perl's ways to store it.
    $self->chance(20) && utf8::upgrade($_) for @names;
    return @names;
}

# --- Perl structures ------------------------------------------------------------------------------

# Something of a kind that nobody asked for. Each is a new value.
sub odd ($self) {
    my $which = $self->below(34);
    return [
        undef, undef, 0, 1, -1, 2.5, -0.5, 1e20, 0.1 + 0.2, '', '0', '2', 'x', '00', '0.0',
        ' ', '1e3',
        18446744073709551615, 9223372036854775807, '18446744073709551616', JSON::XS::true(),
        JSON::XS::false(),
        [], [1, '2'], {}, { a => 1.5 }, "\x{e9}", "\x{4e2d}", "a\0b", 'fc', 9**9**9, 3, '3',
        [[{}]],
    ]->[$which];
}

our @STATES = (('optimal') x 5, ('degraded') x 3, 'failed', 'failed', 'missing', 'unknown');
our @ODD_STATES =
    ('Optimal', 'FAILED', '', '0', ' optimal', "optimal\n", "failed\0", 'frobnicated', 'stale');

sub state_of ($self) {
    my $chance = $self->below(20);
    return $self->odd() if $chance == 0;
    return $self->pick(@ODD_STATES) if $chance == 1;
    return $self->pick(@STATES);
}

sub count ($self) { return $self->chance(88) ? $self->below(9) : $self->odd() }

sub entry ($self) {
    my $entry = {};
    $entry->{state} = $self->state_of() if $self->chance(97);
    $entry->{'paths-active'} = $self->count() if $self->chance(96);
    $entry->{'paths-total'} = $self->count() if $self->chance(96);
    $entry->{transport} = $self->chance(85) ? $self->pick(qw(iscsi fc sas)) : $self->odd()
        if $self->chance(70);
    $entry->{size} = $self->chance(80) ? (1 + $self->below(3)) << 40 : $self->odd()
        if $self->chance(60);
    $entry->{ $self->pick('paths', 'State', '') } = $self->odd() if $self->chance(5);
    return $entry;
}

sub falsy ($self) { return [undef, 0, '', '0', JSON::XS::false(), 0.0, -0.0]->[$self->below(7)] }

# True, and not a hash.
sub true_scalar ($self) {
    return [1, 'x', '0.0', '00', -1, [], [{}], JSON::XS::true(), 'main', \'x']->[$self->below(10)];
}

sub truth ($self) {
    my $chance = $self->below(20);
    return 1 if $chance < 12;
    return 0 if $chance < 15;
    return [
        undef, '', '0', '00', 0.0, '0.0', '0E0', 'no', [], {}, JSON::XS::true(),
        JSON::XS::false(), -1, 2.5
    ]->[$self->below(14)];
}

sub labels ($self, @wwids) {
    return { map { $_ => $self->chance(80) ? 'name' . $self->below(5) : $self->odd() }
            $self->some(50, @wwids) };
}

sub allowed ($self, @wwids) {
    my @allow = $self->some(65, @wwids);
    push @allow, $self->pick(@allow) if @allow && $self->chance(20);
    push @allow, [undef, 12, 1.0, 1e20, 0.1 + 0.2, -0.0, 'unseen']->[$self->below(7)]
        if $self->chance(12);
    return \@allow;
}

# Something wrong, of the kind that the function may die of.
sub spoil ($self, $args, $nodes, $wwids) {
    my $what = $self->below(4);
    my $kv = $args->[3];
    if ($what == 0 && $kv && %$kv) {
        my $node = $self->pick(sort keys %$kv);
        $kv->{$node} =
            ['', 0, 5, 'x', [], [{}], JSON::XS::true(), JSON::XS::false()]->[$self->below(8)];
    } elsif ($what == 1 && $args->[5] && @$wwids) {
        $args->[5]->{ $self->pick(@$wwids) } = $self->true_scalar();
    } elsif ($what == 2) {
        my $which = $self->below(6);
        $args->[$which] =
            ['', 0, 5, 'x', $which ? [] : {}, JSON::XS::true(), JSON::XS::false()]
            ->[$self->below(7)];
    } elsif ($kv && @$wwids) {
        for my $node (sort keys %$kv) {
            $kv->{$node}->{ $self->pick(@$wwids) } = $self->true_scalar()
                if ref($kv->{$node}) eq 'HASH' && $self->chance(50);
        }
    }
}

# The arguments of aggregate().
sub aggregate_case ($number) {
    my $self = __PACKAGE__->new($number);
    my @nodes = $self->names(\@NODES, \@ODD_NODES, 7);
    my @wwids = $self->names(\@WWIDS, \@ODD_WWIDS, 7);

    my (%kv, %online, %expected);
    my $well = $self->chance(30);    # all report all
    for my $node ($self->some($well ? 100 : 75, @nodes)) {
        $kv{$node} = { map { $_ => $self->chance(92) ? $self->entry() : $self->falsy() }
                $self->some($well ? 95 : 60, @wwids) };
        $kv{$node} = undef if $self->chance(3);
    }
    $online{$_} = $self->truth() for $self->some(92, @nodes), $self->some(10, @NODES);
    for my $wwid ($self->some(70, @wwids)) {
        my @expected = ($self->some(60, @nodes), $self->some(8, @NODES, 'silent'));
        $expected{$wwid} = { map { $_ => $self->chance(90) ? 1 : $self->falsy() } @expected };
        $expected{$wwid} = $self->falsy() if $self->chance(8);
    }

    my @args = (
        $self->allowed(@wwids), $self->labels(@wwids), $self->labels(@wwids), \%kv, \%online,
        \%expected,
    );
    $self->chance(5) and $_ = undef for @args;
    $self->spoil(\@args, \@nodes, \@wwids) if $self->chance(12);
    splice(@args, $self->below(6)) if $self->chance(4);
    return \@args;
}

1;
