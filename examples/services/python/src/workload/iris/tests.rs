//! Flowers, and what is none.

use super::*;

/// Where there is no scikit-learn, a test has nothing to say, except where all has to be tested.
fn has_sklearn() -> bool {
    let mut python = Command::new("python3");
    let import = python.args(["-c", "import sklearn"]).output();
    let has_it = import.is_ok_and(|output| output.status.success());
    if !has_it {
        assert!(std::env::var_os("CI").is_none(), "python3 has no sklearn");
        eprintln!("NOT TESTED: python3 has no sklearn");
    }
    has_it
}

fn flower(lengths: [f64; 4]) -> Input {
    let [sepal_length, sepal_width, petal_length, petal_width] = lengths;
    Input {
        sepal_length,
        sepal_width,
        petal_length,
        petal_width,
    }
}

#[test]
fn the_model_knows_flowers_from_what_is_none() {
    if !has_sklearn() {
        return;
    }
    let iris = Iris::load(()).unwrap();
    for (lengths, species) in [
        ([5.1, 3.5, 1.4, 0.2], "setosa"),
        ([5.7, 2.8, 4.1, 1.3], "versicolor"),
        ([6.3, 3.3, 6.0, 2.5], "virginica"),
    ] {
        let output = iris.run(flower(lengths), &Call::default()).unwrap();
        assert_eq!(output.species, species);
        let sum: f64 = output.probabilities.values().sum();
        assert!((sum - 1.0).abs() < 0.001, "{output:?}");
        assert!(output.probabilities[species] > 0.7, "{output:?}");
    }
    for (lengths, why) in [
        (
            [0.0, 3.5, 1.4, 0.2],
            "sepal_length: must be above 0 and at most 30 cm",
        ),
        (
            [5.1, 3.5, 1.4, 31.0],
            "petal_width: must be above 0 and at most 30 cm",
        ),
        (
            [5.1, f64::NAN, 1.4, 0.2],
            "sepal_width: must be above 0 and at most 30 cm",
        ),
        (
            [1.0, 3.5, 2.1, 0.2],
            "petal_length: no iris has petals twice as long as its sepals",
        ),
    ] {
        let Err(Stop::Problem(problem)) = iris.run(flower(lengths), &Call::default()) else {
            panic!("{lengths:?}");
        };
        assert_eq!(problem.reason(), "no_iris");
        assert!(format!("{problem:?}").contains(why), "{problem:?}");
    }
}
