use v5.36;

use lib 'perl/t/lib';

# Audits: what they say, and every key of a policy.

use B ();
use File::Temp ();
use JSON::PP ();
use Test::More;
use Tie::Array ();

use PVE::Native::Image;
use TestImages qw(directory qemu_img read_file write_file failure_of);

my $dir = directory();

sub create {
    my ($name, @args) = @_;
    my ($path, $format) = ("$dir/$name", $name =~ m/\.(\w+)$/ ? $1 : 'raw');
    qemu_img('create', '-q', '-f', $format, @args, $path, '1M');
    return $path;
}

sub audit {
    my ($path, %policy) = @_;
    return PVE::Native::Image::audit($path, \%policy);
}

# The codes of the findings that forbid the use of an image.
sub errors {
    my ($path, %policy) = @_;
    my $audit = audit($path, %policy);
    my @errors = grep { $_->{severity} eq 'error' } $audit->{findings}->@*;
    is($audit->{safe}, @errors ? 0 : 1, 'safe means that there is none');
    return [map { $_->{code} } @errors];
}

sub refused {
    my ($path, %policy) = @_;
    return failure_of(sub { audit($path, %policy) });
}

my $alone = create('alone.qcow2');
my $raw = create('disk.raw');
my $base = create('base.qcow2');
my $top = create('top.qcow2', '-b', 'base.qcow2', '-F', 'qcow2');

subtest 'the answer' => sub {
    my $audit = audit($top, preset => 'upload');
    is_deeply([sort keys %$audit], [qw(chain findings safe)], 'its keys');
    ok(B::svref_2object(\$audit->{safe})->FLAGS & B::SVf_IOK, 'safe is a number');
    is($audit->{chain}->[0]->{'virtual-size'}, 1 << 20, 'the chain as chain() has it');
    my ($finding) = $audit->{findings}->@*;
    is_deeply([sort keys %$finding], [qw(code image message offset severity)], 'a finding');
    is($finding->{code}, 'backing-file', 'its code');
    is($finding->{severity}, 'error', 'its severity');
    is($finding->{image}, $top, 'its image');
    like($finding->{offset}, qr/^\d+$/, 'its offset');
    like($finding->{message}, qr/stands on a backing file, 'base.qcow2'/, 'its message');
    is(audit($alone)->{safe}, 1, 'without a policy');
    is(PVE::Native::Image::audit($alone)->{safe}, 1, 'without any');
    is_deeply(audit($alone)->{findings}, [], 'and nothing to tell');
};

subtest 'audit_or_die' => sub {
    my $policy = { preset => 'upload' };
    my $audit = PVE::Native::Image::audit_or_die($alone, $policy);
    is_deeply($audit, PVE::Native::Image::audit($alone, $policy), 'gives the audit');
    my $err = failure_of(sub { PVE::Native::Image::audit_or_die($top, $policy) });
    isa_ok($err, 'PVE::Native::Error');
    is($err->name, 'denied', 'its word');
    is($err->path, $top, 'its path');
    like("$err", qr/\A[^\n]+'base\.qcow2'[^\n]*\n\z/, 'one line, with the finding');
    is($err->offset, audit($top, %$policy)->{findings}->[0]->{offset}, 'its offset');
    $err = failure_of(sub { PVE::Native::Image::audit_or_die("$dir/none") });
    is($err->name, 'io', 'what is not there is another error');
};

subtest 'presets' => sub {
    is_deeply(errors($alone, preset => 'upload'), [], 'upload passes');
    is_deeply(errors($top, preset => 'upload'), ['backing-file'], 'upload fails');
    is_deeply(errors($top, preset => 'restore', roots => [$dir]), [], 'restore passes');
    mkdir("$dir/elsewhere");
    is_deeply(
        errors($top, preset => 'restore', roots => ["$dir/elsewhere"]),
        ['outside-roots'],
        'restore fails'
    );
    my $guest = write_file("$dir/guest.raw", read_file($alone));
    is_deeply(errors($guest, preset => 'storage'), [], 'storage passes');
    is_deeply(errors($guest), ['hidden-format'], 'which nobody else does');
    is_deeply(
        errors($top, preset => 'storage', 'deny-backing' => 1), ['backing-file'],
        'nor all'
    );
    like(refused($top, preset => 'restore'), qr/needs roots/, 'restore without roots');
    like(refused($top, preset => 'none'), qr/unknown preset 'none'/, 'another one');
};

