use v5.36;

# Panics inside the library, by a door that only the library of this test has: they are told with
# text and place, and nothing is printed.

use DynaLoader;
use File::Temp qw(tempfile);
use Test::More;

use PVE::Native::Image;

my $symbol = DynaLoader::dl_find_symbol($DynaLoader::dl_librefs[-1], 'boot_PVE__Native__PanicDoor')
    or die "this library has no door: see run.sh\n";
DynaLoader::dl_install_xsub('PVE::Native::boot_PanicDoor', $symbol, __FILE__)->();

# What code returns, and what it prints to standard error below Perl's own handles.
sub with_stderr {
    my ($code) = @_;
    my ($fh) = tempfile('pve-native-XXXXXXXX', TMPDIR => 1, UNLINK => 1);
    open(my $saved, '>&', \*STDERR) or die "dup: $!\n";
    open(STDERR, '>&', $fh) or die "dup: $!\n";
    my $result = eval { $code->() };
    my $err = $@;
    open(STDERR, '>&', $saved) or die "dup: $!\n";
    seek($fh, 0, 0);
    my $stderr = do { local $/ = undef; <$fh> };
    return ($result, $err, $stderr // '');
}

my $place = qr/perl\/src\/panic_door\.rs:\d+/;

for my $threads (1, 4) {
    my ($texts, $err, $stderr) = with_stderr(sub { PVE::Native::PanicDoor::many(40, $threads) });
    is($err, '', "$threads threads: the call itself is fine");
    is(scalar(@$texts), 40, 'each item has an answer');
    my @others = grep { !m/\Ainternal error: item \d+ at $place:\d+\z/ } @$texts;
    is_deeply(\@others, [], 'with text and place');
    is($stderr, '', 'nothing is printed');
}

my ($result, $err, $stderr) = with_stderr(sub { PVE::Native::PanicDoor::once() });
like($err, qr/\Ainternal error: in the call \(at $place\)\n\z/, 'a panic in the call');
is($stderr, '', 'nothing is printed');

is(ref(PVE::Native::Image::inspect_many(['/nowhere'])), 'HASH', 'the library works on');

done_testing();
