use v5.36;

use lib 'perl/t/lib';

use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img failure_of);

my $dir = directory();
my @paths = map { "$dir/$_.qcow2" } 1 .. 40;
qemu_img('create', '-q', '-f', 'qcow2', $_, '1M') for @paths;

for my $opts (undef, {}, { threads => 1 }, { threads => 16, timeout => 10 }) {
    my $all = PVE::Native::Image::inspect_many(\@paths, $opts);
    is_deeply([sort keys %$all], [sort @paths], 'every image has an answer');
    is(scalar(grep { $_->{'virtual-size'} == 1 << 20 } values %$all), 40, 'the right one');
}

my $mixed = PVE::Native::Image::inspect_many([$paths[0], "$dir/none", $paths[0], $dir]);
is(scalar(keys %$mixed), 3, 'one answer per path');
is($mixed->{"$dir/none"}->{error}->{code}, 'io', 'a missing image');
is($mixed->{$dir}->{error}->{code}, 'format', 'a directory');
is_deeply(PVE::Native::Image::inspect_many([]), {}, 'nothing asked, nothing answered');

my $refused = sub {
    my (@args) = @_;
    return failure_of(sub { PVE::Native::Image::inspect_many(@args) });
};
like($refused->('x'), qr/paths are not an array/, 'not an array');
like($refused->([undef]), qr/path is undefined/, 'undefined path');
like($refused->(\@paths, { threads => 17 }), qr/threads 17 is above 16/, 'too many threads');

done_testing();
