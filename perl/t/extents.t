use v5.36;

use lib 'perl/t/lib';

# Which image serves which part of a disk, against the real qemu-img map.

use Config;
use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_answer qemu_io write_file failure_of);
use TestProcess qw(in_child open_files);

my $dir = directory();
my ($K, $M) = (1 << 10, 1 << 20);

sub create {
    my ($name, $size, @args) = @_;
    qemu_img('create', '-q', '-f', 'qcow2', @args, "$dir/$name", $size);
    return "$dir/$name";
}

# A chain with every kind of extent; its images differ in size and in their clusters.
my $base = create('base', '3M', '-o', 'cluster_size=4k');
qemu_io($base, 'write 0 64k', 'write -z 64k 64k', 'write -c 128k 64k', 'write 2M 4k');
my $middle = create('middle', '8M', '-b', 'base', '-F', 'qcow2', '-o', 'extended_l2=on');
qemu_io($middle, 'write 1M 6k', 'discard 0 64k', 'write 4M 192k');
my $top = create('top', '6M', '-b', 'middle', '-F', 'qcow2');
qemu_io($top, 'write 5M 64k', 'write -zu 4M 64k');
write_file("$dir/disk.raw", 'x' x (64 * $K));
truncate("$dir/disk.raw", $M) or die "cannot truncate: $!\n";

sub all_of {
    my ($extents, $n) = @_;
    my @all;
    while ((my $part = $extents->next($n))->@*) {
        push @all, $part->@*;
    }
    return \@all;
}

# Packed records as hashes.
sub unpacked {
    my ($records) = @_;
    my @numbers = unpack('Q<*', $records);
    my @extents;
    while (my ($start, $length, $offset, $flags) = splice(@numbers, 0, 4)) {
        my %extent = (start => $start, length => $length, depth => $flags >> 32);
        @extent{qw(present zero data compressed)} = map { ($flags >> $_) & 1 } 0 .. 3;
        $extent{offset} = $offset if $offset != ~0;
        push @extents, \%extent;
    }
    return @extents;
}

for my $case ([$top, 'qcow2'], [$middle, 'qcow2'], [$base, 'qcow2'], ["$dir/disk.raw", 'raw']) {
    my ($path, $format) = $case->@*;
    my ($expected) = qemu_answer('map', '--output=json', '-f', $format, $path);
    subtest "$path as qemu-img says" => sub {
        for my $opts ({}, { timeout => 5 }) {
            for my $n (1, '2', 1000) {
                my $extents = PVE::Native::Image::extents($path, { format => $format, %$opts });
                is_deeply(all_of($extents, $n), $expected, "$n at a time");
                is_deeply($extents->next($n), [], 'and nothing after the end');
                is($extents->packed($n), '', 'in neither form');
            }
        }
        my $extents = PVE::Native::Image::extents($path, { format => $format });
        my @all;
        while (length(my $records = $extents->packed(3))) {
            push @all, unpacked($records);
        }
        is_deeply(\@all, $expected, 'packed');
    };
}

my $qcow2 = { format => 'qcow2' };
my $open = sub { PVE::Native::Image::extents($top, { $qcow2->%*, @_ }) };

subtest 'one object, many questions' => sub {
    my $extents = $open->();
    isa_ok($extents, 'PVE::Native::Image::Extents');
    is_deeply([$extents->progress()], [0, 6 * $M], 'nothing is done at first');
    my ($first) = $extents->next(1)->@*;
    my ($done, $total) = $extents->progress();
    cmp_ok($done, '>=', $first->{length}, 'then something');
    is($total, 6 * $M, 'of the same');
    my ($second) = unpacked($extents->packed(1));
    is($second->{start}, $first->{length}, 'both forms go on from each other');
    is_deeply($extents->chain(), PVE::Native::Image::chain($top, $qcow2), 'the chain');
    all_of($extents, 100);
    is_deeply([$extents->progress()], [6 * $M, 6 * $M], 'all is done at the end');
    is_deeply([map { $_->{filename} } $extents->chain()->@*], [$top, $middle, $base], 'names');
};

subtest 'a disk without a byte has no extents' => sub {
    my $extents = PVE::Native::Image::extents(create('empty', 0), $qcow2);
    is_deeply($extents->next(1), [], 'none');
};

