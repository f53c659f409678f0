# What the scripts that measure share: a line with two times and their ratio.

report() { # what, ns of it, what it is compared with, ns of that, which ratio is aimed at
    awk -v a="$2" -v b="$4" -v name="$1" -v than="$3" -v aim="${5:+   (aim: $5)}" 'BEGIN {
        faster = (b >= a)
        ratio = faster ? b / a : a / b
        times = sprintf(ratio < 10 ? "%.2f" : "%.0f", ratio)
        printf "  %-30s %10.2f µs   %s: %.2f µs, %s times as %s%s\n", name, a / 1000, than,
            b / 1000, times, faster ? "fast" : "long", aim
    }'
}

# The median processor time in nanoseconds of so many runs of a command, whose output is thrown away.
time_of() {
    local rounds=$1 TIMEFORMAT='%U %S'
    shift
    for _ in $(seq "$rounds"); do
        { time "$@" >/dev/null; } 2>&1
    done | awk '{ printf "%.0f\n", ($1 + $2) * 1e9 }' | sort -n | sed -n "$(((rounds + 1) / 2))p"
}
