#!/usr/bin/perl

# Errors, panics, and what they leave behind.

use v5.36;

use Test::More;

use CompatTest qw(Errors Beyond);

sub error ($name, @args) {
    no strict 'refs';
    eval { &{"CompatTest::$name"}(@args); 1 } and return 'no error';
    return $@;
}

# What the code writes to standard error, by whatever way.
sub stderr_of ($code) {
    open(my $saved, '>&', \*STDERR) or die;
    open(my $file, '+>', undef) or die;
    open(STDERR, '>&', $file) or die;
    $code->();
    open(STDERR, '>&', $saved) or die;
    seek($file, 0, 0);
    local $/ = undef;
    return <$file> // '';
}

is(error('Errors::fail'), "it failed (code 7)\n", "an error's alternate text, one line");
is(error('Errors::fail_perlmod'), "plain text\n", 'an error of perlmod');

$! = 0;
my $structured = error('Errors::fail_structured');
is($! + 0, 2, 'errno is set');
is_deeply($structured, { code => 7, message => 'it failed' }, 'an error with a structure');

my $place = qr/\(at \S+errors\.rs:\d+\)/;
my $printed = stderr_of(
    sub {
        like(
            error('Errors::panic_with_text'),
            qr/^internal error: text of the panic $place\n\z/, 'a panic'
        );
        like(
            error('Errors::panic_formatted', 5),
            qr/^internal error: value is 5 second line $place\n\z/,
            'a panic with a formatted text of two lines'
        );
        like(
            error('Errors::panic_in_argument', ["x"]),
            qr/^internal error: while reading x $place\n\z/,
            'a panic while converting an argument'
        );
        like(
            error('Errors::panic_in_result'), qr/^internal error: while writing $place\n\z/,
            'a panic while converting a result'
        );
    }
);
is($printed, '', 'nothing is printed');

my $on_thread = sub { is(CompatTest::Beyond::panic_on_thread(), 'true', 'on another thread') };
$printed = stderr_of($on_thread);
like($printed, qr/on a thread/, 'is left to the hook that was there before');

like(
    error('Errors::fail_in_result'),
    qr/^list\[1\]: a hash key must be a string or a number\n\z/,
    'a result that cannot be converted'
);

{
    my @seen;
    local $SIG{__DIE__} = sub { push @seen, $_[0] };
    error('Errors::fail');
    is_deeply(\@seen, ["it failed (code 7)\n"], '__DIE__ handlers see the error');
}

# Calls from within destructors and sort blocks leave outer state alone.
package OnDestroy {
    sub new { return bless {}, shift }

    sub DESTROY {
        local $@;
        eval { CompatTest::Errors::panic_with_text() }
    }
}
{
    my $guard = OnDestroy->new();
    is(error('Errors::fail'), "it failed (code 7)\n", 'an error with a destructor around');
}
my @sorted = sort {
    eval { CompatTest::Errors::fail() };
    $a <=> $b
} 3, 1, 2;
is_deeply(\@sorted, [1, 2, 3], 'errors within sort');

done_testing();