subtest 'how many' => sub {
    my $extents = $open->();
    for my $junk (0, -1, 1.5, '', 'abc', '10G', 'inf', ~0, 1 << 20 | 1, '9' x 30, "1\n", undef)
    {
        my $shown = $junk // 'undef';
        for my $method (qw(next packed)) {
            my $err = failure_of(sub { $extents->$method($junk) });
            is(ref($err) && $err->name, 'argument', "$method($shown)");
            like($err, qr/^number of extents /, 'says what it is');
        }
    }
    like(failure_of(sub { $extents->next([]) }), qr/is a reference/, 'a reference');
    like(failure_of(sub { $extents->next() }), qr/is undefined/, 'nothing');
    is(scalar($extents->next(1 << 20)->@*), scalar(all_of($open->(), 7)->@*), 'the most');
};

subtest 'what cannot be mapped' => sub {
    my $fails = sub {
        my ($name, $path, $opts) = @_;
        my $err = failure_of(sub { PVE::Native::Image::extents($path, $opts) });
        is(ref($err) && $err->name, $name, $name . ($path ? ": $path" : ', no path'));
    };
    create('lost', '1M', '-u', '-b', 'nowhere', '-F', 'qcow2');
    $fails->('io', "$dir/lost", $qcow2);
    $fails->('io', "$dir/nowhere", $qcow2);
    $fails->('format', "$dir/disk.raw", $qcow2);
    $fails->('limit', $top, { $qcow2->%*, 'max-depth' => 2 });
    $fails->('limit', $top, { $qcow2->%*, limits => { 'max-depth' => 2 } });
    $fails->('argument', $top, { $qcow2->%*, progress => 1 });
    $fails->('argument', undef, $qcow2);
};

subtest 'one extent that is long' => sub {
    my $long = create('long', '4G', '-o', 'cluster_size=4k');
    qemu_io($long, map { "write -z ${_}G 1G" } 0 .. 3);
    my @seen;
    my $watch = sub { push @seen, $_[0]; return 1; };
    my $extents = PVE::Native::Image::extents($long, { format => 'qcow2', progress => $watch });
    is($extents->next(1)->[0]->{length}, 4 << 30, 'is one');
    cmp_ok(scalar(@seen), '>', 2, 'found in parts: ' . scalar(@seen));
    is_deeply($extents->next(1), [], 'and all of it');

    my $calls = 0;
    my $stop = sub { return ++$calls < 2; };
    $extents = PVE::Native::Image::extents($long, { format => 'qcow2', progress => $stop });
    for my $method (qw(next packed progress chain)) {
        my $err = failure_of(sub { $extents->$method(1) });
        is(ref($err) && $err->name, 'cancelled', "given up: $method");
    }
    is($calls, 2, 'nobody is asked any more');
};

subtest 'what is no extents' => sub {
    my $class = 'PVE::Native::Image::Extents';
    my %others = (
        'undef' => undef,
        'text' => 'text',
        'the class' => $class,
        'a hash' => {},
        'a blessed hash' => bless({}, $class),
        'a blessed array' => bless([], $class),
        'a blessed scalar' => bless(\my $scalar, $class),
        # A closure: Perl 5.36 cannot make threads once others are blessed into a class with CLONE_SKIP.
        'blessed code' => bless(sub { return $dir }, $class),
        'a pin' => PVE::Native::Image::pin("$dir/disk.raw"),
        'a copy' => bless({ $open->()->%* }, $class),
    );
    for my $name (sort keys %others) {
        for my $method (qw(next packed progress chain)) {
            my $err = failure_of(sub { $class->can($method)->($others{$name}, 1) });
            is(ref($err) && $err->name, 'argument', "$name: $method");
        }
    }
    my $pin_method = PVE::Native::Image::Pin->can('fds');
    like(failure_of(sub { $pin_method->($open->()) }), qr/no pin/, 'nor are they a pin');
};

subtest 'what is open' => sub {
    my $files = open_files();
    my $extents = $open->();
    is(open_files(), $files + 3, 'the images');
    undef $extents;
    is(open_files(), $files, 'as long as the object lives');
};

subtest 'a forked child' => sub {
    my $expected = all_of($open->(), 100);
    my $extents = $open->();
    $extents->next(1);
    ok(in_child(sub { all_of($extents, 1)->@* == $expected->@* - 1 }), 'goes on from there');
    is(
        scalar(all_of($extents, 1)->@*), $expected->@* - 1,
        'and changes nothing for its parent'
    );
};

SKIP: {
    if (!$Config{useithreads}) {
        diag('SKIPPED threads: this perl has none');
        skip('this perl has no threads', 2);
    }
    require threads;
    my $extents = $open->();
    my $in_thread = threads->create(
        sub {
            eval { $extents->next(1); 1 } ? 'lived' : 'died';
        }
    )->join();
    is($in_thread, 'died', 'a thread that is made later does not have it');
    is($extents->next(1)->[0]->{start}, 0, 'and takes nothing from us');
}

done_testing();
