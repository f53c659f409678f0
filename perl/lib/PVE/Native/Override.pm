package PVE::Native::Override;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(refuse text);

my sub file ($module) {
    return $module =~ s{::}{/}gr . '.pm';
}

# On which scale a class that is there tells imbalances: of three nodes of which one is loaded, the
# first scale says sqrt(2) and the other one 1. Thresholds are set for the one in use.
my sub scale ($module) {
    local $@;
    my $imbalance = eval {
        local $SIG{__DIE__};
        my $scheduler = $module->new();
        my %load = (a => 8, b => 0, c => 0);
        for my $node (sort keys %load) {
            my $stats =
                { cpu => $load{$node} + 0.0, maxcpu => 16, mem => $load{$node}, maxmem => 16 };
            my @stats = $module =~ m/Dynamic\z/ ? ($stats) : (16, 16);
            $scheduler->add_node($node, @stats);
        }
        $scheduler->add_service_usage_to_node('a', 'vm:1', { maxcpu => 8.0, maxmem => 8 })
            if $module =~ m/Static\z/;
        $scheduler->calculate_node_imbalance();
    };
    return defined($imbalance) && $imbalance < 1.2 ? 'unit' : 'mean';
}

# Only new objects are ours: those that are there keep the methods that they know.
my sub scheduler ($class) {
    my $ours = "PVE::Native::ResourceScheduling::$class";
    require(file($ours));
    my $opts = { 'imbalance-scale' => scale("PVE::RS::ResourceScheduling::$class") };
    return sub { return $ours->new($opts) };
}

# What is replaced in each area: the name of a function or method, the module that it is in, and what
# makes the one that takes its place.
my @schedulers = map {
    my $class = $_;
    {
        module => "PVE::RS::ResourceScheduling::$class",
        name => 'new',
        make => sub { return scheduler($class) },
    };
} qw(Static Dynamic);

# The solver takes the place of both, whatever the HA manager is set to.
my sub usage ($class) {
    return {
        module => "PVE::HA::Usage::$class",
        name => 'new',
        make => sub {
            require PVE::Native::HA::Usage;
            return sub ($asked, @args) { return PVE::Native::HA::Usage->new(@args) };
        },
    };
}

my sub function ($module, $name) {
    my $make = sub {
        require PVE::Native::Image;
        return PVE::Native::Image->can($name);
    };
    return { module => $module, name => $name, make => $make };
}

my %areas = (
    scheduler => \@schedulers,
    placement => [map { usage($_) } qw(Static Dynamic)],
    storage => [
        function('PVE::Storage::Plugin', 'file_size_info'),
        function('PVE::Storage::Common', 'qemu_img_info'),
        function('PVE::Storage::Common', 'qemu_img_measure'),
    ],
);

# What is installed now: by area, of each function { full, ours, theirs }.
my %installed;

my sub replace ($full, $code) {
    no strict 'refs';
    no warnings qw(redefine prototype);
    *{$full} = $code;
    return;
}

my sub checked (@names) {
    my @checked = map { text('area', $_) // refuse('area is undefined') } @names;
    for my $name (@checked) {
        refuse("unknown area '$name'") if !$areas{$name};
    }
    return @checked;
}

# All of an area or nothing; what an older Proxmox VE does not have yet is passed over.
my sub prepared ($area) {
    my (@prepared, @missing);
    for my $what ($areas{$area}->@*) {
        my ($module, $name) = $what->@{qw(module name)};
        my $full = "${module}::$name";
        local $@;
        eval { require(file($module)) };
        my $why = $@ =~ s/\n.*//sr;
        my $theirs = do { no strict 'refs'; defined(&$full) ? \&$full : undef };
        if (!$theirs) {
            push @missing, $why || "there is no $full";
            next;
        }
        push @prepared, { full => $full, theirs => $theirs, ours => $what->{make}->() };
    }
    refuse("$area: nothing to replace: $missing[0]") if !@prepared;
    return \@prepared;
}

sub install {
    my ($class, @names) = @_;
    refuse('install: no area is named') if !@names;
    my @areas = grep { !$installed{$_} } checked(@names);
    my %prepared = map { $_ => prepared($_) } @areas;
    for my $area (sort keys %prepared) {
        replace($_->@{qw(full ours)}) for $prepared{$area}->@*;
        $installed{$area} = $prepared{$area};
    }
    return;
}

sub uninstall {
    my ($class, @names) = @_;
    my @areas = @names ? grep { $installed{$_} } checked(@names) : sort keys %installed;
    for my $replaced (map { $_->@* } @installed{@areas}) {
        my $full = $replaced->{full};
        my $now = do { no strict 'refs'; defined(&$full) ? \&$full : undef };
        refuse("uninstall: $full has been replaced by somebody else since")
            if !$now || $now != $replaced->{ours};
    }
    for my $area (@areas) {
        my $replaced = delete $installed{$area} or next;
        replace($_->@{qw(full theirs)}) for $replaced->@*;
    }
    return;
}

sub status {
    my ($class) = @_;
    return {
        map {
            my $replaced = $installed{$_};
            (
                $_ => {
                    installed => $replaced ? 1 : 0,
                    replaces => [map { $_->{full} } ($replaced // [])->@*],
                }
            );
        } keys %areas
    };
}

1;

__END__

=head1 NAME

PVE::Native::Override - puts this library behind functions of a loaded Proxmox VE

=head1 SYNOPSIS

    use PVE::Native::Override;

    PVE::Native::Override->install('scheduler');
    # PVE::HA::Usage::Static and ::Dynamic have our schedulers from now on.
    PVE::Native::Override->uninstall();

=head1 DESCRIPTION

Nothing is replaced unless it is asked for, and only in this process. There are three areas:

=over

=item C<scheduler>

C<PVE::RS::ResourceScheduling::Static> and C<::Dynamic>, the classes behind C<PVE::HA::Usage::Static> and
C<::Dynamic>: new objects are of L<PVE::Native::ResourceScheduling::Static> and
L<PVE::Native::ResourceScheduling::Dynamic>. They tell imbalances on the scale of the class that is replaced,
so that thresholds mean what they meant. Objects that are there stay what they are.

=item C<placement>

C<PVE::HA::Usage::Static> and C<PVE::HA::Usage::Dynamic> themselves: new objects are L<PVE::Native::HA::Usage>, the
solver, which knows what fits where.

=item C<storage>

C<PVE::Storage::Plugin::file_size_info>, C<PVE::Storage::Common::qemu_img_info> and
C<PVE::Storage::Common::qemu_img_measure>, by the functions of L<PVE::Native::Image>. Where a module has imported
one of them under a name of its own before, that name keeps what it was.

=back

All methods are there since version 0.1, and die with a L<PVE::Native::Error>, a line that begins with what
failed; nothing has changed then.

=head1 METHODS

=over

=item install(@areas)

Replaces what the areas stand for, all of it or nothing. Modules that are not loaded yet are loaded; what this
Proxmox VE does not have is passed over, and if it has nothing of an area, that is an error. An area that is
installed stays so: the second time does nothing, and one C<uninstall> puts back what was there before the first.

=item uninstall(@areas)

Puts back exactly what was there; without arguments for all areas. What is not installed is passed over. Dies if
somebody else has replaced one of the functions since, who would be lost.

=item status()

By area C<installed>, 1 or 0, and C<replaces>, the names of what is replaced.

=back

=head1 SEE ALSO

L<PVE::Native::ResourceScheduling>, L<PVE::Native::Image>

=cut
