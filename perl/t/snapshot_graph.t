use v5.36;

use lib 'perl/t/lib';

# The snapshots of a volume as its images tell them, made by the real qemu-img.

use Config;
use Test::More;

use PVE::Native::Image;
use PVE::Native::SnapshotGraph;
use TestImages qw(directory qemu_img write_file failure_of);
use TestProcess qw(in_child open_files);

my $class = 'PVE::Native::SnapshotGraph';
my $dir = directory();
my $volume = 'vm-100-disk-0.qcow2';

sub create {
    my ($path, @args) = @_;
    qemu_img('create', '-q', '-f', 'qcow2', @args, $path);
    return $path;
}

# A volume with snapshots of these names, the oldest first; returns the paths by state.
sub chain_of {
    my ($where, $name_of, @snapshots) = @_;
    mkdir($where);
    my ($below, %paths);
    for my $state (@snapshots, 'current') {
        my $name = $state eq 'current' ? $volume : $name_of->($state);
        my @on = $below ? ('-b', $below, '-F', 'qcow2') : ();
        $paths{$state} = create("$where/$name", @on, $below ? () : ('-u', '-o', 'size=4M'));
        $below = $name;
    }
    return \%paths;
}

my %name_of = (
    'lvmqcow2' => sub { "vm-100-disk-0-snap-$_[0].qcow2" },
    'pve-dir' => sub { "snap-$_[0]-vm-100-disk-0.qcow2" },
    'pve-lvm' => sub { "snap_vm-100-disk-0_$_[0].qcow2" },
);

# All files of a folder, as a caller lists them.
sub listing {
    my ($where) = @_;
    opendir(my $dh, $where) or die "cannot read $where: $!\n";
    my @names = map { m/^([^.].*)$/s ? $1 : () } readdir($dh);
    return [map { { name => $_, path => "$where/$_", size => -s "$where/$_" } } @names];
}

for my $scheme (sort keys %name_of) {
    subtest "layout $scheme" => sub {
        my $where = "$dir/$scheme";
        my $paths = chain_of($where, $name_of{$scheme}, qw(first second));
        create("$where/vm-100-disk-1.qcow2", '-u', '-o', 'size=1M');
        my %opts = (scheme => $scheme, storeid => 'san');
        my $entry = sub {
            my ($state, $order, %more) = @_;
            my ($name) = $paths->{$state} =~ m!([^/]+)$!;
            return {
                order => $order, file => $paths->{$state}, volname => $name,
                volid => "san:$name", 'virtual-size' => 4 << 20, %more,
            };
        };
        my $expected = {
            current => $entry->('current', 0, parent => 'second'),
            second => $entry->('second', 1, parent => 'first', child => 'current'),
            first => $entry->('first', 2, child => 'second'),
        };
        my %graphs = (
            'the chain' => $class->from_chain("$where/$volume", {%opts}),
            'the chain, in time' =>
                $class->from_chain("$where/$volume", { %opts, timeout => '5.5' }),
            'the listing' =>
                $class->from_volumes(listing($where), { %opts, volname => $volume }),
            'the listing, in time' => $class->from_volumes(
                listing($where), { %opts, volname => $volume, timeout => 5 },
            ),
        );
        for my $from (sort keys %graphs) {
            my $graph = $graphs{$from};
            isa_ok($graph, $class, $from);
            is_deeply($graph->snapshot_info(), $expected, "snapshot_info of $from");
            is_deeply([$graph->names()], [qw(first second)], 'names, as a list');
            is_deeply(scalar($graph->names()), [qw(first second)], 'and as a reference');
            is($graph->current()->{path}, "$where/$volume", 'the current image');
            is_deeply([$graph->blockers('first')], ['second'], 'what a rollback would lose');
            is_deeply(scalar($graph->blockers('second')), [], 'nothing');
            is_deeply([$graph->findings()], [], 'nothing is found');
        }
        # The last image of the chain tells as well which volume it belongs to.
        my $below = $class->from_chain($paths->{first}, {%opts});
        is_deeply([$below->names()], ['first'], 'the chain under a snapshot');
        is_deeply([map { $_->{code} } $below->findings()], ['current-missing'], 'is no volume');
    };
}

