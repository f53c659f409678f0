use v5.36;

use lib 'perl/t/lib';

# The tests that a stock pve-ha-manager has of its own, with our schedulers behind it: simulated
# clusters whose logs must be what they are expected to be, line by line. It is no part of this
# repository: PVE_HA_MANAGER_SRC and PVE_COMMON_SRC name the folders of a copy of it and of pve-common.

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use List::Util qw(max min);
use Test::More;

use StockStorage;

for my $name (qw(PVE_HA_MANAGER_SRC PVE_COMMON_SRC)) {
    plan(skip_all => "$name is not set: no stock pve-ha-manager to stand behind")
        if !length($ENV{$name} // '');
}
# Perl takes the places of modules from the environment only without it, and so do the simulator's
# own processes.
plan(skip_all => 'the simulator of pve-ha-manager does not run in taint mode') if ${^TAINT};
for my $module (qw(JSON Test::MockModule)) {
    plan(skip_all => "the simulator of pve-ha-manager needs the Perl module $module")
        if !eval { require(StockStandIns::file_of($module)); 1 };
}

my $source = StockStorage::source('PVE_HA_MANAGER_SRC', 'PVE/HA/Manager.pm');
my $common = StockStorage::source('PVE_COMMON_SRC', 'PVE/Tools.pm');
my $top = abs_path('.');
my $ours = (grep { !ref && -e "$_/PVE/Native.pm" } @INC)[0];

# It writes beside its tests.
my $dir = tempdir('pve-native-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
system('cp', '-R', "$source/.", $dir) == 0 or die "cannot copy $source\n";
chdir("$dir/test") or die "cannot enter $dir/test: $!\n";

$ENV{PERL5LIB} = join(':', abs_path_of($ours), "$top/perl/t/lib", $common);
$ENV{PERL5OPT} = '-MHaStandIns';

sub abs_path_of ($path) { return $path =~ m!^/! ? $path : "$top/$path" }

sub output_of (@command) {
    open(my $pipe, '-|', "@command 2>&1") or die "cannot run @command: $!\n";
    my $output = do { local $/; <$pipe> };
    return (close($pipe), $output);
}

for my $script (
    qw(test_failover1.pl test_rules_config.pl test_resource_bundles.pl test_fence_config.pl))
{
    my ($fine, $output) = output_of('perl', "./$script");
    ok($fine, $script) or diag($output);
}

# One process for each processor, each with its share of the simulations.
my @simulations = glob('test-*');
my $cpus = qx(getconf _NPROCESSORS_ONLN);
my $workers = max(1, min(8, $cpus));
my @pipes = map {
    my $worker = $_;
    my @share =
        map { $simulations[$_] } grep { $_ % $workers == $worker - 1 } 0 .. $#simulations;
    my $each = "for name in @share; do perl ./ha-tester.pl \$name --no-test-output; done";
    open(my $pipe, '-|', 'sh', '-c', "( $each ) 2>&1") or die "cannot run the simulator: $!\n";
    $pipe;
} 1 .. $workers;
my $log = join(
    '',
    map {
        my $pipe = $_;
        do { local $/; <$pipe> }
    } @pipes
);

my %passed = map { $_ => 1 } $log =~ m/^end: (\S+) \(success\)$/mg;
cmp_ok(scalar(@simulations), '>', 0, 'there are simulations');
for my $name (@simulations) {
    ok($passed{$name}, $name);
}
diag($log) if keys(%passed) < @simulations;

chdir($top);
done_testing();
