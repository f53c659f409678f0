use v5.36;

use lib 'perl/t/lib';

# PVE::Native::Override in a stock pve-storage: answers before, during and after. See StockStorage.

use JSON::XS qw(decode_json);
use Test::More;

use PVE::Native::Override;
use StockStorage;
use TestImages qw(directory qemu_img);

StockStorage::or_skip();
StockStorage::load();

my $path = directory() . '/disk.qcow2';
qemu_img('create', '-q', '-f', 'qcow2', $path, '4M');

my %functions = (
    file_size_info => \&PVE::Storage::Plugin::file_size_info,
    qemu_img_info => \&PVE::Storage::Common::qemu_img_info,
    qemu_img_measure => \&PVE::Storage::Common::qemu_img_measure,
);

sub answers {
    return {
        file_size_info => [PVE::Storage::Plugin::file_size_info($path, 10, 'qcow2')],
        # What the module that is loaded calls by its own name.
        size => scalar(PVE::Storage::file_size_info($path, 10, 'qcow2')),
        qemu_img_info => decode_json(PVE::Storage::Common::qemu_img_info($path, 'qcow2', 10)),
        qemu_img_measure => decode_json(
            PVE::Storage::Common::qemu_img_measure(4096, 'qcow2', 10, ['cluster_size=65536']),
        ),
    };
}

my $theirs = answers();
PVE::Native::Override->install('storage');
is(PVE::Native::Override->status()->{storage}->{replaces}->@*, 3, 'all three are replaced');
isnt(PVE::Storage::Plugin->can('file_size_info'), $functions{file_size_info}, 'by others');
my $ours = answers();
is_deeply($ours->{$_}, $theirs->{$_}, "$_: the same") for sort keys %$theirs;
PVE::Native::Override->uninstall();
is(PVE::Storage::Plugin->can('file_size_info'), $functions{file_size_info}, 'put back');
is(PVE::Storage::Common->can($_), $functions{$_}, "$_: put back")
    for qw(qemu_img_info qemu_img_measure);
is_deeply(answers(), $theirs, 'and asked again');

done_testing();
