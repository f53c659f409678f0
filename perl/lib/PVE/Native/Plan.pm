package PVE::Native::Plan;

use v5.36;

use IO::Handle;
use POSIX ();

use PVE::Native::Arguments qw(refuse);
use PVE::Native::Device;
use PVE::Native::ImageName;

# A process of its own, without a shell. What it prints goes where this process prints.
my sub run_program {
    my ($argv) = @_;
    # Taint mode runs programs only where the search path is one that it trusts.
    local $ENV{PATH} = '/usr/sbin:/usr/bin:/sbin:/bin';
    delete local @ENV{qw(IFS CDPATH ENV BASH_ENV)};
    no warnings qw(exec);
    my $status = system { $argv->[0] } $argv->@*;
    return if !$status;
    die "cannot run '$argv->[0]': $!\n" if $status == -1;
    die "'$argv->@*' was killed by signal " . ($status & 127) . "\n" if $status & 127;
    die "'$argv->@*' failed: exit code " . ($status >> 8) . "\n";
}

my sub folder_of {
    my ($path) = @_;
    return $path =~ m!^(.*/)[^/]*$!s ? $1 : './';
}

# Until a folder is synced, what was renamed in it may have its old name after a crash.
my sub sync_folder {
    my ($path) = @_;
    my $folder = folder_of($path);
    open(my $fh, '<', $folder) or die "cannot open '$folder': $!\n";
    $fh->sync() or die "cannot sync '$folder': $!\n";
    return;
}

my %native = (
    rename => sub {
        my ($step) = @_;
        my ($from, $to) = $step->@{qw(from to)};
        # Nobody else makes names while the storage is locked.
        die "cannot rename '$from' to '$to': File exists\n" if -e $to || -l $to;
        CORE::rename($from, $to) or die "cannot rename '$from' to '$to': $!\n";
        return sync_folder($to);
    },
    unlink => sub {
        my ($step) = @_;
        CORE::unlink($step->{path}) or $!{ENOENT} or die "cannot remove '$step->{path}': $!\n";
        return sync_folder($step->{path});
    },
);

