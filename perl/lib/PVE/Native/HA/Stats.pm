package PVE::Native::HA::Stats;

use v5.36;

use File::Basename qw(dirname);
use File::Spec;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use PVE::Native::Arguments qw(number refuse text);
use PVE::Native::Command;
use PVE::Native::Error;

# Where pmxcfs has the files, in the order in which they are looked for: the layouts of Proxmox VE 9 and of
# those before. An upgrade leaves the old ones behind, under another name if their content was taken over.
my %layouts = (
    guest => ['pve-vm-9.0/%s', 'pve2-vm/%s', 'pve2-vm/%s.old'],
    node => ['pve-node-9.0/%s', 'pve2-node/%s', 'pve2-node/%s.old'],
);

# What the sources are called: how much there is and what of it is used, the share of the cores as a fraction.
# 'memhost' is what a virtual machine takes of its host; files of Proxmox VE 9 have it.
my %sources = (
    guest =>
        { maxcpu => 'maxcpu', cpu => 'cpu', maxmem => 'maxmem', mem => 'mem', host => 'memhost' },
    node => { maxcpu => 'maxcpu', cpu => 'cpu', maxmem => 'memtotal', mem => 'memused' },
);

# Names become paths.
my %names = (
    guest => qr/^([1-9][0-9]{0,8})\z/,
    node => qr/^([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)\z/,
);

my %defaults = (
    dir => '/var/lib/rrdcached/db',
    socket => '/var/run/rrdcached.sock',
    timeout => 10,
    window => 20 * 60,
    resolution => 60,
    consolidation => 'AVERAGE',
    now => undef,
    strict => 0,
);

# Files that one program is asked for, and what it may say of each: a month of minutes has 43,200 rows.
my $MOST_FILES = 500;
my $MOST_BYTES_OF_ONE = 8 << 20;
my $MOST_ROWS = 50_000;

# Numbers that are beyond these are damage.
my $MOST_BYTES = 2**53;
my $MOST_CORES = 2**20;

# What a path of the installation is, without a taint.
my sub trusted ($path) {
    my ($clean) = $path =~ m/^(.*)\z/s;
    return $clean;
}

my $READER = trusted(File::Spec->rel2abs(dirname(__FILE__) . '/Stats/Reader.pm'));
my $PERL = trusted($^X =~ m!^/! ? $^X : '/usr/bin/perl');

my sub merged ($known, %given) {
    my %all = $known->%*;
    for my $key (sort keys(%given)) {
        refuse("HA::Stats: unknown option '$key'") if !exists($defaults{$key});
        $all{$key} = text($key, $given{$key}) // $defaults{$key};
    }
    for my $key (qw(timeout window resolution)) {
        refuse("$key is not above 0") if !(number($key, $all{$key}) > 0);
    }
    refuse("consolidation is neither AVERAGE nor MAX")
        if $all{consolidation} !~ m/^(?:AVERAGE|MAX)\z/;
    refuse("a window of $all{window} seconds has too many rows of $all{resolution}")
        if $all{window} / $all{resolution} > $MOST_ROWS;
    return \%all;
}

sub new ($class, %options) {
    return bless { options => merged(\%defaults, %options) }, $class;
}

sub guest ($self, $id, %options) { return $self->guests([$id], %options)->{ $id // '' } }
sub node ($self, $name, %options) { return $self->nodes([$name], %options)->{ $name // '' } }
sub guests ($self, $ids, %options) { return $self->_read('guest', $ids, %options) }
sub nodes ($self, $names, %options) { return $self->_read('node', $names, %options) }

my sub none ($kind, $name, $code, $reason) {
    return {
        kind => $kind,
        name => $name,
        data => 0,
        code => $code,
        reason => $reason,
        samples => { cpu => [], mem => [] },
        states => [],
        counts => { map { $_ => 0 } qw(total running idle down unknown) },
        max => { cpu => undef, mem => undef },
        latest => undef,
    };
}

# Of one row: a guest that is down has a configuration, and that is all there is to say of it.
my sub state_of ($row) {
    return $row->{cpu} == 0 ? 'idle' : 'running' if defined($row->{cpu});
    return 'running' if defined($row->{mem});
    return 'down' if defined($row->{maxcpu}) || defined($row->{maxmem});
    return 'unknown';
}

my sub cores ($row) {
    return undef if !defined($row->{cpu}) || !defined($row->{maxcpu});
    my $cores = $row->{cpu} * $row->{maxcpu};
    return $cores > $MOST_CORES ? undef : $cores;
}

my %columns =
    (cpu => \&cores, mem => sub ($row) { $row->{mem} }, host => sub ($row) { $row->{host} });

# What is no number in the file is not known either, nor is what is below 0 or more than any machine has.
my sub value ($text) {
    return undef if $text !~ m/^[0-9]/ || $text > $MOST_BYTES;
    return 0 + $text;
}

my sub rows_of ($kind, $found, $lines) {
    my %key_of = reverse $sources{$kind}->%*;
    my @keys = map { $key_of{$_} } split(m/,/, $found);
    my @rows;
    for my $line (split(m/;/, $lines)) {
        my %row;
        @row{@keys} = map { value($_) } split(m/,/, $line);
        push @rows, \%row;
    }
    return @rows;
}

# Takes one more row into the answer.
my sub add ($answer, $row, $time) {
    my $state = state_of($row);
    push $answer->{states}->@*, $state;
    $answer->{counts}->{$_}++ for 'total', $state, $state eq 'idle' ? 'running' : ();
    my $samples = $answer->{samples};
    push $samples->{$_}->@*, $columns{$_}->($row) for keys($samples->%*);
    return if $state eq 'unknown';
    for my $resource (qw(cpu mem)) {
        $answer->{max}->{$resource} = $row->{"max$resource"} // $answer->{max}->{$resource};
    }
    my %values = map { $_ => $samples->{$_}->[-1] } keys($samples->%*);
    $answer->{latest} = { time => $time, state => $state, %values };
    return;
}

# What one line of the reader says.
my sub answer ($kind, $name, $end, $line) {
    my ($what, @fields) = split(m/\t/, $line);
    return none($kind, $name, 'missing', 'there is no RRD file') if $what eq 'missing';
    return none($kind, $name, 'unreadable', $fields[0]) if $what ne 'ok' || @fields < 5;
    my ($file, $alone, $start, $step, $found, $lines) = @fields;
    my $answer = none($kind, $name, undef, undef);
    $answer->@{qw(path stale resolution start)} = ($file, 0 + $alone, 0 + $step, 0 + $start);
    $answer->{samples}->{host} = [] if $found =~ m/\bmemhost\b/;
    my $time = $start;

    for my $row (rows_of($kind, $found, $lines // '')) {
        # The last one may still be in the making.
        add($answer, $row, $time) if $time <= $end;
        $time += $step;
    }
    $answer->{data} = 1 if $answer->{counts}->{running};
    $answer->@{qw(code reason)} = ('unknown', 'nothing is known of that time') if !$answer->{data};
    $answer->@{qw(code reason)} = ('down', 'it did not run in that time')
        if !$answer->{data} && $answer->{counts}->{down};
    return $answer;
}

# Asks the reader for some of them: a line for each. If it dies of one file, the others are not to blame.
sub _ask ($paths, $options, $remaining) {
    my @argv = map { trusted($_) } (
        $PERL, $READER,
        $options->@{qw(begin end resolution consolidation)},
        $options->{daemon} ? $options->{socket} : '',
        $options->{sources}, $paths->@*,
    );
    my $share = $remaining->() / ($options->{daemon} ? 2 : 1);
    my $limit = $MOST_BYTES_OF_ONE * (1 + $paths->@* / 10);
    my $said = eval { PVE::Native::Command::output('reading RRD files', \@argv, $share, $limit) };
    return split(m/\n/, $said, -1) if defined($said);

    my $error = $@;
    my $name = ref($error) ? $error->name : '';
    if ($name eq 'timeout' && $options->{daemon}) {
        $options->@{qw(daemon silent)} = (0, 1);
        return _ask($paths, $options, $remaining);
    }
    if ("$error" =~ m/was killed by signal/ && $paths->@* > 1) {
        my $half = int($paths->@* / 2);
        my @parts = ([$paths->@[0 .. $half - 1]], [$paths->@[$half .. $paths->$#*]]);
        return map { (_ask($_, $options, $remaining))[0 .. $_->$#*] } @parts;
    }
    my $why = "$error" =~ s/[\t\n]+/ /gr =~ s/\s+\z//r;
    return map { "error\t$why" } $paths->@*;
}

my sub path_options ($kind, $dir, $name) {
    return join("\n", map { "$dir/" . sprintf($_, $name) } $layouts{$kind}->@*);
}

# What a caller wants to have died of: that nothing could be read, not that there was nothing to read.
my sub insist ($kind, $answers) {
    for my $name (sort(keys($answers->%*))) {
        next if ($answers->{$name}->{code} // '') !~ m/^(?:missing|unreadable|name)\z/;
        die PVE::Native::Error->new(
            code => 2,
            name => 'io',
            errno => 5,
            message => "$kind $name: $answers->{$name}->{reason}",
        );
    }
    return;
}

sub _read ($self, $kind, $wanted, %given) {
    refuse("${kind}s are no array") if ref($wanted) ne 'ARRAY';
    my $options = merged($self->{options}, %given);
    my $now = int(number('now', $options->{now}) // time());
    my $resolution = $options->{resolution};
    $options->{end} = $now - $now % $resolution;
    $options->{begin} = $options->{end} - int($options->{window} / $resolution) * $resolution;
    $options->{sources} = join(',', sort(values($sources{$kind}->%*)));
    $options->{daemon} = length($options->{socket}) && -S $options->{socket};
    my $last = clock_gettime(CLOCK_MONOTONIC) + $options->{timeout};
    my $remaining = sub { return $last - clock_gettime(CLOCK_MONOTONIC) };

    my (%answers, @clean);
    for my $name (map { text($kind, $_) // '' } $wanted->@*) {
        my ($clean) = $name =~ $names{$kind};
        push @clean, $clean if defined($clean);
        $answers{$name} = none($kind, $name, 'name', "that is no name of a $kind")
            if !defined($clean);
    }
    while (my @some = splice(@clean, 0, $MOST_FILES)) {
        my @paths = map { path_options($kind, $options->{dir}, $_) } @some;
        my @lines = $remaining->() > 0 ? _ask(\@paths, $options, $remaining) : ();
        for my $index (0 .. $#some) {
            my $line = $lines[$index] // "error\treading RRD files took too long";
            my $answer = answer($kind, $some[$index], $options->{end}, $line);
            $answer->{stale} = 1 if $answer->{path} && $options->{silent};
            $answers{ $some[$index] } = $answer;
        }
    }
    insist($kind, \%answers) if $options->{strict};
    return \%answers;
}

1;

__END__

=head1 NAME

PVE::Native::HA::Stats - what guests and nodes have used, from the RRD files of Proxmox VE

=head1 SYNOPSIS

    use PVE::Native::HA::Stats;
    use PVE::Native::Placement;

    my $stats = PVE::Native::HA::Stats->new(window => 3600);
    my $guests = $stats->guests([100, 101]);
    for my $id (sort keys $guests->%*) {
        my $guest = $guests->{$id};
        if (!$guest->{data}) {
            warn "guest $id: $guest->{reason}\n";    # charge what is configured
            next;
        }
        my $cores = PVE::Native::Placement::percentile(95, $guest->{samples}->{cpu});
        my $bytes = PVE::Native::Placement::percentile(95, $guest->{samples}->{mem});
    }

=head1 DESCRIPTION

Reads what pvestatd has recorded of virtual machines, containers and nodes, in the layouts of Proxmox VE 9
(F<pve-vm-9.0/VMID>, F<pve-node-9.0/NODE>) and of those before (F<pve2-vm/VMID>, F<pve2-node/NODE>). The
newer one comes first; the older one serves where the newer one is missing or knows nothing of that time.

Units are the same everywhere: B<cores> and B<bytes>. What has been recorded as a share of the cores is
multiplied by the cores of its own time, once.

The files are read by a program of its own, many at a time: librrd, which waits for rrdcached and for the disk
as long as it takes, is not loaded into the caller's process. rrdcached is asked if its socket is there. If it
does not answer, or cannot be asked, the files are read alone, and C<stale> says that the last minutes may be
missing. A call ends when its time is over.

A file that is missing or damaged is no reason to die: such a guest has no data, and a reason. Options that
make no sense are. All functions are there since version 0.1.

=head1 METHODS

=over

=item new(%options)

=over

=item dir

Where the files are; F</var/lib/rrdcached/db>.

=item socket

rrdcached's; F</var/run/rrdcached.sock>. The empty string: do not ask it.

=item timeout

Seconds for a call, with fractions; 10. Half of them are for rrdcached.

=item window, resolution

Of how many seconds, and how many are in a sample: 1200 and 60. The resolution that there is in the file and
comes next is taken.

=item consolidation

What many seconds become: C<AVERAGE>, the default, or C<MAX>.

=item now

The end of the window, in seconds since the epoch.

=item strict

Die with a L<PVE::Native::Error> if a file cannot be read.

=back

=item guest($id, %options), node($name, %options)

What is known of a guest, by its number, or of a node; with other options than the object's, if wanted. A hash:

=over

=item kind, name

What was asked for: C<guest> or C<node>, and which.

=item data

1 if it ran at some time in the window, 0 if not, or if nothing is known: B<no data is not no load>.

=item code, reason

Why there is no data: C<missing> (no file), C<unreadable>, C<unknown> (nobody recorded anything), C<down> (it
did not run), C<name> (that cannot be one); and the same in words.

=item samples

C<< { cpu, mem, host } >>: arrays, oldest first, of cores and bytes; what is not known is undef, and so is what a
guest uses while it is down. C<mem> is what the guest says it uses, C<host> what a virtual machine takes of its
node, which there is in files of Proxmox VE 9 alone. 0 cores is a sample: the guest was idle.

=item states

Of each sample: C<running>, C<idle> (running, without any use of a core), C<down> (configured, and not running),
C<unknown>.

=item counts

How many there are: C<total>, C<running>, C<idle> (these are among the running), C<down>, C<unknown>.

=item max

C<< { cpu, mem } >>: what was configured when something was recorded last, of a node what it has. It is no
percentile. undef if nothing is known.

=item latest

The newest sample that is known: C<< { time, state, cpu, mem, host } >>; undef if there is none.

=item resolution, start

Seconds in a sample, and the time of the first.

=item path, stale

The file, and whether rrdcached could not add what it has not written yet.

=back

=item guests(\@ids, %options), nodes(\@names, %options)

The same of many: a hash by number or name. One that is damaged delays no other.

=back

=head1 SEE ALSO

L<PVE::Native::Placement>, L<PVE::Native::Placement::Collect>

=cut
