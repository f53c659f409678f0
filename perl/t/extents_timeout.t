use v5.36;

use lib 'perl/t/lib';

# Extents and long work of images on storage that hangs while they are read.

use Test::More;
use Time::HiRes qw(sleep);

use PVE::Native::Image;
use TestHangs;
use TestImages qw(directory fragmented qemu_img failure_of);
use TestProcess qw(in_child open_files);

my $dir = directory();
my $storage = TestHangs->mount($dir);
my ($root, $mount) = ($storage->root(), $storage->far());
my $far = "$mount/long.qcow2";
fragmented("$root/long.qcow2", 128);
qemu_img('create', '-q', '-f', 'qcow2', '-b', $far, '-F', 'qcow2', "$dir/near.qcow2", '256M');
my $all = 128 * 512;

# Helpers that this process has.
sub helpers {
    my $count = 0;
    for my $file (glob('/proc/[0-9]*/stat')) {
        open(my $fh, '<', $file) or next;
        my $stat = readline($fh) // next;
        $count++ if $stat =~ m/^\d+ \(pven-io\) \S (\d+) / && $1 == $$;
    }
    return $count;
}

sub rest {
    my ($extents) = @_;
    my $count = 0;
    while (length(my $records = $extents->packed(1000))) {
        $count += length($records) / 32;
    }
    return $count;
}

sub error_of {
    my ($code) = @_;
    my $err = failure_of($code);
    return ref($err) ? $err->name : $err;
}

subtest 'files that a helper has open' => sub {
    my $files = open_files();
    my $extents = PVE::Native::Image::extents($far, { timeout => 5 });
    is(helpers(), 1, 'a helper has them');
    is(open_files(), $files, 'not we');
    $extents->next(1);
    ok(
        in_child(
            sub {
                error_of(sub { rest($extents) }) eq 'io';
            }
        ),
        'a forked child cannot read on'
    );
    ok(
        in_child(sub { rest(PVE::Native::Image::extents($far, { timeout => 5 })) == $all }),
        'but anew'
    );
    is(rest($extents), $all - 1, 'we can');
    undef $extents;
    is(helpers(), 0, 'it goes with the object');
};

subtest 'storage that hangs and answers again' => sub {
    my $extents = PVE::Native::Image::extents($far, { timeout => 0.2 });
    sleep(0.3);
    is($extents->next(10)->@*, 10, 'each call has the whole time');
    $storage->hold('read');
    my $count = 0;
    my $err = $storage->in_time(
        sub {
            failure_of(sub { $count = rest($extents) });
        }
    );
    is(ref($err) && $err->name, 'timeout', 'a time-out');
    is($err->path, $far, 'and where');
    is(error_of(sub { $extents->next(1) }), 'timeout', 'from then on');
    is(scalar($extents->chain()->@*), 1, 'what needs no storage is answered');
    ok(
        in_child(
            sub {
                error_of(sub { $extents->next(1) }) eq 'timeout';
            }
        ),
        'in a child too'
    );
    $storage->let_go($far);
    is(error_of(sub { $extents->next(1) }), 'timeout', 'also later');
    undef $extents;
    is(
        rest(PVE::Native::Image::extents($far, { timeout => 5 })), $all,
        'a new one reads it all'
    );
};

subtest 'an object that goes while storage hangs' => sub {
    my $extents = PVE::Native::Image::extents($far, { timeout => 0.2 });
    $storage->hold('lookup getattr open read release flush');
    my $err = $storage->in_time(
        sub {
            my $err = failure_of(sub { rest($extents) });
            undef $extents;
            return $err;
        }
    );
    is(ref($err) && $err->name, 'timeout', 'comes back');
    $storage->let_go($far);
};

my %functions = (
    changed_extents => sub {
        PVE::Native::Image::changed_extents($far, $far, @_);
        PVE::Native::Image::changed_extents("$dir/near.qcow2", $far, @_);
    },
    check => sub { PVE::Native::Image::check($far, @_) },
    measure =>
        sub { PVE::Native::Image::measure("$dir/near.qcow2", { format => 'qcow2', $_[0]->%* }) },
    merge_costs => sub { PVE::Native::Image::merge_costs("$dir/near.qcow2", @_) },
);
for my $name (sort keys %functions) {
    subtest $name => sub {
        my $files = open_files();
        ok($functions{$name}->({ timeout => 10 }), 'a helper reads');
        is(helpers(), 0, 'and is gone');
        my $calls = 0;
        my $opts = { timeout => 10, progress => sub { $calls++; die "enough\n" } };
        my $err = failure_of(sub { $functions{$name}->($opts) });
        is($err, $calls ? "enough\n" : undef, 'who stops it');
        is(helpers(), 0, 'leaves no helper');
        is(open_files(), $files, 'and no file');
    };
}

subtest 'storage that hangs in the middle' => sub {
    my $held = 0;
    my $watch = sub { $storage->hold('read') if !$held++; return 1; };
    my $opts = { timeout => 0.5, progress => $watch };
    my $err = $storage->in_time(
        sub {
            failure_of(sub { PVE::Native::Image::check($far, $opts) });
        }
    );
    is(ref($err) && $err->name, 'timeout', 'a time-out');
    cmp_ok($held, '>', 0, 'after some of it');
    $storage->let_go($far);
    my $slow = sub { sleep(0.3); return 1; };
    $opts = { timeout => 0.2, progress => $slow };
    is(
        error_of(sub { PVE::Native::Image::check($far, $opts) }), 'timeout',
        'its own time counts'
    );
};

done_testing();