my sub act {
    my ($step, $opts) = @_;
    my $kind = $step->{kind};
    return $opts->{command}->($step->{argv}) if $kind eq 'exec';
    return $opts->{qmp}->($step->@{qw(execute arguments job)}) if $kind eq 'qmp';
    my $action = $native{ $step->{action} // '' } or die "unknown kind of step '$kind'\n";
    return $action->($step);
}

my sub describe {
    my ($step) = @_;
    return join(' ', $step->{argv}->@*) if $step->{kind} eq 'exec';
    return $step->{execute} if $step->{kind} eq 'qmp';
    return join(' ', $step->{action}, grep { defined } $step->@{qw(from to path)});
}

# A command of LVM that failed may have left a device suspended, and a program that reads it would hang.
# LVM's own commands resume it.
my sub check_not_suspended {
    my ($action) = @_;
    my @argv = ($action->{argv} // [])->@*;
    return if !@argv || $argv[0] =~ m!/lv[a-z]+$!;
    for my $path (grep { m!^/dev/! } @argv) {
        die "'$path' is left suspended\n" if PVE::Native::Device::is_suspended($path);
    }
    return;
}

# Goes back to the state before the plan; whether that worked. What was to be allocated may not be there;
# if anything else fails, the volume is as after some step, and going on would make a state of it that no
# plan has.
my sub undo {
    my ($step, $opts) = @_;
    my $undo = $step->{'on-failure'}->{undo} // return 0;
    my ($worked, $may_fail) = (1, ($step->{task} // '') eq 'allocate');
    for my $action ($undo->@*) {
        $opts->{log}->('undo: ' . describe($action));
        my $done = eval { check_not_suspended($action); act($action, $opts); 1 };
        if (!$done) {
            $opts->{log}->("undo: $@");
            $worked = 0;
            last if !$may_fail;
        }
        $may_fail = 0;
    }
    return $worked;
}

my sub take_step {
    my ($step, $opts) = @_;
    $opts->{log}->(describe($step));
    return if eval { act($step, $opts); 1 };
    my $err = $@ =~ s/\s+\z//r;
    # Another process may use the volume by now, but no lock is held where a step is slow.
    my $undone;
    my $go_back = sub {
        my $worked = undo($step, $opts);
        # A program can fail after it has done what it was to do.
        $undone = $opts->{unchanged} ? eval { $opts->{unchanged}->() } : $worked;
    };
    $step->{slow} ? $opts->{lock}->($go_back) : $go_back->();
    die "$err; nothing has changed\n" if $undone;
    my $hint = $opts->{diagnose} ? ": '$opts->{diagnose}' says how to go on" : '';
    die "$err; this was step '$step->{id}'$hint\n";
}

sub run {
    my ($plan, $opts) = @_;
    refuse('run: this is no plan') if ref($plan) ne 'HASH' || ref($plan->{steps}) ne 'ARRAY';
    my %opts = (
        command => \&run_program,
        lock => sub { $_[0]->() },
        log => sub { },
        ($opts // {})->%*,
    );
    my @unknown = grep { !m/^(?:command|qmp|lock|log|unchanged|diagnose)$/ } sort keys %opts;
    refuse("run: unknown option '$unknown[0]'") if @unknown;
    die "this plan needs the QEMU of the running guest\n"
        if !$opts{qmp} && grep { $_->{kind} eq 'qmp' } $plan->{steps}->@*;

    my @steps = $plan->{steps}->@*;
    while (@steps) {
        if ($steps[0]->{slow}) {
            take_step(shift @steps, \%opts);
            next;
        }
        my @quick;
        push @quick, shift @steps while @steps && !$steps[0]->{slow};
        $opts{lock}->(sub { take_step($_, \%opts) for @quick });
    }
    return;
}

sub leftovers {
    my ($plan) = @_;
    my %images;
    for my $step ($plan->{steps}->@*) {
        my $post = $step->{post};
        $images{$_} = $post->{$_} for keys $post->%*;
    }
    return grep {
        my $meaning = defined($images{$_}) && PVE::Native::ImageName::parse('lvmqcow2', $_);
        $meaning && $meaning->{standing} eq 'removed'
    } sort keys %images;
}

1;

__END__

=head1 NAME

PVE::Native::Plan - carries out what a snapshot graph has planned

=head1 SYNOPSIS

    use PVE::Native::Plan;
    use PVE::Native::SnapshotGraph;

    my $plan = $graph->plan('create', { snapshot => 'before-update' });
    PVE::Native::Plan::run(
        $plan,
        {
            lock => sub { my ($code) = @_; lock_the_storage($code) },
            log => sub { print "$_[0]\n" },
            diagnose => "pve-native snapshot diagnose $path",
        },
    );

=head1 DESCRIPTION

A plan (L<PVE::Native::SnapshotGraph/plan>) is a list of steps in such an order that nothing is lost if
it ends between any two of them. This runs the steps, one after the other. If one fails, what was done
before is undone, where that is possible; where it is not, a diagnosis of the volume finds what to do
next, from the images alone.

=head1 FUNCTIONS

=over

=item run($plan, \%opts)

Function: runs all steps. It dies with what failed, and says whether everything is as it was before.
Options:

=over

=item command

Code that runs a program, given as a reference to an array, and dies if that fails. Without it programs
are run as they are, with a search path of their own, so that taint mode lets them.

=item qmp

Code that gives a command to the QEMU of the running guest: name, arguments, and the ID of the job that it
starts, if it does, which must have ended when the code returns. Without it such plans are refused.

=item lock

Code that runs its argument, code too, under the lock of the storage. Quick steps that follow each other
are run under one lock, slow ones under none. Without it nothing is locked.

=item log

Code that is told of each step, as text.

=item unchanged

Code that finds out whether everything is as before the plan: it is asked when a step has failed and what
could be undone is undone. A program can fail after it has done what it was to do, and what was not done
cannot be undone. Without it all is as before if all could be undone.

=item diagnose

The command that the message names if the volume is left in between.

=back

=item leftovers($plan)

Function: the names of the logical volumes that the plan does not remove, but only calls removed, so that
its caller can overwrite them first.

=back

=head1 SEE ALSO

L<PVE::Native::SnapshotGraph>

=cut
