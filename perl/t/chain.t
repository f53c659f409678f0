use v5.36;

use lib 'perl/t/lib';

use JSON::PP qw(decode_json);
use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_info write_file failure_of);

my $dir = directory();

sub create {
    my ($name, @args) = @_;
    return qemu_img('create', '-q', '-f', 'qcow2', @args, "$dir/$name", '16M');
}

sub names {
    my ($chain) = @_;
    return [map { $_->{filename} =~ s!.*/!!r } $chain->@*];
}

create('c.qcow2');
create('b.qcow2', '-b', 'c.qcow2', '-F', 'qcow2');
create('a.qcow2', '-b', "$dir/b.qcow2", '-F', 'qcow2');

my $chain = PVE::Native::Image::chain("$dir/a.qcow2");
is_deeply(names($chain), [qw(a.qcow2 b.qcow2 c.qcow2)], 'the top image first');
my $sizes = [map { $_->{'virtual-size'} } qemu_info('--backing-chain', "$dir/a.qcow2")->@*];
is_deeply([map { $_->{'virtual-size'} } $chain->@*], $sizes, 'sizes as qemu-img says');

my $json = PVE::Native::Image::qemu_img_info("$dir/a.qcow2", 'qcow2', 5, 1);
is_deeply(
    decode_json($json),
    qemu_info('-f', 'qcow2', '--backing-chain', "$dir/a.qcow2"),
    'the same as JSON',
);

my $failure = sub {
    my ($path, %opts) = @_;
    return failure_of(sub { PVE::Native::Image::chain($path, { %opts, strict => 1 }) });
};

subtest 'a missing image ends the chain' => sub {
    create('lost.qcow2', '-u', '-b', 'nowhere.qcow2', '-F', 'qcow2');
    create('over.qcow2', '-u', '-b', 'lost.qcow2', '-F', 'qcow2');
    my $broken = PVE::Native::Image::chain("$dir/over.qcow2");
    is_deeply(names($broken), [qw(over.qcow2 lost.qcow2 nowhere.qcow2)], 'what there is');
    is($broken->[2]->{error}->{code}, 'io', 'and why it ends');
    like($broken->[2]->{error}->{message}, qr/No such file/, 'in words');
    like($failure->("$dir/over.qcow2"), qr/No such file/, 'strict dies');
};

subtest 'a cycle that names do not show' => sub {
    create('loop1.qcow2', '-u', '-b', './loop2.qcow2', '-F', 'qcow2');
    create('loop2.qcow2', '-u', '-b', './loop1.qcow2', '-F', 'qcow2');
    my $loop = PVE::Native::Image::chain("$dir/loop1.qcow2");
    is(scalar($loop->@*), 3, 'two images and the error');
    is($loop->[2]->{error}->{code}, 'cycle', 'cycle');
    is($failure->("$dir/loop1.qcow2")->name, 'cycle', 'strict dies');
};

subtest 'a format that is not recorded' => sub {
    # qemu-img does not make such images any more: the name of the format becomes empty.
    create('unnamed.qcow2', '-u', '-b', 'c.qcow2', '-F', 'qcow2');
    my $image = do { local (@ARGV, $/) = ("$dir/unnamed.qcow2"); <> };
    substr($image, index($image, "\xe2\x79\x2a\xca") + 8, 5) = "\0" x 5;
    write_file("$dir/unnamed.qcow2", $image);
    my $unnamed = PVE::Native::Image::chain("$dir/unnamed.qcow2");
    is($unnamed->[1]->{format}, 'unknown', 'is unknown');
    is($unnamed->[1]->{error}->{code}, 'unnamed-format', 'is not followed');
    my $probed = PVE::Native::Image::chain("$dir/unnamed.qcow2", { 'allow-probe' => 1 });
    is($probed->[1]->{format}, 'qcow2', 'is probed if the caller wants it');
};

subtest 'depth' => sub {
    my $short = PVE::Native::Image::chain("$dir/a.qcow2", { 'max-depth' => '2' });
    is($short->[2]->{error}->{code}, 'limit', 'too deep');
    is(
        scalar(PVE::Native::Image::chain("$dir/a.qcow2", { 'max-depth' => 3 })->@*), 3,
        'enough'
    );
    like($failure->("$dir/a.qcow2", 'max-depth' => $_), qr/max-depth/, "max-depth $_")
        for qw(3.7 -1 x 10001);
};

done_testing();
