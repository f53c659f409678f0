package ClusterProposal;

# The functions of the proposal for Proxmox VE that the cluster status stands in for, cut out of the
# patch mail and run as they are. The mail is no part of this repository; PVE_NATIVE_SEED names the
# file. What the endpoint asks of PVE::Cluster and of the configuration is stood in for by the
# options of a case, as is the time. The names of its packages begin with ClusterProposal::PVE here,
# so that they never meet the real ones.

use v5.36;

# The options of the case that the endpoint is run for, and what was broadcast last.
our ($raw, $opts, @broadcast);

package ClusterProposal::PVE::Cluster {

    sub get_node_kv ($key) {
        return $key eq 'multipath' ? $raw : $opts->{apply} // {};
    }
    sub get_members () { return $opts->{members} }
}

package ClusterProposal::PVE::Multipath {
    our $KV_STALE_SECONDS = 180;
    sub update_node_kv ($key, $value) { @broadcast = ($key, $value) }

    sub cluster_storage_expectations () {
        my $sets = $opts->{expected} // {};
        my $set_of = sub ($nodes) {
            return { map { $_ => 1 } @$nodes };
        };
        return {
            nodes => $set_of->($opts->{'expected-nodes'} // []),
            consumers => $opts->{'used-by'},
            'wwid-nodes' =>
                { map { $_ => $set_of->($sets->{$_}) } grep { $sets->{$_} } keys(%$sets) },
        };
    }
}

package ClusterProposal::PVE::Multipath::ClusterConfig {
    sub read_config () { return {} }
}

package ClusterProposal::PVE::Multipath::Config {
    sub wwid_list ($cfg) { return $opts->{allow} // [] }
    sub aliases ($cfg) { return $opts->{aliases} }
}

package ClusterProposal::Registered {
    my %methods;
    sub register_method ($class, $method) { $methods{ $method->{name} } = $method }
    sub method ($name) { return $methods{$name} // die "the mail has no method '$name'\n" }
}

package ClusterProposal;

# What the mail adds to a file.
sub added ($mail, $file) {
    my ($diff) = $mail =~ m/^diff --git a\/\Q$file\E .*?\n(.*?)(?=^diff --git |^-- $)/ms
        or die "the mail does not change $file\n";
    return join("\n", map { m/^\+(?!\+\+ )(.*)$/ ? $1 : () } split(m/\n/, $diff)) . "\n";
}

sub run ($package, $code) {
    eval("package $package; use strict; use warnings; no warnings; use JSON::XS; $code; 1")
        or die "the mail does not run: $@";
    return;
}

# Cuts the functions out of this file; returns the text of its tests.
sub load ($path) {
    open(my $fh, '<', $path) or die "cannot read $path: $!\n";
    # The file is the one that we were told to run.
    my ($mail) = do { local $/ = undef; <$fh> }
        =~ m/^(.*)$/s;
    $mail =~ s/\r\n/\n/g;
    $mail =~ s/\bPVE::(?=Multipath|Cluster)/ClusterProposal::PVE::/g;

    run('ClusterProposal::PVE::Multipath', added($mail, 'src/PVE/Multipath.pm'));
    my ($endpoint) = added($mail, 'src/PVE/API2/Multipath.pm') =~ m/^(__PACKAGE__.*?^\}\);)$/ms
        or die "the mail has no endpoint\n";
    run(
        'ClusterProposal::Registered',
        "use subs qw(time); sub time { return \$ClusterProposal::opts->{now} } $endpoint",
    );
    my ($tests) = added($mail, 'src/test/run_multipath_tests.pl') =~ m/^(# --- cluster status.*)/ms
        or die "the mail has no tests\n";
    return $tests;
}

sub aggregate (@args) { return ClusterProposal::PVE::Multipath::aggregate_cluster_status(@args) }

sub status ($broadcasts, $options) {
    local ($raw, $opts) = ($broadcasts, $options);
    return ClusterProposal::Registered::method('status')->{code}->({});
}

1;
