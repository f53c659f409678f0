#!/bin/bash
# Packs this machine's Perl for the virtual machine, whose own may be of another version than the
# one that the modules are built for: host-perl.sh BUILD DIRECTORY. There it runs as DIRECTORY/perl,
# and finds the modules of BUILD.
set -euo pipefail

build=${1:?usage: host-perl.sh BUILD DIRECTORY}
dir=${2:?usage: host-perl.sh BUILD DIRECTORY}
mkdir -p "$dir/lib" "$dir/modules"
perl=$(perl -e 'print $^X')
cp "$perl" "$dir/perl.bin"

# Debian has the most important modules in a folder of their own.
perl -MConfig -e 'print map { "$_\n" } @Config{qw(privlibexp archlibexp)}, grep { m!/perl-base$! } @INC' |
    while read -r modules; do
        tar -c --exclude='*.pod' --exclude=./{CORE,CPAN,unicore/lib} --exclude=Collate \
            --exclude='./auto/Encode/[CJKT]?' -C "$modules" . |
            tar -x -C "$dir/modules"
    done
cp -R "$build/perl/." "$dir/modules/"

find "$dir/modules" -name '*.so' -exec ldd "$perl" {} + |
    sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (.*/\2/p' | sort -u |
    while read -r library; do cp -L "$library" "$dir/lib/"; done

cat >"$dir/perl" <<'RUN'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here"/lib/ld-linux-*.so.* --library-path "$here/lib" "$here/perl.bin" "-I$here/modules" "$@"
RUN
chmod +x "$dir/perl"
