//! The rows of the first patch's errors that are about vectors, a test each.

use super::*;
use crate::error::Code;
use DotProduct::{Cosine, Coverage, Plain};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

fn dot(a: &[f64], b: &[f64], mode: DotProduct) -> f64 {
    dot_product(a, b, mode).unwrap()
}

#[test]
fn row_11_one_byte_is_a_difference() {
    // Rounded up to GiB, both nodes are as far away, and hash order decides.
    let guest = [4.0 * GIB];
    let near = euclidean_distance(&guest, &[8.0 * GIB - 1.0]).unwrap();
    let far = euclidean_distance(&guest, &[8.0 * GIB]).unwrap();
    assert!(near < far);
    assert_eq!(far - near, 1.0);
}

#[test]
fn row_12_vectors_are_not_rounded() {
    assert_eq!(euclidean_distance(&[0.25], &[0.75]).unwrap(), 0.5);
    assert_eq!(dot(&[0.5, 0.25], &[0.5, 0.5], Plain), 0.375);
}

#[test]
fn row_13_resources_are_compared_as_fractions_of_the_capacity() {
    let capacity = [16.0, 64.0 * GIB];
    let node = normalised(&[8.0, 16.0 * GIB], &capacity).unwrap();
    assert_eq!(node, [0.5, 0.25]);
    let guest = normalised(&[4.0, 32.0 * GIB], &capacity).unwrap();
    // As raw numbers, the cores vanish beside the bytes.
    let distance = euclidean_distance(&guest, &node).unwrap();
    assert!((distance - 0.125f64.sqrt()).abs() < 1e-15);
    assert_eq!(normalised(&[0.0, 2.0], &[0.0, 0.0]).unwrap(), [0.0, 1.0]);
    for (a, b) in [
        (&[1.0][..], &[-1.0][..]),
        (&[1.0], &[]),
        (&[f64::NAN], &[1.0]),
    ] {
        assert_eq!(normalised(a, b).unwrap_err().code(), Code::Argument);
    }
}

#[test]
fn row_14_the_distance_takes_no_side() {
    // The nearest node is the tightest: choosing it packs. The function only measures.
    let guest = [0.1, 0.1];
    let tight = euclidean_distance(&guest, &[0.2, 0.2]).unwrap();
    let roomy = euclidean_distance(&guest, &[0.9, 0.9]).unwrap();
    assert!(tight < roomy);
    assert_eq!(euclidean_distance(&[0.2, 0.2], &guest).unwrap(), tight);
}

#[test]
fn row_15_the_largest_dot_product_is_the_best_alignment() {
    let guest = [0.1, 0.8];
    let (like, unlike) = ([0.2, 0.9], [0.9, 0.2]);
    for mode in [Plain, Cosine, Coverage] {
        assert!(dot(&guest, &like, mode) > dot(&guest, &unlike, mode));
    }
}

#[test]
fn row_16_a_zero_vector_is_aligned_with_nothing() {
    let (zero, one) = ([0.0, 0.0], [1.0, 2.0]);
    for mode in [Plain, Cosine, Coverage] {
        for (a, b) in [(zero, one), (one, zero), (zero, zero)] {
            assert_eq!(dot(&a, &b, mode), 0.0);
        }
        assert_eq!(dot(&[], &[], mode), 0.0);
    }
    assert_eq!(dot(&one, &one, Plain), 5.0);
    assert!((dot(&one, &one, Cosine) - 1.0).abs() < 1e-15);
    assert!((dot(&[2.0, 4.0], &one, Coverage) - 2.0).abs() < 1e-15);
    // Vectors whose squares no number can hold.
    for scale in [1e-200, 1e200] {
        let long = [scale, scale];
        assert!((dot(&long, &long, Cosine) - 1.0).abs() < 1e-15);
        assert!((dot(&long, &long, Coverage) - 1.0).abs() < 1e-15);
    }
    assert_eq!(
        dot_product(&[1e200], &[1e200], Plain).unwrap_err().code(),
        Code::Argument
    );
}

#[test]
fn row_17_lengths_are_checked_by_both() {
    let (two, three) = ([1.0, 2.0], [1.0, 2.0, 3.0]);
    let distance = euclidean_distance(&two, &three).unwrap_err();
    let product = dot_product(&three, &two, Plain).unwrap_err();
    assert_eq!(distance.code(), Code::Argument);
    assert_eq!(product.code(), Code::Argument);
    assert!(distance.to_string().contains("2 and 3 dimensions"));
    assert!(euclidean_distance(&[f64::NAN], &[1.0]).is_err());
    assert!(dot_product(&[1.0], &[f64::INFINITY], Cosine).is_err());
}

#[test]
fn modes_have_the_names_of_the_first_patch() {
    assert_eq!(DotProduct::named("").unwrap(), Plain);
    assert_eq!(DotProduct::named("normR").unwrap(), Cosine);
    assert_eq!(DotProduct::named("normC").unwrap(), Coverage);
    assert_eq!(
        DotProduct::named("normX").unwrap_err().code(),
        Code::Argument
    );
}
