use v5.36;

use lib 'perl/t/lib';

# What is replaced in a loaded Proxmox VE, and that it is put back. Its modules are stood in for; with the
# real ones: stock_ha_manager.t and stock_override.t.

use Test::More;

use PVE::Native::Override;
use TestImages qw(directory failure_of write_file);
use TestProcess qw(in_child);

my $override = 'PVE::Native::Override';
my $static = 'PVE::RS::ResourceScheduling::Static';
my $dynamic = 'PVE::RS::ResourceScheduling::Dynamic';

my $unit = 0;

is_deeply(
    $override->status(),
    { map { $_ => { installed => 0, replaces => [] } } qw(placement scheduler storage) },
    'nothing is replaced unasked'
);
ok(!$INC{'PVE/Native/ResourceScheduling/Static.pm'}, 'nor loaded');

subtest 'where there is no Proxmox VE' => sub {
    for my $area (qw(placement scheduler storage)) {
        my $failure = failure_of(sub { $override->install($area) });
        isa_ok($failure, 'PVE::Native::Error', $area);
        like(
            "$failure", qr/\A$area: nothing to replace: Can't locate PVE[^\n]+\n\z/,
            'it is told'
        );
    }
    is($override->status()->{scheduler}->{installed}, 0, 'nothing is installed');
};

# What the HA manager loads is defined as the test goes on, as if it had been loaded then.
sub define ($module, %functions) {
    no strict qw(refs);
    no warnings qw(once);
    *{"${module}::$_"} = $functions{$_} for keys %functions;
    $INC{ $module =~ s{::}{/}gr . '.pm' } = __FILE__;
    return;
}

sub imbalance ($scheduler) {
    $scheduler->add_node($_, 16, 64) for 1 .. 3;
    $scheduler->add_service_usage_to_node('1', 'vm:1', { maxcpu => 8, maxmem => 32 });
    return $scheduler->calculate_node_imbalance();
}

subtest 'an older one, which has only one of the classes' => sub {
    # Its imbalance is on either scale.
    define(
        $static,
        new => sub { return bless({}, shift) },
        list_nodes => sub { return ['theirs'] },
        calculate_node_imbalance => sub { return $unit ? 1 : sqrt(2) },
        map {
            $_ => sub { return }
        } qw(add_node add_service_usage_to_node),
    );
    my ($new, $before) = (\&PVE::RS::ResourceScheduling::Static::new, $static->new());
    $override->install('scheduler');
    is_deeply(
        $override->status()->{scheduler},
        { installed => 1, replaces => ["${static}::new"] },
        'what there is'
    );
    my $ours = $static->new();
    isa_ok($ours, 'PVE::Native::ResourceScheduling::Static', 'a new scheduler');
    is_deeply($before->list_nodes(), ['theirs'], 'one from before is what it was');
    cmp_ok(abs(imbalance($ours) - sqrt(2)), '<', 1e-12, 'on the scale that was in use');

    my $installed = \&PVE::RS::ResourceScheduling::Static::new;
    $override->install('scheduler', 'scheduler');
    is(\&PVE::RS::ResourceScheduling::Static::new, $installed, 'the second time does nothing');
    $override->uninstall();
    is(\&PVE::RS::ResourceScheduling::Static::new, $new, 'the very function is back');
    isa_ok($static->new(), $static, 'and makes schedulers of its own');
    is_deeply($ours->list_nodes(), [1 .. 3], 'ours live on');
    $override->uninstall('scheduler');
    is($override->status()->{scheduler}->{installed}, 0, 'twice is no harm');
};

subtest 'both classes' => sub {
    define($dynamic, new => sub { die "not to be asked\n" });
    $unit = 1;
    $override->install('scheduler');
    isa_ok($dynamic->new(), 'PVE::Native::ResourceScheduling::Dynamic', 'the dynamic one');
    cmp_ok(abs(imbalance($static->new()) - 1), '<', 1e-12, 'on the scale of the later one');
    my $forked = sub {
        $override->uninstall();
        return ref($static->new()) eq $static;
    };
    ok(in_child($forked), 'a child can put it back for itself');
    isa_ok($static->new(), 'PVE::Native::ResourceScheduling::Static', 'not for us');

    no warnings qw(redefine);
    my $installed = \&PVE::RS::ResourceScheduling::Static::new;
    my $wrapper = sub { return $installed->(@_) };
    *PVE::RS::ResourceScheduling::Static::new = $wrapper;
    my $failure = failure_of(sub { $override->uninstall('scheduler') });
    like(
        "$failure", qr/\Auninstall: \S+::Static::new has been replaced by somebody else/,
        'who would be lost'
    );
    is(\&PVE::RS::ResourceScheduling::Static::new, $wrapper, 'is not');
    isa_ok($dynamic->new(), 'PVE::Native::ResourceScheduling::Dynamic', 'and all stays');
    *PVE::RS::ResourceScheduling::Static::new = $installed;
    $override->uninstall('scheduler');
    is(failure_of(sub { $dynamic->new() }), "not to be asked\n", 'both are back');
};

subtest 'the solver in the place of both modes' => sub {
    my $theirs = sub { return 'theirs' };
    define("PVE::HA::Usage::$_", new => $theirs) for qw(Static Dynamic);
    $override->install('placement');
    my $failure = failure_of(sub { PVE::HA::Usage::Static->new(undef, {}, { odd => 1 }) });
    like("$failure", qr/HA::Usage: unknown option 'odd'/, 'it is asked');
    $override->uninstall('placement');
    is(PVE::HA::Usage::Dynamic->new(), 'theirs', 'and put back');
};

subtest 'storage' => sub {
    define('PVE::Storage::Plugin', file_size_info => sub { return 'theirs' });
    define('PVE::Storage::Common', qemu_img_info => sub { return 'theirs' });
    my $path = directory() . '/disk';
    write_file($path, "\0" x 512);
    my $size = sub { return scalar(PVE::Storage::Plugin::file_size_info($path, 5, 'raw')) };
    $override->install('storage');
    is_deeply(
        $override->status(),
        {
            placement => { installed => 0, replaces => [] },
            scheduler => { installed => 0, replaces => [] },
            storage => {
                installed => 1,
                replaces =>
                    ['PVE::Storage::Plugin::file_size_info', 'PVE::Storage::Common::qemu_img_info'],
            },
        },
        'what this one has'
    );
    is($size->(), 512, 'a call that was compiled before');
    like(
        PVE::Storage::Common::qemu_img_info($path, 'raw', 5), qr/"virtual-size": ?512/,
        'another'
    );
    ok(!defined(&PVE::Storage::Common::qemu_img_measure), 'what was not there does not come');
    $override->install('scheduler');
    $override->uninstall('storage');
    is($size->(), 'theirs', 'put back alone');
    is($override->status()->{scheduler}->{installed}, 1, 'the other one stays');
    $override->uninstall();
};

subtest 'what makes no sense' => sub {
    for (
        ['no area', sub { $override->install() }],
        ['an area', sub { $override->install('odd') }],
        ['one of two', sub { $override->install('scheduler', 'odd') }],
        ['undef', sub { $override->install(undef) }],
        ['a reference', sub { $override->install([]) }],
        ['an area to put back', sub { $override->uninstall('odd') }],
        )
    {
        my ($name, $code) = @$_;
        my $failure = failure_of($code);
        isa_ok($failure, 'PVE::Native::Error', $name) or diag($failure);
        like("$failure", qr/\A[^\n]+\n\z/, "$name: one line");
    }
    is($override->status()->{scheduler}->{installed}, 0, 'nothing has been installed');
};

done_testing();
