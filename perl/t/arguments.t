use v5.36;

use lib 'perl/t/lib';

# Arguments that no caller should pass, and what comes of them: an error or an answer, no crash.

use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img failure_of);

my $dir = directory();
my $path = "$dir/a.qcow2";
qemu_img('create', '-q', '-f', 'qcow2', $path, '1M');

sub size {
    my ($file, $opts) = @_;
    return PVE::Native::Image::info($file, $opts)->{'virtual-size'};
}

subtest 'upgraded strings name the same file' => sub {
    my $name = "$dir/gr\xfcn.qcow2";
    qemu_img('create', '-q', '-f', 'qcow2', $name, '1M');
    utf8::upgrade(my $upgraded = $name);
    is(size($upgraded), 1 << 20, 'info');
    ok(utf8::is_utf8($upgraded), "the caller's string is left alone");
    my $filename = PVE::Native::Image::info($upgraded)->{filename};
    ok(!utf8::is_utf8($filename) && $filename eq $name, 'bytes come back');
    is((keys PVE::Native::Image::inspect_many([$upgraded])->%*)[0], $name, 'inspect_many');
    like(failure_of(sub { size("$dir/\x{263a}") }), qr/characters that are not bytes/, 'wide');
};

subtest 'a name that is not UTF-8' => sub {
    my $name = "$dir/\xff\n x.qcow2";
    qemu_img('create', '-q', '-f', 'qcow2', $name, '1M');
    is(PVE::Native::Image::info($name)->{filename}, $name, 'bytes in, bytes out');
    like(PVE::Native::Image::qemu_img_info($name, 'qcow2'), qr/\\uFFFD\\n x/, "QEMU's text");
};

package Overloaded {
    use overload '""' => sub { $_[0]->{text} // die "no text\n" }, 'fallback' => 1;
}

package Tied {
    sub TIESCALAR { my ($class, $value) = @_; return bless \$value, $class; }
    sub FETCH { my ($self) = @_; return $$self // die "fetch failed\n"; }
}

package TiedHash {
    sub TIEHASH { return bless {}, $_[0]; }
    sub FIRSTKEY { die "no keys\n"; }
    sub FETCH { die "no values\n"; }
    sub SCALAR { return 1; }
}

package main;

subtest 'overloaded' => sub {
    is(size(bless { text => $path }, 'Overloaded'), 1 << 20, 'stringified');
    is(failure_of(sub { size(bless {}, 'Overloaded') }), "no text\n", 'dies as it wants');
    is(size($path, { timeout => bless { text => 5 }, 'Overloaded' }), 1 << 20, 'as an option');
};

subtest 'tied' => sub {
    tie(my $tied, 'Tied', $path);
    is(size($tied), 1 << 20, 'fetched');
    tie(my $dying, 'Tied', undef);
    is(failure_of(sub { size($dying) }), "fetch failed\n", 'dies as it wants');
    is(failure_of(sub { size($path, { format => $dying }) }), "fetch failed\n", 'in an option');
    tie(my %hash, 'TiedHash');
    is(failure_of(sub { size($path, \%hash) }), "no keys\n", 'a tied hash');
    is(
        failure_of(sub { PVE::Native::Image::inspect_many([$path, $dying]) }),
        "fetch failed\n",
        'in a list',
    );
};

subtest 'cyclic and deep' => sub {
    my $cycle = {};
    $cycle->{cycle} = $cycle;
    like(
        failure_of(sub { size($path, $cycle) }), qr/unknown option 'cycle'|reference/,
        'cycle'
    );
    like(
        failure_of(sub { size($path, { format => $cycle }) }), qr/is a reference/,
        'as a value'
    );
    my $deep = [];
    $deep = [$deep] for 1 .. 100_000;
    like(failure_of(sub { size($path, { timeout => $deep }) }), qr/is a reference/, 'deep');
    like(failure_of(sub { size($deep) }), qr/path is a reference/, 'deep path');
    like(
        failure_of(sub { PVE::Native::Image::inspect_many([$deep]) }), qr/reference/,
        'in a list'
    );

    # Perl frees nested data by recursion; not on the way out of a test, please.
    $deep = $deep->[0] while $deep->@*;
    delete $cycle->{cycle};
};

subtest 'nothing at all' => sub {
    like(failure_of(sub { size(undef) }), qr/path is undefined/, 'undef');
    like(failure_of(sub { PVE::Native::Image::info() }), qr/path is undefined/, 'no argument');
    like(failure_of(sub { size('x' x 100_000) }), qr/File name too long/, 'a very long name');
    like(failure_of(sub { size(\*STDIN) }), qr/reference/, 'a file handle');
    like(
        failure_of(
            sub {
                size(sub { });
            }
        ),
        qr/reference/,
        'code'
    );
    is(failure_of(sub { size($path, {}) }), undef, 'empty options');
};

done_testing();
