package PVE::Native::Multipath::Store;

use v5.36;

# The key-value store and the files of pmxcfs, through PVE::Cluster. Where that cannot be asked it looks
# like a node without a cluster in which nobody has anything to say; here that is an error.

use JSON::XS ();

use PVE::Native::Error;

# Seconds between two broadcasts of what has not changed.
our $INTERVAL = 60;

my $json = JSON::XS->new->utf8->canonical;

# What this process has sent last, by key: what it was about, its bytes, and when.
my %sent;

my sub fail ($message) {
    $message =~ s/\s+\z//;
    die PVE::Native::Error->new(code => 2, name => 'io', errno => 5, message => $message);
}

my sub asked ($what, $code) {
    my $answer;
    return $answer if eval { $answer = $code->(); 1 };
    fail("$what: $@");
}

# --- Reading --------------------------------------------------------------------------------------

# The bytes of a file; undef if there is none.
sub file ($name) {
    require PVE::Cluster;
    return asked("cannot read '$name' of the cluster", sub { PVE::Cluster::get_config($name) });
}

# Who is in the cluster, as PVE::Cluster::get_members says it; nothing if there is no cluster. Of all
# questions to pmxcfs this has to be the first: it makes sure that there is somebody to answer.
sub members () {
    require PVE::Cluster;
    asked("cannot ask the cluster's file system", sub { PVE::Cluster::cfs_update(1); 1 });
    my $members = PVE::Cluster::get_members() // {};
    # After its start pmxcfs does not know at once who is in the cluster.
    fail("the members of the cluster are not known (yet)")
        if !$members->%* && length(file('corosync.conf') // '');
    return $members;
}

# What all nodes have broadcast.
sub broadcasts ($key) {
    require PVE::Cluster;
    return PVE::Cluster::get_node_kv($key);
}

# --- Writing --------------------------------------------------------------------------------------

# An object as it is broadcast. Errors of the system are bytes, others may be characters.
sub encoded ($object) {
    return $json->encode($object);
}

sub plain_text ($error) {
    my $text = "$error";
    utf8::decode($text) if !utf8::is_utf8($text);
    $text =~ s/\s+\z//;
    # However it is spelled as JSON, there is room for it.
    return substr($text, 0, 5000);
}

my sub is_there ($key, $bytes) {
    require PVE::INotify;
    my $node = PVE::INotify::nodename();
    my $there = PVE::Cluster::get_node_kv($key, $node)->{$node};
    return defined($bytes) ? defined($there) && $there eq $bytes : !defined($there);
}

# Broadcasts under this key what $make gives, unless that is about the same as the last time, not long
# ago; undef takes back what was broadcast. pmxcfs forgets all when it is restarted, and so it is looked
# at. Returns whether anything was sent.
sub broadcast ($key, $about, $make, $now) {
    require PVE::Cluster;
    my $last = $sent{$key};
    if ($last && ($last->{about} // '') eq ($about // '')) {
        my $age = $now - $last->{time};
        return 0 if $age >= 0 && $age < $INTERVAL && is_there($key, $last->{bytes});
    }
    my $bytes = defined($about) ? $make->() : undef;
    my @complaints;
    {
        # What goes wrong is only warned of there.
        local $SIG{__WARN__} = sub { push @complaints, @_ };
        delete $sent{$key};
        asked("cannot broadcast '$key'", sub { PVE::Cluster::broadcast_node_kv($key, $bytes); 1 });
    }
    fail("cannot broadcast '$key': $complaints[0]") if @complaints;
    $sent{$key} = { about => $about, bytes => $bytes, time => $now };
    return 1;
}

# Forgets what was sent, as a new process.
sub forget () {
    %sent = ();
    return;
}

1;
