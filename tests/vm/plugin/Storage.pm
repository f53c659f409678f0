package Storage;

# PVE::Storage for the tests in the virtual machine: the stock one, or stand-ins with the same names for
# what the tests call. The storage `san` is on group vg0, `other` on vg1.

use v5.36;

use Exporter qw(import);

our @EXPORT = qw(load fails must ok quietly commands programs run_program);

# Words of the commands that were run.
our @calls;

my $PLUGIN = 'PVE::Storage::Custom::LvmQcow2Plugin';

$ENV{PATH} = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};
$| = 1;

my %options = (
    san => { type => 'lvmqcow2', vgname => 'vg0', content => { images => 1 } },
    other => { type => 'lvmqcow2', vgname => 'vg1', content => { images => 1 } },
    safe =>
        { type => 'lvmqcow2', vgname => 'vg0', content => { images => 1 }, saferemove => 1 },
    # What Proxmox VE has itself, to compare with; the stock modules only.
    lvm => {
        type => 'lvm', vgname => 'vg0', content => { images => 1 },
        'snapshot-as-volume-chain' => 1,
    },
);

sub run_program {
    my ($words, %param) = @_;
    my @words = map { m/^(.*)$/s } ref($words->[0]) ? $words->[0]->@* : $words->@*;
    push @calls, \@words;
    my $pid = open(my $pipe, '-|') // die "cannot fork: $!\n";
    if (!$pid) {
        open(STDERR, '>&', \*STDOUT) if $param{quiet};
        exec { $words[0] } @words or POSIX::_exit(127);
    }
    while (defined(my $line = <$pipe>)) {
        chomp $line;
        $param{outfunc}->($line) if $param{outfunc};
    }
    return 0 if close($pipe);
    my $err = "command '@words' failed: exit code " . ($? >> 8) . "\n";
    die $param{errmsg} ? "$param{errmsg}: $err" : $err;
}

# Returns the configuration, as PVE::Storage's functions take it.
sub load {
    my ($whose) = @_;
    require POSIX;
    if ($whose eq 'stock') {
        @ENV{qw(PVE_STORAGE_SRC PVE_COMMON_SRC)} = ('/test/stock/storage', '/test/stock/common');
        require StockStorage;
        die StockStorage::missing() . "\n" if StockStorage::missing();
        StockStorage::load($PLUGIN);
        my $run = \&PVE::Cmd::run;
        no warnings 'redefine';
        *PVE::Cmd::run = sub {
            my ($words) = @_;
            push @calls, $words;
            goto &$run;
        };
        my $text = '';
        for my $id (sort keys %options) {
            my %rest = $options{$id}->%*;
            $text .= delete($rest{type}) . ": $id\n";
            $text .= "\t$_ " . (ref($rest{$_}) ? join(',', keys $rest{$_}->%*) : $rest{$_}) . "\n"
                for sort keys %rest;
            $text .= "\n";
        }
        StockStorage::configure($text);
        return PVE::Storage::config();
    }
    require MiniStorage;
    return { ids => { map { $_ => { $options{$_}->%* } } keys %options } };
}

sub ok {
    my ($what) = @_;
    say "ok: $what";
    return;
}

sub must {
    my ($fine, $what, $detail) = @_;
    return if $fine;
    say "FAILED: $what" . (defined($detail) ? ": $detail" : '');
    exit 1;
}

# What a call dies with, or undef.
sub fails {
    my ($code) = @_;
    return eval { quietly($code); 1 } ? undef : $@;
}

# Without what it prints.
sub quietly {
    my ($code) = @_;
    open(my $null, '>', '/dev/null') or die "cannot open /dev/null: $!\n";
    my $before = select($null);
    my @result = eval { $code->() };
    my $err = $@;
    select($before);
    die $err if $err;
    return wantarray ? @result : $result[0];
}

# The names of the programs among them.
sub programs {
    return join(' ', map { $_->[0] =~ s!.*/!!r } @calls);
}

# The lines that a program prints.
sub commands {
    my (@words) = @_;
    my @lines;
    run_program(\@words, outfunc => sub { push @lines, $_[0] });
    return @lines;
}

1;
