package Plans;

# What the library says is to be done.

use v5.36;

use JSON::PP;

use Guest;

our $command = './pve-native';

sub _ask ($what, @arguments) {
    my @argv = ($command, '--output', 'json', 'snapshot', $what, @arguments);
    open(my $out, '-|', @argv) or die "$command: $!\n";
    my $text = join('', readline($out));
    # 3: a repair is needed.
    close($out) || $? == 3 << 8 or die "@argv: failed\n";
    return decode_json($text);
}

# The steps of a plan for the running guest.
sub steps ($volume, $operation, @rest) {
    my $guest = encode_json({ drive => $Guest::drive, volid => $Guest::volid });
    @rest = ('--size', @rest) if $operation eq 'resize';
    my $path = $volume->path($volume->image());
    my @terms = ('--online', '--term', "guest=$guest", '--scheme', $volume->scheme());
    return _ask('plan', $operation, @rest, '--volume', $path, @terms)->{steps}->@*;
}

# Repairs what a plan that was cut off has left. Returns the codes of what was found on the way, and
# of what is left, for which there is no plan, or none that is certain.
sub repair ($volume) {
    my @found;
    my @arguments = ($volume->path($volume->image()), '--no-check', '--scheme', $volume->scheme());
    for (1 .. 10) {
        my $diagnoses = _ask('diagnose', @arguments);
        my ($next) = grep { $_->{plan} && $_->{certain} } @$diagnoses;
        return (\@found, [map { $_->{code} } @$diagnoses]) if !$next;
        push @found, $next->{code};
        Guest::run_stopped($_) for $next->{plan}->{steps}->@*;
    }
    die "there is no end of repairs: @found\n";
}

1;
