package StockStandIns;

# What a loaded PVE::Storage calls and a machine without a cluster does not have, reduced to what
# tests of storage plugins need: configuration files in memory, the cluster's locks as files in a
# directory of the test's own, tasks as children that are waited for. Nothing here reaches a real
# cluster, even where one is installed.

use v5.36;

use Fcntl qw(LOCK_EX LOCK_NB);
use File::Temp qw(tempdir);
use POSIX ();
use Time::HiRes qw(sleep time);

# Stood in for always, and where the machine does not have the real one. The latter are needed to
# load a plugin, not to run what tests run.
my @always = qw(PVE::Cluster PVE::DataCenterConfig PVE::RPCEnvironment PVE::SSHInfo);
my @if_missing = qw(
    Net::DBus Net::DBus::Callback Net::DBus::Reactor POSIX::strptime PVE::APIClient::LWP PVE::RADOS
);

# The content of the cluster's files, by name.
our %files;
# The storage locks that were taken, and how long each was held: { storage, seconds }. How many are
# held now.
our @locks;
our $locked = 0;
# What ran as a task, and its wait status: { type, status }.
our @tasks;

# Must be called before PVE::Storage is loaded; returns what is stood in for.
sub install {
    my @used = @always;
    for my $module (@if_missing) {
        push @used, $module if !grep { !ref && -e "$_/" . file_of($module) } @INC;
    }
    $INC{ file_of($_) } = __FILE__ for @used;
    return @used;
}

sub file_of {
    my ($module) = @_;
    return $module =~ s{::}{/}gr . '.pm';
}

package PVE::Cluster {
    use Exporter qw(import);
    use Time::HiRes qw(time);

    our @EXPORT_OK = qw(cfs_register_file cfs_read_file cfs_write_file cfs_lock_file);

    my %parsers;
    my $dir;

    sub cfs_register_file {
        my ($name, $parser, $writer) = @_;
        $parsers{$name} = { parser => $parser, writer => $writer };
        return;
    }

    sub cfs_read_file {
        my ($name) = @_;
        my $parser = $parsers{$name}->{parser} or return {};
        return $parser->($name, $files{$name});
    }

    sub cfs_write_file {
        my ($name, $data) = @_;
        my $writer = $parsers{$name}->{writer};
        $files{$name} = $writer ? $writer->($name, $data) : $data;
        return;
    }

    sub cfs_lock_file {
        my ($name, $timeout, $code, @args) = @_;
        return under_lock("file-$name", $timeout, $code, @args);
    }

    # The real lock may be held for 60 seconds.
    sub cfs_lock_storage {
        my ($storage, $timeout, $code, @args) = @_;
        my $counted = sub {
            my $since = time();
            local $locked = $locked + 1;
            my $result = eval { $code->(@args) };
            my $error = $@;
            push @locks, { storage => $storage, seconds => time() - $since };
            die $error if $error;
            return $result;
        };
        return under_lock("storage-$storage", $timeout, $counted);
    }

    sub get_vmlist {
        return { ids => {} };
    }

    # As the real ones: whether it failed is in $@.
    sub under_lock {
        my ($name, $timeout, $code, @args) = @_;
        $dir //= StockStandIns::directory();
        my $result = eval {
            open(my $handle, '>>', "$dir/$name") or die "cannot open lock '$name': $!\n";
            my $end = time() + ($timeout || 10);
            until (flock($handle, StockStandIns::LOCK_EX | StockStandIns::LOCK_NB)) {
                die "got lock request timeout\n" if time() > $end;
                StockStandIns::sleep(0.01);
            }
            $code->(@args);
        };
        return $result;
    }
}

package PVE::RPCEnvironment {

    sub get {
        return bless {}, __PACKAGE__;
    }

    sub get_user {
        return 'root@pam';
    }

    sub check {
        return 1;
    }

    sub is_worker {
        return 0;
    }

    # A task is another process: what it changes in memory is not seen here.
    sub fork_worker {
        my ($self, $type, $id, $user, $code) = @_;
        my $pid = fork() // die "cannot fork: $!\n";
        if (!$pid) {
            my $done = eval { $code->("UPID:test:$type"); 1 };
            print STDERR "task $type: $@" if !$done;
            POSIX::_exit($done ? 0 : 1);
        }
        waitpid($pid, 0);
        push @tasks, { type => $type, status => $? };
        return "UPID:test:$type";
    }
}

package Net::DBus {
    use Exporter qw(import);
    our @EXPORT_OK = qw(dbus_uint32 dbus_uint64 dbus_boolean);

    sub dbus_uint32 { return $_[0] }
    sub dbus_uint64 { return $_[0] }
    sub dbus_boolean { return $_[0] }
}

package StockStandIns;

sub directory {
    my ($dir) = tempdir('pve-native-XXXXXXXX', TMPDIR => 1, CLEANUP => 1) =~ m/^(.*)$/s;
    return $dir;
}

1;
