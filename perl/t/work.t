use v5.36;

use lib 'perl/t/lib';

# Long work: who asks for it is told how far it is, can stop it, and has its signals handled.

use POSIX ();
use Test::More;
use Time::HiRes qw(time ualarm);

use PVE::Native::Image;
use TestImages qw(directory qemu_img fragmented failure_of);
use TestProcess qw(in_child open_files);

my $dir = directory();
my $path = fragmented("$dir/long.qcow2", 128);
my $over = "$dir/over.qcow2";
fragmented($over, 128);
qemu_img('rebase', '-u', '-f', 'qcow2', '-b', $path, '-F', 'qcow2', $over);
# More than a part of the table of a bitmap.
qemu_img('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=512', "$dir/dirty.qcow2", '64G');
qemu_img('bitmap', '--add', '-g', '512', "$dir/dirty.qcow2", 'dirty');

my %functions = (
    bitmap_extents =>
        sub { PVE::Native::Image::bitmap_extents("$dir/dirty.qcow2", 'dirty', @_) },
    changed_extents => sub { PVE::Native::Image::changed_extents($over, $path, @_) },
    check => sub { PVE::Native::Image::check($path, @_) },
    extents => sub {
        my $extents = PVE::Native::Image::extents($over, @_);
        my $all = '';
        while (length(my $records = $extents->packed(65536))) {
            $all .= $records;
        }
        return $all;
    },
    measure => sub { PVE::Native::Image::measure($over, { format => 'qcow2', $_[0]->%* }) },
    merge_costs => sub { PVE::Native::Image::merge_costs($over, @_) },
);

package Callable {
    use overload '&{}' => sub {
        my ($self) = @_;
        return sub { $self->{calls}++; 1 }
    }, 'bool' => sub { 1 };
}

package main;

for my $name (sort keys %functions) {
    my $function = $functions{$name};
    subtest $name => sub {
        my $answer = $function->({});
        my $files = open_files();
        my @seen;
        my $watch = sub { push @seen, [@_]; return 1; };
        is_deeply(
            $function->({ progress => $watch, timeout => 60 }), $answer,
            'the same answer'
        );
        cmp_ok(scalar(@seen), '>', 0, scalar(@seen) . ' calls');
        is(scalar(grep { @$_ != 2 || $_->[0] > $_->[1] } @seen), 0, 'each with two numbers');
        is(scalar(grep { $seen[$_ - 1]->[0] > $seen[$_]->[0] } 1 .. $#seen), 0, 'going up');

        my $calls = 0;
        for my $no ('', 0, undef) {
            my $err = failure_of(
                sub {
                    $function->({ progress => sub { $calls++; return $no; } });
                }
            );
            is(ref($err) && $err->name, 'cancelled', 'something false cancels it');
            is($err->code, 14, 'by its number');
            like("$err", qr/^cancelled by the caller\n\z/, 'in a line');
        }
        is($calls, 3, 'at once');
        failure_of(
            sub {
                $function->({ progress => sub { $calls++; return; } });
            }
        );
        is($calls, 4, 'nothing is false, too');

        my $own = { mine => 1 };
        is(
            failure_of(
                sub {
                    $function->({ progress => sub { die $own } });
                }
            ),
            $own,
            'dies as it wants'
        );
        my $came_back;
        OUT: for my $once (1) {
            no warnings qw(exiting);
            $function->({ progress => sub { last OUT } });
            $came_back = 1;
        }
        ok(!$came_back, 'leaves as it wants');
        is(open_files(), $files, 'nothing stays open');
        is(waitpid(-1, POSIX::WNOHANG()), -1, 'no child is left behind');
        is_deeply($function->({}), $answer, 'and then it works as before');

        my $callable = bless({ calls => 0 }, 'Callable');
        $function->({ progress => $callable });
        is($callable->{calls}, scalar(@seen), 'an object that is code');
    };
}

# There is no small image for which it takes more than a part.
ok(PVE::Native::Image::headroom($path, { progress => sub { 1 } }), 'headroom');

subtest 'other calls from within' => sub {
    my $depth = 0;
    my $watch;
    $watch = sub {
        return 1 if $depth > 2;
        $depth++;
        my $check = PVE::Native::Image::check($path, { progress => $watch });
        return $check->{'total-clusters'} > 0;
    };
    ok(PVE::Native::Image::check($path, { progress => $watch }), 'checks in a check');
    cmp_ok($depth, '>', 2, 'some of them');
    undef $watch;
};

subtest 'a fork from within' => sub {
    my $parent = $$;
    my $answer = $functions{changed_extents}->({});
    my $child;
    my $changed = $functions{changed_extents}->(
        {
            progress => sub {
                $child //= fork() // die "cannot fork: $!\n";
                return 1;
            },
        }
    );
    POSIX::_exit(@$changed == @$answer ? 0 : 1) if $$ != $parent;
    is(scalar(@$changed), scalar(@$answer), 'the parent goes on');
    waitpid($child, 0);
    is($?, 0, 'and so does the child');
};

subtest 'signals' => sub {
    my $handled = 0;
    my $start = time();
    local $SIG{ALRM} = sub { $handled++; die "alarm\n" };
    my $err = failure_of(
        sub {
            ualarm(2000);
            $functions{changed_extents}->({}) for 1 .. 1000;
        }
    );
    ualarm(0);
    is($err, "alarm\n", 'a handler that dies ends it');
    is($handled, 1, 'once');
    local $SIG{ALRM} = sub { $handled++ };
    my $seen = 0;
    my $watch = sub {
        my ($done, $total) = @_;
        $seen ||= $handled > 1 && $done;
        ualarm(1) if $handled == 1;
        return 1;
    };
    $functions{changed_extents}->({ progress => $watch }) for 1 .. 5;
    cmp_ok($seen, '>', 0, 'one that returns is run in the middle');
};

done_testing();