subtest 'format' => sub {
    is_deeply(errors($alone, format => 'qcow2'), [], 'passes');
    is_deeply(errors($alone, format => 'auto-detect'), [], 'probed');
    is_deeply(errors($raw, format => 'qcow2'), ['wrong-format'], 'fails');
    like(refused($raw, format => 'zip'), qr/unknown format 'zip'/, 'unknown');
};

subtest 'roots' => sub {
    is_deeply(errors($top, roots => ["$dir/elsewhere", "$dir/"]), [], 'passes');
    is_deeply(errors($top, roots => ["$dir/elsewhere"]), ['outside-roots'], 'fails');
    my $far = create('elsewhere/far.qcow2', '-b', $base, '-F', 'qcow2');
    is_deeply(
        errors($far), ['outside-roots'],
        'without roots it is the folder of the top image'
    );
    is_deeply(errors($top, roots => []), [], 'an empty list is none');
    like(refused($top, roots => $dir), qr/roots is not a list/, 'no list');
    like(refused($top, roots => ["$dir/none"]), qr/No such file/, 'not there');
    like(refused($top, roots => [$top]), qr/not a directory/, 'no directory');
    like(refused($top, roots => ['']), qr/path is empty/, 'no name');
    like(refused($top, roots => [undef]), qr/roots is undefined/, 'undef');
};

subtest 'formats' => sub {
    is_deeply(errors($alone, formats => [qw(raw qcow2)]), [], 'passes');
    is_deeply(errors($alone, formats => ['raw']), ['format-not-allowed'], 'fails');
    like(refused($alone, formats => ['zip']), qr/unknown format 'zip'/, 'unknown');
    like(refused($alone, formats => 'raw'), qr/formats is not a list/, 'no list');
};

subtest 'protocols' => sub {
    my $nbd = create('nbd.qcow2', '-u', '-b', 'nbd://127.0.0.1/x', '-F', 'raw');
    is_deeply(errors($nbd, protocols => ['nbd']), [], 'passes');
    is_deeply(errors($nbd), ['protocol'], 'fails');
    like(refused($nbd, protocols => [$_]), qr/'$_' is no protocol/, "not '$_'")
        for 'nbd:', 'json', '';
};

subtest 'deny-backing' => sub {
    is_deeply(errors($top, 'deny-backing' => 0), [], 'passes');
    is_deeply(errors($top, 'deny-backing' => 1), ['backing-file'], 'fails');
};

subtest 'allow-data-file' => sub {
    my $split = create('split.qcow2', '-o', "data_file=$dir/split.data");
    is_deeply(errors($split, 'allow-data-file' => 1), [], 'passes');
    is_deeply(errors($split), ['data-file'], 'fails');
    like(
        refused($split, 'allow-data-file' => 1, preset => 'upload'), qr/allow-data-file/,
        'not with upload'
    );
};

subtest 'allow-unnamed-format' => sub {
    my $unnamed = create('unnamed.qcow2', '-b', 'base.qcow2', '-F', 'qcow2');
    my $image = read_file($unnamed);
    substr($image, index($image, "\xe2\x79\x2a\xca") + 8, 5) = "\0" x 5;
    write_file($unnamed, $image);
    is_deeply(errors($unnamed, 'allow-unnamed-format' => 1), [], 'passes');
    is_deeply(errors($unnamed), ['unnamed-format'], 'fails');
};

subtest 'max-depth' => sub {
    is_deeply(errors($top, 'max-depth' => 2), [], 'passes');
    is_deeply(errors($top, 'max-depth' => '1'), ['too-deep'], 'fails');
    is_deeply(errors($top, 'max-depth' => 0), [], '0 is the default');
    like(refused($top, 'max-depth' => $_), qr/max-depth/, "not '$_'") for qw(-1 3.5 x 10001);
};

