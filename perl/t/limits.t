use v5.36;

use lib 'perl/t/lib';

# What an image may cost, as callers set it.

use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img failure_of);

my $dir = directory();
my $base = "$dir/base.qcow2";
my $path = "$dir/a.qcow2";
qemu_img('create', '-q', '-f', 'qcow2', $base, '1M');
qemu_img('create', '-q', '-f', 'qcow2', '-b', $base, '-F', 'qcow2', $path);
qemu_img('snapshot', '-c', $_, $path) for qw(one two);

sub failure {
    my ($limits) = @_;
    return failure_of(sub { PVE::Native::Image::info($path, { limits => $limits }) });
}

subtest 'what is above a limit is refused' => sub {
    my $err = failure({ 'max-snapshots' => 1 });
    is($err->name, 'limit', 'name');
    like($err->message, qr/2 snapshots: max-snapshots is 1/, 'the message names it');
    is($err->path, $path, 'path');
    is(failure({ 'max-virtual-size' => 1024 })->name, 'limit', 'virtual size');
    is(failure({ 'max-read-bytes' => '4096', 'max-steps' => 10 })->name, 'limit', 'bytes');
    is(failure({ 'max-snapshots' => 2 }), undef, 'what is not above it is read');
};

subtest 'a chain and many images' => sub {
    my $chain = PVE::Native::Image::chain($path, { limits => { 'max-depth' => 1 } });
    is($chain->[1]->{error}->{code}, 'limit', 'depth');
    $chain =
        PVE::Native::Image::chain($path, { limits => { 'max-depth' => 1 }, 'max-depth' => 2 });
    is($chain->[1]->{filename}, $base, "the call's own option comes first");
    my $limits = { 'max-snapshots' => 1 };
    my $all = PVE::Native::Image::inspect_many([$path, $base], { limits => $limits });
    is($all->{$path}->{error}->{code}, 'limit', 'one is above it');
    is($all->{$base}->{format}, 'qcow2', 'the other is not');
};

subtest 'defaults' => sub {
    for my $limits (undef, {}, { 'max-steps' => 0 }, { 'max-steps' => undef }) {
        is(failure($limits), undef, 'nothing is limited further');
    }
};

subtest 'what makes no sense is refused' => sub {
    my @cases = (
        [{ 'max-snapshot' => 1 }, qr/unknown limit 'max-snapshot'/],
        [{ 'max-snapshot' => undef }, qr/unknown limit 'max-snapshot'/],
        [{ 'max-snapshots' => 65537 }, qr/max-snapshots 65537 is above 65536/],
        [{ 'max-snapshots' => 'abc' }, qr/max-snapshots 'abc' is not a number/],
        [{ 'max-read-bytes' => '10G' }, qr/max-read-bytes '10G' is not a number/],
        [{ 'max-steps' => 1.5 }, qr/max-steps '1.5' is not a number/],
        [{ 'max-steps' => -1 }, qr/max-steps '-1' is not a number/],
        [{ 'max-steps' => '' }, qr/max-steps '' is not a number/],
        [{ 'max-steps' => [] }, qr/limit max-steps is a reference/],
        [{ "max\x{263a}" => 1 }, qr/characters that are not bytes/],
        [[1], qr/limits are not a hash/],
        [1, qr/limits are not a hash/],
    );
    for my $case (@cases) {
        my ($limits, $why) = $case->@*;
        my $err = failure($limits);
        is($err && $err->name, 'argument', 'an argument');
        like($err, $why, 'and why');
    }
};

done_testing();
