//! The colours of drawings, for light and for dark surroundings, and the style sheet that has them.
//!
//! They were chosen so that each can be told from each other with every kind of colour vision; the
//! tests say how well. Nothing is said by colour alone.

use std::fmt::Write;

/// Colours of one kind of surroundings.
pub struct Palette {
    /// Behind everything.
    pub back: &'static str,
    /// Where a bar could be.
    pub track: &'static str,
    /// Lines of a scale.
    pub line: &'static str,
    /// What is written.
    pub text: &'static str,
    /// What is written beside it.
    pub quiet: &'static str,
    /// What nobody serves.
    pub nobody: &'static str,
    /// The images, the top one first, then again from the start.
    pub images: [&'static str; IMAGES],
}

/// How many colours there are for images.
pub const IMAGES: usize = 6;

/// On white.
pub const LIGHT: Palette = Palette {
    back: "#ffffff",
    track: "#eef0f3",
    line: "#c9ced6",
    text: "#1b1f26",
    quiet: "#5b6472",
    nobody: "#8d97a5",
    images: [
        "#444fe4", "#d9730d", "#00a470", "#b876bc", "#773b06", "#4e2472",
    ],
};

/// On black.
pub const DARK: Palette = Palette {
    back: "#14171c",
    track: "#232830",
    line: "#424a56",
    text: "#e8ebef",
    quiet: "#9aa4b2",
    nobody: "#6b7685",
    images: [
        "#3ec1ff", "#e07b39", "#2b7f64", "#ffb3c5", "#e6f348", "#8c62f7",
    ],
};

/// The style sheet. The classes: `b` background, `t` track, `g` scale, `q` quiet text, `n` nobody, `c0` … what an
/// image serves, with `z` as zeros and with `k` compressed, for which [`patterns`] are needed; `l0` … lines
/// in these colours, `i` what is empty within, `u` what could not be read, `f` what is another's.
pub fn style() -> String {
    let mut out = String::from(
        "svg.pve{font:13px ui-sans-serif,system-ui,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\
         svg.pve .m{font-family:ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}\
         svg.pve .h{font-size:20px;font-weight:600}svg.pve .s{font-size:11px}\
         svg.pve .e{text-anchor:end}svg.pve .o{text-anchor:middle}\
         svg.pve .w{font-weight:600}svg.pve .g{stroke-width:1;fill:none}\n",
    );
    for image in 0..IMAGES {
        let _ = writeln!(
            out,
            "svg.pve .c{image} .z,svg.pve .c{image}.z{{fill:url(#pve-z{image})}}\
             svg.pve .c{image} .k,svg.pve .c{image}.k{{fill:url(#pve-k{image})}}"
        );
    }
    out.push_str(&colors(&LIGHT));
    let _ = writeln!(
        out,
        "@media (prefers-color-scheme:dark){{\n{}}}",
        colors(&DARK)
    );
    out
}

fn colors(palette: &Palette) -> String {
    let Palette {
        back,
        track,
        line,
        text,
        quiet,
        nobody,
        images,
    } = palette;
    let mut out = format!(
        "svg.pve .b{{fill:{back}}}svg.pve .t{{fill:{track}}}svg.pve .g{{stroke:{line}}}\
         svg.pve text{{fill:{text}}}svg.pve .q{{fill:{quiet}}}\
         svg.pve .n{{fill:{nobody}}}\
         svg.pve .u,svg.pve .f{{stroke:{nobody};fill:{back}}}\
         svg.pve .p{{stroke:{back}}}svg.pve .i{{fill:{back}}}\n"
    );
    for (image, color) in images.iter().enumerate() {
        let _ = write!(
            out,
            "svg.pve .c{image}{{fill:{color}}}svg.pve .l{image}{{stroke:{color}}}"
        );
    }
    out + "\n"
}

/// What the style sheet refers to.
pub fn patterns() -> String {
    let mut out = String::new();
    for image in 0..IMAGES {
        let _ = write!(
            out,
            "<pattern id=\"pve-z{image}\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"c{image}\" width=\"4\" height=\"4\" opacity=\".22\"/>\
             <rect class=\"c{image}\" x=\"1\" y=\"1\" width=\"1.5\" height=\"1.5\"/></pattern>\n\
             <pattern id=\"pve-k{image}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"c{image}\" width=\"6\" height=\"6\"/>\
             <path class=\"p\" d=\"M-1 1l2-2M0 6l6-6M5 7l2-2\" stroke-width=\"1.4\"/></pattern>\n"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rgb = [f64; 3];

    fn linear(color: &str) -> Rgb {
        [1, 3, 5].map(|at| {
            let value = u8::from_str_radix(&color[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn times(matrix: &[Rgb; 3], color: Rgb) -> Rgb {
        matrix.map(|row| row.iter().zip(color).map(|(a, b)| a * b).sum())
    }

    /// Contrast as WCAG 2 counts it.
    fn contrast(a: &str, b: &str) -> f64 {
        let light = |color| {
            let [r, g, b] = linear(color);
            0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
        };
        let (a, b) = (light(a), light(b));
        a.max(b) / a.min(b)
    }

    /// CIE 1976 L*a*b*.
    fn lab(color: Rgb) -> Rgb {
        const XYZ: [Rgb; 3] = [
            [0.4124 / 0.95047, 0.3576 / 0.95047, 0.1805 / 0.95047],
            [0.2126, 0.7152, 0.0722],
            [0.0193 / 1.08883, 0.1192 / 1.08883, 0.9505 / 1.08883],
        ];
        let [x, y, z] = times(&XYZ, color).map(|t| match t > 0.008856 {
            true => t.cbrt(),
            false => 7.787 * t + 16.0 / 116.0,
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Ways of seeing: all colours; without red, green or blue cones (Machado, Oliveira and
    /// Fernandes 2009).
    const VISIONS: [[Rgb; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    #[test]
    fn every_two_colours_differ_with_every_kind_of_colour_vision() {
        for palette in [LIGHT, DARK] {
            for vision in VISIONS {
                let seen = palette.images.map(|color| {
                    lab(times(&vision, linear(color)).map(|part| part.clamp(0.0, 1.0)))
                });
                for (i, a) in seen.iter().enumerate() {
                    for b in &seen[..i] {
                        let square = |(a, b): (&f64, &f64)| (a - b) * (a - b);
                        let distance: f64 = a.iter().zip(b).map(square).sum::<f64>().sqrt();
                        // About 2 can just be seen side by side.
                        assert!(distance > 28.0, "{:?} {distance}", palette.images);
                    }
                }
            }
        }
    }

    #[test]
    fn everything_stands_out_from_its_background() {
        for palette in [LIGHT, DARK] {
            for color in palette.images {
                // WCAG's least for graphics.
                assert!(contrast(color, palette.back) >= 3.0, "{color}");
            }
            // And for text.
            assert!(contrast(palette.text, palette.back) >= 4.5);
            assert!(contrast(palette.quiet, palette.back) >= 4.5);
        }
    }
}
