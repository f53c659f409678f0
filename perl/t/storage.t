use v5.36;

use lib 'perl/t/lib';

# What storages can do, as Perl asks it. Whether it is true is tried in stock_capabilities.t.

use Test::More;

use PVE::Native::Storage;
use TestImages qw(failure_of);

subtest 'a volume' => sub {
    my $volume = PVE::Native::Storage::capabilities('nfs', 'qcow2');
    my $internal = { method => 'internal', rollback => 'any', running => 'qemu' };
    my $chain = { method => 'volume-chain', rollback => 'newest', running => 'mixed' };
    is_deeply(
        $volume,
        {
            type => 'nfs',
            format => 'qcow2',
            level => 'file',
            shared => 'always',
            'content-types' => ['images'],
            allocation => 1,
            'needs-volume-chain' => 0,
            provisioning => 'thin-unless-preallocated',
            'initially-zero' => 1,
            snapshots => $internal,
            'snapshots-with-volume-chain' => $chain,
            'linked-clone-from' => ['base'],
            'linked-clone-format' => 'qcow2',
            'full-clone-from' => [qw(base current snap)],
            template => 1,
            rename => 1,
            replication => 0,
            'live-migration-without-copying' => 'always',
        },
        'all that there is to know',
    );
    my $thin = PVE::Native::Storage::capabilities('lvmthin', 'raw');
    is($thin->{'snapshots-with-volume-chain'}, undef, 'what is no option is undef');
    is($thin->{shared}, 'never', 'shared');
};

subtest 'types' => sub {
    my $types = PVE::Native::Storage::types();
    my $all = PVE::Native::Storage::all_capabilities();
    is_deeply([map { $_->{type} } $all->@*], $types, 'all of them, in one order');
    for my $type ($all->@*) {
        is_deeply(PVE::Native::Storage::capabilities($type->{type}), $type, $type->{type});
        for my $volume ($type->{volumes}->@*) {
            my $alone = PVE::Native::Storage::capabilities($type->{type}, $volume->{format});
            is_deeply($alone, $volume, "$type->{type}, $volume->{format}");
        }
    }
    my ($lvm) = grep { $_->{type} eq 'lvm' } $all->@*;
    is_deeply($lvm->{formats}, { default => 'raw', valid => ['raw'] }, 'formats');
    is($lvm->{'formats-with-volume-chain'}->{default}, 'qcow2', 'and with the option');
};

subtest 'content types' => sub {
    my $contents = PVE::Native::Storage::content_types();
    my @names = map { $_->{'content-type'} } $contents->@*;
    is_deeply(\@names, [qw(images rootdir vztmpl backup iso snippets import none)], 'names');
    ok(!(grep { !length($_->{description}) } $contents->@*), 'each says what it is');
};

subtest 'what there is not is an error' => sub {
    my @cases = (
        [[undef], qr/^type is undefined/],
        [[undef, 'raw'], qr/^type is undefined/],
        [['drbd'], qr/^unknown storage type 'drbd', known are zfspool, /],
        [["lvm\n"], qr/^unknown storage type 'lvm\\n'/],
        [['glusterfs', 'raw'], qr/^storage type 'glusterfs' is no part of Proxmox VE since/],
        [['lvm', 'vdi'], qr/^unknown volume format 'vdi', known are raw, qcow2, vmdk, subvol/],
        [['lvm', 'vmdk'], qr/'lvm' has no volumes of format 'vmdk', only raw, qcow2/],
        [['backup-directory', 'raw'], qr/'backup-directory' holds no volumes of guests/],
        [[['lvm']], qr/^type is a reference/],
        [['lvm', {}], qr/^format is a reference/],
        [["\x{263a}"], qr/characters that are not bytes/],
    );
    for my $case (@cases) {
        my ($args, $why) = $case->@*;
        my $err = failure_of(sub { PVE::Native::Storage::capabilities($args->@*) });
        is($err && $err->name, 'argument', 'an argument');
        like($err, $why, 'and why');
    }
};

done_testing();
