use v5.36;

use lib 'perl/t/lib';

use Test::More;

use PVE::Native::ImageName;
use TestImages qw(failure_of);

sub parsed {
    my ($name) = @_;
    my $image = PVE::Native::ImageName::parse('lvmqcow2', $name) // return 'none';
    return join(' ', map { $image->{$_} // '-' } qw(volume part snapshot format standing));
}

my %meant = (
    'vm-100-disk-0.qcow2' => 'vm-100-disk-0.qcow2 current - qcow2 kept',
    'vm-100-disk-0' => 'vm-100-disk-0 current - raw kept',
    'vm-100-disk-0-base' => 'vm-100-disk-0.qcow2 bottom - raw kept',
    'vm-100-disk-0-snap-ab.qcow2' => 'vm-100-disk-0.qcow2 snapshot ab qcow2 kept',
    'vm-100-disk-0-snap-ab' => 'vm-100-disk-0.qcow2 snapshot ab raw kept',
    'new-vm-100-disk-0.qcow2' => 'vm-100-disk-0.qcow2 current - qcow2 unfinished',
    'del-3-vm-100-disk-0-snap-ab.qcow2' => 'vm-100-disk-0.qcow2 snapshot ab qcow2 removed',
    'root' => 'none',
);
is(parsed($_), $meant{$_}, "$_: what it says") for sort keys %meant;

my $image = PVE::Native::ImageName::parse('lvmqcow2', 'del-3-base-100-cloudinit.qcow2');
is_deeply(
    [$image->@{qw(owner base purpose number snapshots)}], [100, 1, 'cloudinit', 3, 1],
    'and what else it says',
);

my $form = \&PVE::Native::ImageName::form;
my $disk = 'vm-100-disk-0.qcow2';
is($form->('lvmqcow2', $disk), $disk, 'the current image');
is($form->('lvmqcow2', $disk, { snapshot => 'current' }), $disk, 'by its word');
is(
    $form->('pve-lvm', $disk, { snapshot => 'ab' }), 'snap_vm-100-disk-0_ab.qcow2',
    'another layout'
);
is($form->('lvmqcow2', $disk, { standing => 'unfinished' }), "new-$disk", 'unfinished');
is($form->('lvmqcow2', $disk, { snapshot => 'ab', raw => 1 }), 'vm-100-disk-0-snap-ab', 'raw');

is(PVE::Native::ImageName::removed('lvmqcow2', $disk, []), "del-0-$disk", 'removed');
is(PVE::Native::ImageName::removed('lvmqcow2', $disk, ["del-0-$disk"]), "del-1-$disk", 'again');

is(
    PVE::Native::ImageName::overlay_of(
        'lvmqcow2', 'vm-100-disk-1', 'vm-100-disk-1-snap-ab.qcow2',
    ),
    'ab',
    'an overlay of 2024',
);
is(
    PVE::Native::ImageName::overlay_of(
        'lvmqcow2', 'vm-100-disk-1', 'vm-100-disk-10-snap-ab.qcow2',
    ),
    undef,
    'of another volume',
);

my $check = \&PVE::Native::ImageName::check_volume;
is(failure_of(sub { $check->('lvmqcow2', $disk, { group => 'vg0' }) }), undef, 'a volume');
my %refused = (
    'vm-100-a-base' => qr/the raw bottom of/,
    'vm-100-a-snap-bc.qcow2' => qr/is the name of the snapshot 'bc'/,
    'disk' => qr/does not begin with/,
);
like(failure_of(sub { $check->('lvmqcow2', $_) }), $refused{$_}, "$_: refused")
    for sort keys %refused;
like(
    failure_of(sub { $check->('lvmqcow2', $disk, { group => 'g' x 70 }) }),
    qr/could not be activated/, 'names of devices are bounded',
);
my $check_snapshot = \&PVE::Native::ImageName::check_snapshot;
is(failure_of(sub { $check_snapshot->('lvmqcow2', $disk, 'ab') }), undef, 'a snapshot');
like(failure_of(sub { $check_snapshot->('lvmqcow2', $disk, '1a') }), qr/the first a letter/, '1a');

like(failure_of(sub { $form->('nfs', $disk) }), qr/unknown scheme 'nfs'/, 'unknown scheme');
like(
    failure_of(sub { $form->('lvmqcow2', $disk, { snap => 'ab' }) }), qr/unknown option 'snap'/,
    'unknown option',
);
like(
    failure_of(sub { PVE::Native::ImageName::removed('lvmqcow2', 'root', []) }),
    qr/no image's name/, 'no name',
);

done_testing();
