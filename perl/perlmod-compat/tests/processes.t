#!/usr/bin/perl

# Fork and threads.

use v5.36;

use Config;
use Test::More;

BEGIN { require threads if $Config{useithreads} }

use CompatTest qw(Counter Shared Data Errors Values);

subtest 'fork' => sub {
    my $counter = CompatTest::Counter->new(10);
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        my $ok = $counter->next() == 11 && CompatTest::Data::take_u64("5") == 5;
        $ok &&= !eval { CompatTest::Errors::panic_with_text(); 1 };
        undef $counter;
        $ok &&= CompatTest::Counter::alive() == 0;
        require POSIX;
        POSIX::_exit($ok ? 0 : 1);
    }
    waitpid($pid, 0);
    is($?, 0, 'a child uses and destroys what it inherits');
    is($counter->next(), 11, 'which does not touch the parent');

    $pid = fork() // die "fork: $!\n";
    exit(0) if !$pid;
    waitpid($pid, 0);
    is($?, 0, 'a child ends with objects alive');
};

subtest 'threads' => sub {
    if (!$Config{useithreads}) {
        diag('SKIPPED threads: this perl has none');
        plan skip_all => 'no threads in this Perl';
    }

    my $counter = CompatTest::Counter->new(100);
    my $shared = CompatTest::Shared->new('kept');
    my $thread = threads->create(
        sub {
            my $seen = eval { CompatTest::Counter::next($counter); 1 } ? 'usable' : $@;
            undef $counter;
            undef $shared;
            my $own = CompatTest::Counter->new(1);
            my $sum = $own->next();
            my $panic = eval { CompatTest::Errors::panic_with_text(); 1 } ? '' : $@;
            my $data = CompatTest::Data::take_table({ 1 => 'x' });
            return [$seen, $sum, $panic, $data->{1}];
        }
    );
    my ($seen, $sum, $panic, $text) = @{ $thread->join() };
    like($seen, qr/^not a CompatTest::Counter object/, 'an object does not go with a thread');
    is($sum, 2, 'a thread makes objects of its own');
    like($panic, qr/^internal error: text of the panic/, 'panics');
    is($text, 'x', 'data');
    is($counter->next(), 101, 'the object is alive where it was made');
    is($shared->text(), 'kept', 'the other, too');
    is(CompatTest::Counter::alive(), 1, 'the thread destroyed its own, and nothing else');

    # A subclass that insists on being cloned gets empty copies.
    @Cloned::Counter::ISA = ('CompatTest::Counter');
    {
        no warnings 'once';
        *Cloned::Counter::CLONE_SKIP = sub { 0 };
    }
    my $cloned = Cloned::Counter->new(5);
    $thread = threads->create(
        sub {
            my $seen = eval { $cloned->next(); 1 } ? 'usable' : $@;
            undef $cloned;
            return $seen;
        }
    );
    like($thread->join(), qr/^not a CompatTest::Counter object/, 'a clone has no native part');
    is($cloned->next(), 6, 'and does not destroy the original');

    my @threads = map {
        my $start = $_;
        threads->create(
            sub {
                my $own = CompatTest::Counter->new($start);
                for (1 .. 2000) {
                    $own->next();
                    CompatTest::Data::take_list([1 .. 10]);
                    eval { CompatTest::Data::take_u64('abc') };
                }
                return $own->next();
            }
        )
    } 1 .. 4;
    is_deeply([map { $_->join() } @threads], [map { $_ + 2001 } 1 .. 4], 'many at once');

    my $late = threads->create(
        sub {
            require CompatTest;
            CompatTest::load('Returns');
            return CompatTest::Returns::renamed();
        }
    );
    is($late->join(), 1, 'a package first loaded in a thread');
};

done_testing();