my $lvm = "$dir/lvmqcow2";
my %opts = (scheme => 'lvmqcow2', volname => $volume);

subtest 'all of it' => sub {
    my $list = listing($lvm);
    $_->{tags} = 'pve-vm-100,two' for grep { $_->{name} eq $volume } @$list;
    my $graph = $class->from_volumes($list, {%opts});
    my $all = $graph->as_hash();
    is($all->{scheme}, 'lvmqcow2', 'scheme');
    is($all->{volname}, $volume, 'volname');
    is($all->{layout}, 'named', 'layout');
    is_deeply($all->{snapshots}, $graph->snapshot_info(), 'snapshots');
    is_deeply($all->{findings}, scalar($graph->findings()), 'findings');
    my $images = $all->{images};
    is_deeply($images->[$all->{current}], $graph->current(), 'current');
    is_deeply(
        [map { $images->[$_]->{role} } $all->{line}->@*],
        [qw(current snapshot snapshot)], 'line'
    );
    my $current = $graph->current();
    is_deeply($current->{tags}, ['pve-vm-100', 'two'], 'tags');
    is($current->{size}, -s "$lvm/$volume", 'size');
    is($images->[$current->{parent}]->{snapshot}, 'second', 'parent');
    is($current->{'backing-filename'}, 'vm-100-disk-0-snap-second.qcow2', 'name as recorded');
    like(
        $graph->to_text(), qr/\A\Q$volume\E \(lvmqcow2\): 2 snapshots\n  current  /,
        'as text'
    );
    like($graph->to_dot(), qr/\Adigraph .*image\d -> image\d;\n}\n\z/s, 'for graphviz');
};

subtest 'a volume that is damaged' => sub {
    my $where = "$dir/damaged";
    my $paths = chain_of($where, $name_of{lvmqcow2}, qw(aa bb cc));
    my $list = listing($where);
    create(
        "$where/vm-100-disk-0-snap-side.qcow2", '-b', 'vm-100-disk-0-snap-aa.qcow2', '-F',
        'qcow2'
    );
    unlink($paths->{bb}) or die "cannot unlink: $!\n";
    my $graph = $class->from_volumes([$list->@*, listing($where)->@*], {%opts});
    my %found = map { $_->{code} => $_ } $graph->findings();
    is_deeply([sort keys %found], [qw(inactive unlinked)], 'what is found')
        or diag($graph->to_text());
    is($found{inactive}->{volume}, 'vm-100-disk-0-snap-bb.qcow2', 'which image');
    is($found{inactive}->{severity}, 'warning', 'how grave');
    like(
        $found{inactive}->{message}, qr/^'vm-100-disk-0-snap-bb.qcow2' is not active$/,
        'text'
    );
    is($graph->snapshot_info()->{bb}->{'virtual-size'}, undef, 'no size');

    my $chain = $class->from_chain($paths->{current}, {%opts});
    is_deeply(
        [map { $_->{code} } $chain->findings()], ['missing'],
        'in the chain it is missing'
    );
    is_deeply(scalar($chain->names()), [qw(bb cc)], 'and nothing is known below it');

    my $none = $class->from_volumes([], {%opts});
    is($none->current(), undef, 'no image, no current one');
    is_deeply($none->snapshot_info(), {}, 'nor a state');
    is_deeply([map { $_->{code} } $none->findings()], ['no-image'], 'which is a finding');
};

