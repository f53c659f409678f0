package HaStandIns;

# What the simulator of a stock pve-ha-manager loads and a machine without Proxmox VE does not have.
# Each of its processes loads this first (PERL5OPT). Only the scheduler is called: classes of which
# nothing works until PVE::Native::Override has put ours behind them; what else it is to replace is in
# PVE_NATIVE_AREAS.

use v5.36;

my @modules = qw(
    PVE::Cluster PVE::Notify PVE::DataCenterConfig PVE::RPCEnvironment
    PVE::RS::ResourceScheduling::Static PVE::RS::ResourceScheduling::Dynamic
);

for my $module (@modules) {
    $INC{ $module =~ s{::}{/}gr . '.pm' } = __FILE__;
}

package PVE::Cluster {
    use Exporter qw(import);
    our @EXPORT_OK = qw(cfs_register_file cfs_read_file cfs_write_file cfs_lock_file);

    sub cfs_register_file { return }
    sub cfs_read_file { die "there is no cluster\n" }
    sub cfs_write_file { die "there is no cluster\n" }
    sub cfs_lock_file { die "there is no cluster\n" }
}

package PVE::RS::ResourceScheduling::Static {
    sub new { die "the scheduler was not replaced\n" }
}

package PVE::RS::ResourceScheduling::Dynamic {
    sub new { die "the scheduler was not replaced\n" }
}

package HaStandIns;

require PVE::Native::Override;
PVE::Native::Override->install('scheduler', split(m/,/, $ENV{PVE_NATIVE_AREAS} // ''));

1;