subtest 'max-virtual-size' => sub {
    is_deeply(errors($top, 'max-virtual-size' => 1 << 20), [], 'passes');
    is_deeply(errors($top, 'max-virtual-size' => '18446744073709551615'), [], 'all 64 bits');
    is_deeply(errors($alone, 'max-virtual-size' => 1 << 19), ['virtual-size'], 'fails');
    like(refused($top, 'max-virtual-size' => '10G'), qr/max-virtual-size '10G'/, 'junk');
};

subtest 'symlinks' => sub {
    symlink('base.qcow2', "$dir/link.qcow2") or die "cannot link: $!\n";
    my $linked = create('linked.qcow2', '-b', 'link.qcow2', '-F', 'qcow2');
    is_deeply(errors($linked, symlinks => 0), [], 'inside passes');
    is_deeply(errors($linked, symlinks => 1), ['symlink'], 'none fails');
    is_deeply(errors($top, symlinks => 1), [], 'none passes');
    mkdir("$dir/own");
    symlink($base, "$dir/own/out.qcow2") or die "cannot link: $!\n";
    my $out = create('own/top.qcow2', '-b', 'out.qcow2', '-F', 'qcow2');
    is_deeply(errors($out, symlinks => 0), ['outside-roots'], 'inside fails');
    is_deeply(errors($out, symlinks => $_), [], "$_ passes") for 2, 'any';
    is_deeply(errors($linked, symlinks => 'none'), ['symlink'], 'words mean the same');
    like(refused($top, symlinks => $_), qr/symlinks/, "not '$_'") for 3, 'all';
};

