package ClusterStandIns;

# Stands in for what PVE::Native::Multipath asks of Proxmox VE, which is installed on nodes only: the
# key-value store, the files and the members of PVE::Cluster, storage.cfg as PVE::Storage has it, and the
# registration of PVE::RESTHandler. They do what the real ones do: where pmxcfs is down the store has
# nothing to say, what goes wrong with a broadcast is only warned of, and values end at a NUL.
# perl/t/stock_multipath.t has the real PVE::RESTHandler.
#
#     use ClusterStandIns;
#     ClusterStandIns::cluster(n1 => 1, n2 => 0);    # the members, and whether they are online
#     ClusterStandIns::alone('n1');                  # no cluster
#     $ClusterStandIns::files{'multipath.cfg'} = "wwid: a\n";
#     $ClusterStandIns::store{n2}->{multipath} = $bytes;

use v5.36;

use Test::More;

# What nodes have broadcast, by node and key. The content of files. The storages. This node. Whether
# pmxcfs is down. How often something was broadcast or taken back. How many questions pmxcfs answers until
# it is down; undef is all.
our (%store, %files, %storages);
our ($node, $down, $sent, $calls_left) = ('n1', 0, 0, undef);

my ($members, $updated);

sub cluster (%online) {
    $members = { map { $_ => { id => 1, online => $online{$_} } } keys(%online) };
    $files{'corosync.conf'} = "totem {\n}\n";
    return;
}

sub alone ($name) {
    ($members, $node) = (undef, $name);
    delete $files{'corosync.conf'};
    return;
}

# Everything as it is on a node that was just started.
sub reset () {
    (%store, %files, %storages) = ();
    ($down, $sent, $updated, $calls_left) = (0, 0, 0, undef);
    alone('n1');
    PVE::Native::Multipath::Store::forget() if PVE::Native::Multipath::Store->can('forget');
    return;
}

# To be said in each test that uses this.
sub say_so () {
    diag('PVE::Cluster and PVE::Storage are stood in for: see perl/t/lib/ClusterStandIns.pm');
    return;
}

BEGIN {
    $INC{ s!::!/!gr . '.pm' } = __FILE__ for qw(PVE::Cluster PVE::INotify PVE::Storage);
}

sub is_down () {
    $down = 1 if defined($calls_left) && $calls_left-- <= 0;
    return $down;
}

package PVE::Cluster {

    sub cfs_update {
        my ($fail) = @_;
        $updated = !ClusterStandIns::is_down();
        return if $updated;
        my $error = "ipcc_send_rec[1] failed: Connection refused\n";
        $fail ? die($error) : warn($error);
        return;
    }

    # Known from the last update on.
    sub get_members { return $updated ? $members : undef }

    sub get_nodelist {
        my $known = get_members();
        return [$known && $known->{$node} ? keys($known->%*) : $node];
    }

    sub get_node_kv {
        my ($key, $name) = @_;
        return {} if ClusterStandIns::is_down();
        my %values;
        for my $of (defined($name) ? $name : get_nodelist()->@*) {
            my $raw = $store{$of}->{$key};
            $values{$of} = unpack('Z*', $raw) if $raw;
        }
        return \%values;
    }

    sub broadcast_node_kv {
        my ($key, $value) = @_;
        die "cannot send a reference\n" if ref($value);
        die "data for '$key' too big\n" if length($value // '') >= 32 * 1024;
        if (ClusterStandIns::is_down()) {
            warn "ipcc_send_rec[4] failed: Connection refused\n";
            return;
        }
        $sent++;
        if (defined($value)) {
            $store{$node}->{$key} = $value;
        } else {
            delete $store{$node}->{$key};
        }
        return;
    }

    sub get_config {
        my ($name) = @_;
        die "Connection refused\n" if ClusterStandIns::is_down();
        return $files{$name};
    }
}

package PVE::INotify {
    sub nodename { return $node }
}

package PVE::Storage {
    sub config { return { ids => {%storages} } }
}

package ClusterStandIns;

# The methods that a class has registered, by name.
our %methods;

# To be called before a class is loaded that has any.
sub stand_in_for_rest () {
    $INC{'PVE/RESTHandler.pm'} = __FILE__;
    no warnings qw(once);
    *PVE::RESTHandler::register_method = sub {
        my ($class, $method) = @_;
        $methods{ $method->{name} } = $method;
        return;
    };
    return;
}

1;
