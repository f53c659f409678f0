use v5.36;

use lib 'perl/t/lib';

# Programs whose output is of interest, within a time.

use Test::More;
use Time::HiRes qw(time);

use PVE::Native::Command;
use TestHangs;
use TestImages qw(directory write_file failure_of);
use TestProcess qw(in_child open_files);

my $dir = directory();

sub script {
    my ($text) = @_;
    state $number = 0;
    my $path = write_file("$dir/script-" . ++$number, "#!/bin/sh\n$text\n");
    chmod(0755, $path) or die "cannot change $path: $!\n";
    return $path;
}

sub output {
    my ($argv, %opts) = @_;
    return PVE::Native::Command::output(
        'asking it', $argv, $opts{timeout} // 10, $opts{limit} // 1 << 20,
    );
}

sub failed {
    my ($name, $pattern, @args) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $err = failure_of(sub { output(@args) });
    is(ref($err) && $err->name, $name, "'$name'") or diag($err);
    like($err, $pattern, 'and why');
    return;
}

subtest 'what it prints' => sub {
    is(output(['/bin/echo', 'a  b', '%d|%m']), "a  b %d|%m\n", 'as it is, without a shell');
    is(output([script('printf "\303\251\000x"; echo no >&2')]), "\xc3\xa9\0x", 'bytes');
    is(length(output([script('head -c 300000 /dev/zero')])), 300_000, 'more than a pipe holds');
    is(output([script('cat; echo $HOME$PERL5LIB')]), "\n", 'no input, and little environment');
    is(output([script('exec >&- 2>&-; sleep 0.2')]), '', 'nothing');
};

subtest 'failures' => sub {
    failed(
        'io', qr/^asking it failed: no such socket\n\z/,
        [script("echo 'no such socket' >&2; exit 1")]
    );
    failed('io', qr/^asking it failed: fail\n\z/, [script('echo fail; exit 2')]);
    failed('io', qr/^asking it was killed by signal 15\n\z/, [script('kill $$; sleep 5')]);
    failed('io', qr/^asking it cannot be run\n\z/, ["$dir/nothing"]);
    failed('io', qr/^asking it failed: a\?\[1mb\n\z/, [script("printf 'a\\033[1mb'; exit 1")]);
    failed('limit', qr/more than 1000 bytes/, [script('cat /dev/zero')], limit => 1000);
};

subtest 'what does not end is ended' => sub {
    for my $text (
        "trap '' TERM INT HUP; sleep 100", 'exec >&- 2>&-; sleep 100',
        'sleep 100 & echo x'
        )
    {
        my $since = time();
        failed('timeout', qr/^asking it took too long/, [script($text)], timeout => 0.3);
        my $took = time() - $since;
        cmp_ok($took, '<', 3, "in time: $text");
        cmp_ok($took, '>=', 0.3, 'not earlier');
    }
    failed('timeout', qr/too long/, [script('yes')], timeout => 0.2, limit => 1 << 40);
    failed('timeout', qr/too long/, [script('echo x')], timeout => 0);
    is(output(['/bin/echo', 'x']), "x\n", 'and the next one is asked');
};

subtest 'handlers of the process' => sub {
    local $SIG{CHLD} = 'IGNORE';
    is(output(['/bin/echo', 'x']), "x\n", 'the kernel takes the status');
    is(output([script('echo x; exit 1')]), "x\n", 'and so it is not known');
    local $SIG{CHLD} = sub { 1 while waitpid(-1, 1) > 0 };
    is(output(['/bin/echo', 'x']), "x\n", 'or a handler may take it');
    $SIG{CHLD} = 'DEFAULT';

    local $SIG{ALRM} = sub { die "alarm\n" };
    alarm(1);
    my $since = time();
    is(failure_of(sub { output([script('sleep 100')]) }), "alarm\n", 'an alarm is heard');
    cmp_ok(time() - $since, '<', 5, 'in time');
    local $SIG{USR1} = sub { };
    my $parent = $$;
    is(output([script("kill -USR1 $parent; sleep 0.1; echo x")]), "x\n", 'a signal is no end');
};

subtest 'nothing is left over' => sub {
    my $before = open_files();
    output(['/bin/echo', 'x']) for 1 .. 5;
    failure_of(sub { output([script('sleep 100')], timeout => 0.05) }) for 1 .. 3;
    is(open_files(), $before, 'no descriptor');
    # Those that were killed need a moment to die.
    select(undef, undef, undef, 0.5);
    output(['/bin/echo', 'x']);
    is(waitpid(-1, 1), -1, 'no child');
    ok(in_child(sub { output(['/bin/echo', 'x']) eq "x\n" }), 'in a child');
};

subtest 'what cannot even be killed is left alone' => sub {
    my $hangs = TestHangs->mount($dir);
    write_file($hangs->root() . '/file', 'x');
    $hangs->hold('read');
    my $file = $hangs->far() . '/file';
    for my $number (1 .. 4) {
        my $since = time();
        failed('timeout', qr/too long/, ['/bin/cat', $file], timeout => 0.3);
        cmp_ok(time() - $since, '<', 2, "number $number is not waited for");
    }
    my $since = time();
    failed('busy', qr/^asking it: 4 of its kind hang already/, ['/bin/echo', 'x']);
    cmp_ok(time() - $since, '<', 0.2, 'no other is started');
    $hangs->let_go($file);
    my $answer;
    for (1 .. 100) {
        last if defined($answer = eval { output(['/bin/echo', 'x']) });
        select(undef, undef, undef, 0.1);
    }
    is($answer, "x\n", 'until one of them has ended');
};

done_testing();
