package StockStorage;

# Loads a stock PVE::Storage, to hold what this library says and does against the real thing. It is
# taken from PVE_STORAGE_SRC and PVE_COMMON_SRC, the folders of a copy of pve-storage and of
# pve-common (each with src/PVE), which are no part of this repository. What belongs to a cluster is
# stood in for; see StockStandIns.
#
#     use StockStorage;
#     StockStorage::or_skip();
#     StockStorage::load('PVE::Storage::Custom::LvmQcow2Plugin');
#     StockStorage::configure("lvmqcow2: san\n\tvgname vg0\n\tcontent images\n");
#     my $cfg = PVE::Storage::config();

use v5.36;

use Test::More;

use StockStandIns;

# Of Debian's packages, beside what perl itself brings.
my @needed = qw(
    File::chdir Filesys::Df HTTP::Daemon JSON Linux::Inotify2 LWP::UserAgent Net::IP XML::LibXML
);

# Skips the whole test where there is no stock storage to load.
sub or_skip {
    my $why = missing();
    plan(skip_all => $why) if defined($why);
    return;
}

# Why it cannot be loaded here, or undef.
sub missing {
    for my $name (qw(PVE_STORAGE_SRC PVE_COMMON_SRC)) {
        return "$name is not set: no stock pve-storage to compare with"
            if !length($ENV{$name} // '');
    }
    my @missing = grep {
        my $file = StockStandIns::file_of($_);
        !grep { !ref && -e "$_/$file" } @INC
    } @needed;
    return "the stock pve-storage needs the Perl modules @missing" if @missing;
    return undef;
}

# Loads the stock PVE::Storage with all its plugins and the named ones beside them, which are
# required, judged and registered at the moment and by the rules at which PVE::Storage takes those
# in its Custom folder. Unlike there, what speaks against one is fatal. Returns the names of the
# modules that are stood in for.
sub load {
    my (@custom) = @_;
    unshift @INC, source('PVE_STORAGE_SRC', 'PVE/Storage.pm'),
        source('PVE_COMMON_SRC', 'PVE/SectionConfig.pm');
    my @stood_in = StockStandIns::install();

    require PVE::Storage::Plugin;
    my $init = PVE::Storage::Plugin->can('init');
    # The one moment at which they can still register.
    no warnings qw(once redefine);
    local *PVE::Storage::Plugin::init = sub {
        my ($class) = @_;
        register($_) for @custom;
        return $init->($class);
    };
    require PVE::Storage;
    return @stood_in;
}

sub register {
    my ($plugin) = @_;
    require(StockStandIns::file_of($plugin));
    die "$plugin is not derived from PVE::Storage::Plugin\n"
        if !$plugin->isa('PVE::Storage::Plugin');
    my ($version, $newest) = ($plugin->api(), PVE::Storage::APIVER());
    my $oldest = $newest - PVE::Storage::APIAGE();
    die "$plugin has version $version of the interface, not $oldest to $newest\n"
        if $version > $newest || $version < $oldest;
    $plugin->register();
    return;
}

# What storage.cfg holds from now on.
sub configure {
    my ($text) = @_;
    $StockStandIns::files{'storage.cfg'} = $text;
    return;
}

# Taint mode loads no code from a folder that only the environment names, so it is looked at first.
sub source {
    my ($name, $file) = @_;
    my ($dir) = $ENV{$name} =~ m!^(/[^\0:]+)$!;
    die "$name is not the absolute path of a folder\n" if !defined($dir);
    for my $candidate ("$dir/src", $dir) {
        return $candidate if -e "$candidate/$file";
    }
    die "$name: there is no src/$file in $dir\n";
}

1;
