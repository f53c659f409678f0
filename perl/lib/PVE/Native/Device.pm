package PVE::Native::Device;

use v5.36;

sub is_suspended {
    my ($path, $sys) = @_;
    my $device = (stat($path))[6] // return 0;
    my $major = ($device >> 8 & 0xfff) | ($device >> 32 & ~0xfff);
    my $minor = ($device & 0xff) | ($device >> 12 & 0xffffff00);
    $sys //= '/sys';
    open(my $fh, '<', "$sys/dev/block/$major:$minor/dm/suspended") or return 0;
    my $state = <$fh>;
    return defined($state) && $state =~ m/^1/ ? 1 : 0;
}

1;

__END__

=head1 NAME

PVE::Native::Device - what the kernel says of a block device

=head1 SYNOPSIS

    use PVE::Native::Device;

    die "it would hang\n" if PVE::Native::Device::is_suspended('/dev/san/vm-100-disk-0.qcow2');

=head1 FUNCTIONS

=over

=item is_suspended($path)

Whether the device there is suspended, as a command of LVM leaves it that is killed at the wrong moment: who
reads it waits until somebody resumes it. The device is not opened, and no process is started. What is no
device of device-mapper is not suspended.

=back

=head1 SEE ALSO

L<PVE::Native::Plan>, F<docs/snapshots.md>

=cut
