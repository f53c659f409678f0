#!/usr/bin/perl

# Calls PVE::Native::Image on storage that does not answer, inside the virtual machine:
#
#     hang.pl PATH NEAR
#
# PATH hangs; NEAR is an image on a disk that works.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Test::More;

use Hanging qw(comes_back handles_signals leaves);

my ($path, $near) = @ARGV;
comes_back($path, $near);
handles_signals($path);
leaves($path);
done_testing();
