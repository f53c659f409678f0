package PVE::Native;

use v5.36;

use XSLoader;

use PVE::Native::Error;

our $VERSION = '0.1.0';

# The packages that live in the shared library besides this one.
my @PACKAGES = map { "PVE::Native::RS::$_" }
    qw(Audit ClusterEngine ClusterStatus Extents Image Maps Measure Names Pin Placement Scheduler
    SnapshotGraph Storage Work);

XSLoader::load(__PACKAGE__, $VERSION);

# Functions of the library are installed per package; XSLoader knows of this one alone.
for my $package (@PACKAGES) {
    my $name = 'boot_' . ($package =~ s/::/__/gr);
    my $symbol = DynaLoader::dl_find_symbol($DynaLoader::dl_librefs[-1], $name)
        or die "cannot load PVE::Native: '$name' is missing in its library\n";
    DynaLoader::dl_install_xsub("PVE::Native::$name", $symbol, __FILE__)->();
}

if ((my $library = library_version()) ne $VERSION) {
    die "cannot load PVE::Native: modules are version $VERSION, the library is $library\n";
}

1;

__END__

=head1 NAME

PVE::Native - the native core of Proxmox VE's Perl code

=head1 SYNOPSIS

    use PVE::Native::Image;

    my $info = PVE::Native::Image::info('/var/lib/vz/images/100/vm-100-disk-0.qcow2');

=head1 DESCRIPTION

Loads the shared library that all modules of C<PVE::Native> stand on. Use the modules:

=over

=item L<PVE::Native::Image>

What is in a disk image and in the chain under it, and whether it may be used.

=item L<PVE::Native::Image::Extents>

Which image of a chain serves which part of the disk, a part at a time.

=item L<PVE::Native::Image::Pin>

An audited chain that is kept open for QEMU.

=item L<PVE::Native::SnapshotGraph>

The images of a volume, and the snapshots that they mean.

=item L<PVE::Native::Storage>

What a storage of some type can do.

=item L<PVE::Native::Placement>

Which node a guest is put on, and what guests use.

=item L<PVE::Native::HA::Stats>

What guests and nodes have used, from the RRD files of Proxmox VE.

=item L<PVE::Native::Placement::Collect>

The question where guests are to run, with all that a node knows of its cluster.

=item L<PVE::Native::ClusterStatus>

How healthy LUNs are: what a node tells the others of its multipath maps, and what all say together.

=item L<PVE::Native::ClusterStatus::Engine>

The same as it changes, with what has changed since somebody asked last.

=item L<PVE::Native::Multipath>

The same in a cluster of Proxmox VE: what a node broadcasts, and what all of them say together.

=item L<PVE::Native::API2::Multipath>

The same in the interface of Proxmox VE.

=item L<PVE::Native::ImageName>

Which volume and which snapshot an image is, by its name.

=item L<PVE::Native::ResourceScheduling>

Where Proxmox VE would start a guest, and what it would migrate.

=item L<PVE::Native::Override>

Puts these modules behind functions of a loaded Proxmox VE.

=item L<PVE::Native::Plan>

Carries out what a snapshot graph has planned.

=item L<PVE::Native::Error>

What all functions die with.

=back

The library works under taint mode, in forked children and in threads, keeps no lock and, but for
objects that hold images open, no descriptor after a call, and never writes to the environment, to the
log or to a file handle.

With it comes the storage type L<lvmqcow2|PVE::Storage::Custom::LvmQcow2Plugin>, for Proxmox VE alone.

=head1 FUNCTIONS

=over

=item library_version()

The version of the shared library. It is the same as C<$PVE::Native::VERSION>; anything else is an
error when the module is loaded.

=back

=cut
