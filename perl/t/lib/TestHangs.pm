package TestHangs;

# Storage that hangs in the kernel, where no signal reaches the caller: a file system whose requests
# are held when a test says so.

use v5.36;

# Loaded here, so that it cleans up after us.
use File::Temp ();
use Test::More;
use Time::HiRes qw(time);

use PVE::Native::Image;

my @mounted;

# Mounts $dir/root, where files are put first, at $dir/mount. Skips all tests where it cannot.
sub mount {
    my ($class, $dir) = @_;
    my $self = bless {
        root => "$dir/root", mount => "$dir/mount", control => "$dir/control", owner => $$,
    }, $class;
    mkdir($self->{$_}) for qw(root mount);
    my @command = ('python3', 'tests/support/hangfs.py', @$self{qw(root mount control)}, 300);
    $self->{server} = open($self->{pipe}, '-|', @command) or die "cannot run python3: $!\n";
    if ((readline($self->{pipe}) // '') !~ m/^ready/) {
        close($self->{pipe});
        plan(skip_all => 'skipped: no file system can be mounted here') if $? >> 8 == 77;
        die "hangfs.py failed\n";
    }
    push @mounted, $self;
    return $self;
}

sub root {
    my ($self) = @_;
    return $self->{root};
}

sub far {
    my ($self) = @_;
    return $self->{mount};
}

sub hold {
    my ($self, $request) = @_;
    open(my $fh, '>', $self->{control}) or die "cannot write $self->{control}: $!\n";
    print {$fh} "$request\n";
    close($fh) or die "cannot write $self->{control}: $!\n";
}

# What is left to the kernel ends when the request does; then the next one, asked of $file, counts
# from nothing.
sub let_go {
    my ($self, $file) = @_;
    unlink($self->{control}) or die "cannot remove $self->{control}: $!\n";
    for (1 .. 100) {
        return if eval { PVE::Native::Image::info($file, { timeout => 5 }) };
        select(undef, undef, undef, 0.1);
    }
    die "the file system does not answer any more\n";
}

# Runs code that has 0.2 seconds of storage time, and checks that it neither hung nor gave up at once.
sub in_time {
    my ($self, $code) = @_;
    my $start = time();
    my @result = $code->();
    my $taken = time() - $start;
    cmp_ok($taken, '>', 0.15, 'it waited');
    cmp_ok($taken, '<', 10, 'and came back');
    return wantarray ? @result : $result[0];
}

# Whatever happens: nothing may stay held, and nothing mounted when the directory is removed.
END {
    my $status = $?;
    for my $self (grep { $_->{owner} == $$ } @mounted) {
        unlink($self->{control});
        kill('TERM', $self->{server});
        close($self->{pipe});
    }
    $? = $status;
}

1;