subtest 'same-device' => sub {
    is_deeply(errors($top, 'same-device' => 1), [], 'passes');
    my ($here, $there) = map { (stat($_))[0] // 0 } $dir, '/dev/shm';
    if ($here == $there || !-w '/dev/shm') {
        diag('SKIPPED same-device: there is no second file system');
        return;
    }
    my $other = File::Temp->new(DIR => '/dev/shm', SUFFIX => '.raw');
    truncate($other, 1 << 20) or die "cannot write: $!\n";
    my $mixed = create('mixed.qcow2', '-b', "$other", '-F', 'raw');
    my @roots = (roots => [$dir, '/dev/shm']);
    is_deeply(errors($mixed, @roots), [], 'another one passes');
    is_deeply(errors($mixed, @roots, 'same-device' => 1), ['other-device'], 'and fails');
};

subtest 'timeout' => sub {
    is_deeply(errors($top, timeout => $_), [], 'passes') for 0, 5, '0.5', undef;
    like(refused($top, timeout => $_), qr/timeout/, "not '$_'") for qw(-1 soon inf);
};

subtest 'limits' => sub {
    is_deeply(errors($top, limits => { 'max-read-bytes' => '1048576' }), [], 'passes');
    is_deeply(errors($top, limits => { 'max-virtual-size' => 1 << 19 }), ['limit'], 'fails');
    my $failure = failure_of(sub { audit($top, limits => { 'max-everything' => 1 }) });
    like($failure, qr/max-everything/, 'an unknown one');
    like(refused($top, limits => [1]), qr/limits are not a hash/, 'no hash');
};

subtest 'all functions take the same policies' => sub {
    for my $name (qw(audit audit_or_die pin)) {
        my $function = PVE::Native::Image->can($name);
        my $failure = sub {
            my (@arguments) = @_;
            return failure_of(sub { $function->(@arguments) });
        };
        is($failure->($alone), undef, "$name without a policy");
        is(
            $failure->($alone, { map { $_ => undef } qw(preset roots timeout) }), undef,
            'undef'
        );
        like(
            $failure->($alone, { roofs => [] }), qr/unknown policy key 'roofs'/,
            'a wrong key'
        );
        like(
            $failure->($alone, { max_depth => 1 }), qr/unknown policy key 'max_depth'/,
            'as in C'
        );
        like(
            $failure->($alone, { "\e[2J" => 1 }), qr/'\\u\{1b\}\[2J'/,
            'printed so that it is seen'
        );
        like(
            $failure->($alone, { "\x{263a}" => 1 }), qr/characters that are not bytes/,
            'wide'
        );
        like($failure->($alone, $_), qr/$name: policy is not a hash/, 'no hash') for [], 'x', 1;
        like($failure->(undef, {}), qr/path is undefined/, 'no path');
        like($failure->([], {}), qr/path is a reference/, 'a path that is none');
        like($failure->("$alone\0x", {}), qr/NUL/, 'a NUL');
        isa_ok($failure->("$dir/none"), 'PVE::Native::Error');
        like(
            $failure->($alone, { format => [] }), qr/format is one value/,
            'a list for a value'
        );
        like($failure->($alone, { format => {} }), qr/format is a reference/, 'a hash');
        like(
            $failure->($alone, { roots => [[]] }), qr/roots is a reference/,
            'a list in a list'
        );
        like(
            $failure->($alone, { roots => {} }), qr/roots is a reference/,
            'a hash for a list'
        );
        like($failure->($alone, { 'same-device' => 'no' }), qr/neither 0 nor 1/, "'no'");
        my $cycle = {};
        $cycle->{roots} = [$cycle];
        like($failure->($alone, $cycle), qr/reference/, 'a cycle');
        $cycle->{roots} = undef;
    }
};

package Tied {
    sub TIESCALAR { my ($class, $value) = @_; return bless \$value, $class; }
    sub FETCH { my ($self) = @_; return $$self // die "fetch failed\n"; }
}

package main;

subtest 'values that Perl makes up' => sub {
    tie(my $depth, 'Tied', 1);
    is_deeply(errors($top, 'max-depth' => $depth), ['too-deep'], 'tied');
    tie(my @roots, 'Tie::StdArray');
    @roots = ("$dir/elsewhere");
    is_deeply(errors($top, roots => \@roots), ['outside-roots'], 'a tied list');
    my %dying;
    tie($dying{'max-depth'}, 'Tied', undef);
    my $err = failure_of(sub { PVE::Native::Image::audit($top, \%dying) });
    is($err, "fetch failed\n", 'dies as it wants');
    is_deeply(
        errors($top, 'deny-backing' => JSON::PP::true()), ['backing-file'],
        "JSON's true"
    );
    is_deeply(errors($top, 'deny-backing' => JSON::PP::false()), [], "JSON's false");
    is_deeply(errors($top, 'deny-backing' => 1 == 1), ['backing-file'], "Perl's true");
    is_deeply(errors($top, 'deny-backing' => 1 == 2), [], "Perl's false");
};

subtest 'names are bytes' => sub {
    my $folder = "$dir/gr\xfcn";
    mkdir($folder);
    my $path = create("gr\xfcn/\xff.qcow2");
    utf8::upgrade(my $upgraded = $path);
    utf8::upgrade(my $root = $folder);
    my $audit = audit($upgraded, roots => [$root]);
    is($audit->{safe}, 1, 'upgraded strings name the same file');
    ok(utf8::is_utf8($root), "the caller's string is left alone");
    my $filename = $audit->{chain}->[0]->{filename};
    ok(!utf8::is_utf8($filename) && $filename eq $path, 'bytes come back');
    $audit = audit($upgraded, 'max-virtual-size' => 1);
    is($audit->{findings}->[0]->{image}, $path, 'in findings too');
    is(
        PVE::Native::Image::pin($upgraded, {})->chain()->[0]->{filename}, $path,
        'from pins too'
    );
};

subtest 'hostile content is never an error' => sub {
    my $image = read_file($top);
    my %hostile = (
        empty => '',
        'a magic' => 'QFI' . "\xfb",
        'a header' => substr($image, 0, 104),
        'cut' => substr($image, 0, 1000),
        'all ones' => substr($image, 0, 4) . ("\xff" x 70_000),
        text => "GIF89a <script>\e[31m\n" x 100,
    );
    for my $what (sort keys %hostile) {
        my $path = write_file("$dir/hostile", $hostile{$what});
        for my $format (qw(raw qcow2 vmdk vdi vpc vhdx qed qcow luks auto-detect)) {
            my $audit = eval { audit($path, format => $format, timeout => 5) };
            is($@, '', "$what as $format");
            my @messages = map { $_->{message} } $audit->{findings}->@*;
            unlike("@messages", qr/[^\x20-\x7e]/, 'nothing that moves a cursor');
        }
    }
};

done_testing();
