#!/usr/bin/perl

# What pve-storage says of an untrusted image: prints `safe` or why it refuses it. The real code is
# loaded from checkouts; the modules of Proxmox VE that it does not need for this are empty.

use v5.36;

my ($path, $format) = @ARGV;

BEGIN {
    for my $dir (qw(PVE_STORAGE_DIR PVE_COMMON_DIR)) {
        push @INC, ($ENV{$dir} // die "$dir is not set\n") . "/src";
    }
    # An empty module for each that neither checkout has.
    push @INC, sub ($self, $file) {
        return if $file !~ m{^(?:PVE|Proxmox)/};
        my $module = $file =~ s{/}{::}gr =~ s{\.pm$}{}r;
        my $text = "package $module; our \$AUTOLOAD; sub AUTOLOAD { }"
            . " sub import { my \$to = caller;"
            . " no strict 'refs'; *{\"\${to}::\$_\"} = sub { } for map { \"cfs_\$_\" }"
            . " qw(register_file read_file write_file lock_file) } 1;";
        open(my $handle, '<', \$text) or die "cannot read from memory: $!\n";
        return $handle;
    };
}

use PVE::Storage::Plugin;

my @answer = eval { PVE::Storage::Plugin::file_size_info($path, 5, $format, 1) };
print $@ ? "refused\t" . ($@ =~ s/\s+/ /gr) : "safe", "\n";
