package PVE::Native::Placement::Flags;

use v5.36;

# Flags of CPUs: those of a node, and those that the model of a virtual CPU stands for.

use Exporter qw(import);

our @EXPORT_OK = qw(flag_name flags_of_node flags_of_model vendor_of_model);

# Flags that Proxmox VE's own levels stand for.
my @V2 = qw(popcnt pni sse4.1 sse4.2 ssse3);
my @V3 = (@V2, qw(aes avx avx2 bmi1 bmi2 f16c fma abm movbe xsave));
my %LEVELS = (
    'x86-64-v2' => \@V2,
    'x86-64-v2-AES' => [@V2, 'aes'],
    'x86-64-v3' => \@V3,
    'x86-64-v4' => [@V3, qw(avx512f avx512bw avx512cd avx512dq avx512vl)],
);

# Models that do not start on the other vendor's CPUs.
my %MODELS = (
    'vendor:amd' => qr/^(?:EPYC|Opteron)/,
    'vendor:intel' => qr/^(?:Nehalem|Westmere|SandyBridge|IvyBridge|Haswell|Broadwell|Skylake
        |Cascadelake|Cooperlake|Icelake|SapphireRapids|GraniteRapids|SierraForest)/x,
);

# Other spellings of the same.
my %ALIASES = ('sse4-1' => 'sse4.1', 'sse4-2' => 'sse4.2', sse3 => 'pni', lzcnt => 'abm');

sub flag_name ($flag) {
    $flag = lc($flag) =~ tr/_/-/r;
    return $ALIASES{$flag} // $flag;
}

# All flags of a node's CPU, and whose it is, if that can be told.
sub flags_of_node ($node) {
    my %flags = map { flag_name($_) => 1 } ($node->{'cpu-flags'} // [])->@*;
    my ($vendor) = $flags{svm} ? 'vendor:amd' : $flags{vmx} ? 'vendor:intel' : ();
    $flags{$_} = 1 for $vendor ? ($vendor, 'nested-virt') : ();
    return [sort(keys(%flags))];
}

sub flags_of_model ($model) {
    return ($LEVELS{$model} // [])->@*;
}

sub vendor_of_model ($model) {
    return grep { $model =~ $MODELS{$_} } sort(keys(%MODELS));
}

1;