subtest 'a device that is suspended' => sub {
    my $where = "$dir/suspended";
    my $paths = chain_of($where, $name_of{lvmqcow2}, qw(aa bb));
    my $list = listing($where);
    my ($bb) = grep { $_->{path} eq $paths->{bb} } $list->@*;
    for my $false (undef, 0, '', '0') {
        $bb->{suspended} = $false;
        is_deeply([$class->from_volumes($list, {%opts})->findings()], [], 'is none');
    }
    for my $true (1, 'suspended') {
        $bb->{suspended} = $true;
        my $graph = $class->from_volumes($list, {%opts});
        my ($image) = grep { ($_->{snapshot} // '') eq 'bb' } $graph->as_hash()->{images}->@*;
        is($image->{content}, 'inactive', "'$true': it is not read");
        is($image->{size}, $bb->{size}, 'what else is said of it is known');
        my ($first) = $graph->diagnose();
        is($first->{code}, 'not-active', 'which is what is wrong');
        like(
            join(' ', $first->{plan}->{steps}->[0]->{argv}->@*), qr/lvchange -ay /,
            'and what helps'
        );
    }
    my $alone = { name => $volume, path => $paths->{current}, suspended => 1 };
    my $graph = $class->from_volumes([$alone], {%opts});
    is($graph->current()->{content}, 'inactive', 'without size and tags');
};

subtest 'snapshots within an image' => sub {
    my $image = create("$dir/$volume", '-u', '-o', 'size=1M');
    qemu_img('snapshot', '-c', 'inner', $image);
    my $graph = $class->from_chain($image, { scheme => 'internal' });
    is_deeply([keys $graph->snapshot_info()->%*], ['inner'], 'are told');
    like($graph->snapshot_info()->{inner}->{timestamp}, qr/^[0-9]+$/, 'with their time');
    is_deeply([$graph->blockers('inner')], [], 'and can all be rolled back to');
};

subtest 'formats' => sub {
    my $raw = write_file("$dir/vm-100-disk-7", 'x' x 4096);
    my $graph = $class->from_chain($raw, { scheme => 'lvmqcow2' });
    is($graph->current()->{format}, 'raw', 'the name says it');
    $graph = $class->from_chain($raw, { scheme => 'lvmqcow2', format => 'qcow2' });
    is(($graph->findings())[0]->{code}, 'wrong-format', 'or the caller');
};

sub error_of {
    my ($code) = @_;
    my $err = failure_of($code);
    return ref($err) ? $err->name . ": $err" : $err;
}

subtest 'arguments that make no sense' => sub {
    my $path = "$lvm/$volume";
    my $chain = sub {
        my @args = @_;
        return error_of(sub { $class->from_chain(@args) });
    };
    my $list = sub {
        my @args = @_;
        return error_of(sub { $class->from_volumes(@args) });
    };
    like($chain->($path, {}), qr/^argument: scheme is undefined$/, 'no layout');
    like($chain->($path), qr/^argument: scheme is undefined$/, 'no options');
    like($chain->($path, { scheme => 'zfs' }), qr/^argument: unknown scheme 'zfs'$/, 'another');
    like(
        $chain->($path, { %opts, size => 1 }), qr/from_chain: unknown option 'size'$/,
        'option'
    );
    like(
        $list->([], { %opts, format => 1 }), qr/from_volumes: unknown option 'format'$/,
        'here too'
    );
    like($chain->(undef, {%opts}), qr/^argument: path is undefined$/, 'no path');
    like($chain->('', {%opts}), qr/^argument: path is empty$/, 'an empty one');
    like($chain->([], {%opts}), qr/^argument: path is a reference$/, 'none');
    like($chain->($path, []), qr/^argument: .*not a hash$/, 'options');
    like(
        $chain->($path, { %opts, volname => '../x' }), qr/^argument: no volume is called/,
        'volume'
    );
    like(
        $chain->($path, { %opts, storeid => 'a:b' }), qr/^argument: no storage is called/,
        'storage'
    );
    like($chain->($path, { %opts, timeout => '10G' }), qr/^argument: timeout/, 'timeout');
    like(
        $chain->($path, { %opts, format => 'x' }), qr/^argument: unknown format 'x'$/,
        'format'
    );
    like($chain->($path, { %opts, limits => { x => 1 } }), qr/^argument: /, 'limits');
    like(
        $chain->("$dir/root", { scheme => 'lvmqcow2' }),
        qr/^argument: 'root' is no image's name/, 'name'
    );

    like($list->(undef, {%opts}), qr/^argument: .*volumes are not an array$/, 'no list');
    like($list->([undef], {%opts}), qr/^argument: .*a volume is not a hash$/, 'no hash');
    like(
        $list->([{ name => 'a' }], {%opts}), qr/^argument: path of a volume is undefined$/,
        'path'
    );
    like(
        $list->([{ path => 'a' }], {%opts}), qr/^argument: name of a volume is undefined$/,
        'name'
    );
    my %one = (name => $volume, path => $path);
    like($list->([{ %one, tag => 'x' }], {%opts}), qr/unknown key 'tag' of a volume$/, 'key');
    like(
        $list->([{ %one, size => '1G' }], {%opts}),
        qr/size of a volume '1G' is not a number$/, 'size'
    );
    like($list->([{ %one, tags => {} }], {%opts}), qr/tags is a reference$/, 'tags');
    like($list->([{ %one, suspended => [] }], {%opts}), qr/suspended is a reference$/, 'state');
    like($list->([{ %one, tags => [undef] }], {%opts}), qr/tag is undefined$/, 'a tag');
    like($list->([{ %one, name => [] }], {%opts}), qr/name is a reference$/, 'a reference');
    like(
        $list->([{ %one, path => '' }], {%opts}), qr/path of a volume is empty$/,
        'empty path'
    );
    like(
        $list->(
            [map { { name => "vm-$_-disk-0", path => 'x' } } 1, 2], { scheme => 'lvmqcow2' }
        ),
        qr/^argument: volname is needed/, 'two volumes',
    );
    my $graph = $class->from_chain($path, {%opts});
    like(
        error_of(sub { $graph->blockers('none') }),
        qr/^argument: snapshot 'none' does not exist/, 'none'
    );
    like(
        error_of(sub { $graph->blockers(undef) }), qr/^argument: snapshot is undefined$/,
        'undef'
    );
};

subtest 'text in other clothes' => sub {
    my $where = "$dir/gr\xfcn";
    chain_of($where, $name_of{lvmqcow2}, 'first');
    utf8::upgrade(my $upgraded = "$where/$volume");
    my $graph = $class->from_chain($upgraded, {%opts});
    is($graph->current()->{path}, "$where/$volume", 'an upgraded path is the same bytes');
    $graph = $class->from_volumes([{ name => $volume, path => $upgraded }], {%opts});
    is($graph->current()->{path}, "$where/$volume", 'in a listing, too');

    package Overloaded {
        use overload '""' => sub { $_[0]->{text} }, 'fallback' => 1;
    }
    my $object = bless { text => "$where/$volume" }, 'Overloaded';
    is($class->from_chain($object, {%opts})->current()->{path}, "$where/$volume", 'an object');
    $graph =
        $class->from_volumes([{ name => $volume, path => $object, size => undef }], {%opts});
    is($graph->current()->{path}, "$where/$volume", 'in a listing');
};

subtest 'what is no graph' => sub {
    my %others = (
        'undef' => undef,
        'text' => 'text',
        'the class' => $class,
        'a hash' => {},
        'a blessed hash' => bless({}, $class),
        'a blessed array' => bless([], $class),
        'blessed code' => bless(sub { return $dir }, $class),
        'a pin' => PVE::Native::Image::pin("$lvm/$volume"),
        'a copy' => bless({ $class->from_chain("$lvm/$volume", {%opts})->%* }, $class),
    );
    for my $name (sort keys %others) {
        for
            my $method (qw(snapshot_info current names blockers findings to_dot to_text as_hash))
        {
            my $err = failure_of(sub { $class->can($method)->($others{$name}, 'x') });
            is(ref($err) && $err->name, 'argument', "$name: $method");
        }
    }
};

subtest 'a graph is read once' => sub {
    my $files = open_files();
    my $graph = $class->from_chain("$lvm/$volume", {%opts});
    is(open_files(), $files, 'no file stays open');
    my $text = $graph->to_text();
    ok(in_child(sub { $graph->to_text() eq $text }), 'a forked child has it as well');
    is($graph->to_text(), $text, 'and takes nothing from us');
};

SKIP: {
    if (!$Config{useithreads}) {
        diag('SKIPPED threads: this perl has none');
        skip('this perl has no threads', 2);
    }
    require threads;
    my $graph = $class->from_chain("$lvm/$volume", {%opts});
    my $in_thread = threads->create(
        sub {
            eval { $graph->names(); 1 } ? 'lived' : 'died';
        }
    )->join();
    is($in_thread, 'died', 'a thread that is made later does not have it');
    is_deeply(scalar($graph->names()), [qw(first second)], 'and takes nothing from us');
}

done_testing();
