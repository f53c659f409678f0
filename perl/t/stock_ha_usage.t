use v5.36;

use lib 'perl/t/lib';

# The solver in the place of the schedulers of a stock pve-ha-manager: in each of its simulated clusters with one
# of them, whoever loses its node runs again. Where, may be another node than the stock scheduler's.
# PVE_HA_MANAGER_SRC and PVE_COMMON_SRC name the folders of a copy of it and of pve-common, which are no part of
# this repository.

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Test::More;

use StockStorage;

for my $name (qw(PVE_HA_MANAGER_SRC PVE_COMMON_SRC)) {
    plan(skip_all => "$name is not set: no stock pve-ha-manager to stand in")
        if !length($ENV{$name} // '');
}
plan(skip_all => 'the simulator of pve-ha-manager does not run in taint mode') if ${^TAINT};
for my $module (qw(JSON Test::MockModule)) {
    plan(skip_all => "the simulator of pve-ha-manager needs the Perl module $module")
        if !eval { require(StockStandIns::file_of($module)); 1 };
}

my $source = StockStorage::source('PVE_HA_MANAGER_SRC', 'PVE/HA/Manager.pm');
my $common = StockStorage::source('PVE_COMMON_SRC', 'PVE/Tools.pm');
my $top = abs_path('.');
my $ours = abs_path((grep { !ref && -e "$_/PVE/Native.pm" } @INC)[0]);

my $dir = tempdir('pve-native-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
system('cp', '-R', "$source/.", $dir) == 0 or die "cannot copy $source\n";
chdir("$dir/test") or die "cannot enter $dir/test: $!\n";

# The module that stands in is loaded before the simulator says where its own are.
$ENV{PERL5LIB} = join(':', $ours, "$top/perl/t/lib", $common, $dir);
$ENV{PERL5OPT} = '-MHaStandIns';
$ENV{PVE_NATIVE_AREAS} = 'placement';

# How many guests have lost their node, and how many of them have got another.
my sub recovered ($log) {
    my $lost = () = $log =~ m/state changed from 'fence' to 'recovery'/g;
    my $found = () = $log =~ m/state changed from 'recovery' to '(?:started|request_stop)'/g;
    return ($lost, $found);
}

my sub text ($file) {
    open(my $fh, '<', $file) or die "cannot read $file: $!\n";
    local $/;
    return scalar(<$fh>);
}

my @simulations = sort(glob('test-crs-static* test-crs-dynamic*'));
cmp_ok(scalar(@simulations), '>', 0, 'there are simulations');
for my $name (@simulations) {
    # The tester compares with the stock scheduler's decisions; what has happened is what counts here.
    system("perl ./ha-tester.pl $name --no-test-output > tester.log 2>&1");
    my $log = text("$name/status/log");
    like($log, qr/exit simulation - done/, "$name ends");
    unlike(
        $log, qr/unable to (?!score migrations)|fallback to 'basic'/,
        'the solver is asked, and answers',
    );
    # Two of them are about rules that leave some guest no node.
    my ($lost, $found) = recovered(text("$name/log.expect"));
    next if $found < $lost;
    ($lost, $found) = recovered($log);
    is($found, $lost, "$lost guests have lost their node and got another");
}

chdir($top);
done_testing();
