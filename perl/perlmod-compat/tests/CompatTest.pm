package CompatTest;

# Loads the test library and boots its packages: use CompatTest qw(Data Errors);

use v5.36;

use DynaLoader ();
use Exporter ();

our @EXPORT_OK = ();

my $library;

sub load {
    my ($name) = @_;

    # The path comes from run-tests.sh; under -T the environment is tainted.
    my ($path) = ($ENV{COMPAT_TESTLIB} // die "COMPAT_TESTLIB is not set\n") =~ m/^(.+)$/;
    $library //= DynaLoader::dl_load_file($path, 0) or die DynaLoader::dl_error() . "\n";
    my $symbol = "boot_CompatTest__$name";
    my $address = DynaLoader::dl_find_symbol($library, $symbol)
        or die "no symbol $symbol\n";
    my $boot = DynaLoader::dl_install_xsub("CompatTest::${name}::bootstrap", $address, $path);
    $boot->();
    return;
}

sub import {
    my ($class, @packages) = @_;
    load($_) for @packages;
    return;
}

1;
