//! Small tables, whose neighbours anybody can work out.

use std::fs;

use super::*;

/// A file of rows of two numbers.
fn file(rows: &[[f32; 2]]) -> Vec<u8> {
    let numbers = rows.iter().flatten();
    let numbers = numbers.flat_map(|number| number.to_le_bytes());
    b"VEC1\x02\0\0\0".iter().copied().chain(numbers).collect()
}

fn load(file: &[u8]) -> Result<Model, String> {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table");
    fs::write(&table, file).unwrap();
    Model::load(Settings { table: Some(table) }).map_err(|err| err.to_string())
}

type Found = Result<Vec<(usize, f64)>, Stop>;

fn nearest_of(rows: &[[f32; 2]], vector: &[f32], count: u64) -> Found {
    let vector = vector.to_vec();
    let model = load(&file(rows)).unwrap();
    let output = model.run(Input { vector, count }, &Call::default())?;
    let nearest = output.nearest.iter();
    Ok(nearest.map(|other| (other.row, other.distance)).collect())
}

fn ask(vector: &[f32], count: u64) -> Found {
    let rows = [[0.0, 0.0], [3.0, 4.0], [1.0, 0.0], [-1.0, 0.0]];
    nearest_of(&rows, vector, count)
}

#[test]
fn the_nearest_come_first_and_of_equals_those_of_the_file() {
    let nearest = [(0, 0.0), (2, 1.0), (3, 1.0), (1, 5.0)];
    assert_eq!(ask(&[0.0, 0.0], 3).unwrap(), nearest[..3]);
    assert_eq!(ask(&[0.0, 0.0], 100).unwrap(), nearest);
    assert_eq!(ask(&[0.0, 0.0], 0).unwrap(), []);
}

#[test]
fn without_a_file_there_is_a_table_to_try() {
    let model = Model::load(Settings { table: None }).unwrap();
    let vector = vec![1.2, 2.0, 3.0];
    let nearest = model.run(Input { vector, count: 1 }, &Call::default());
    assert_eq!(nearest.unwrap().nearest[0].row, 123);
}

#[test]
fn a_distance_is_never_infinite() {
    let far = nearest_of(&[[f32::MIN; 2]], &[f32::MAX; 2], 1).unwrap();
    assert!(far[0].1.is_finite());
}

#[test]
fn what_cannot_be_compared_is_a_problem() {
    for vector in [&[][..], &[1.0], &[1.0, 2.0, 3.0], &[1.0, f32::INFINITY]] {
        let Err(Stop::Problem(problem)) = ask(vector, 1) else {
            panic!("{vector:?} is compared");
        };
        assert_eq!(problem.reason(), "unlike_the_table");
    }
}

#[test]
fn a_file_that_is_no_table_is_told_by_its_name() {
    let whole = file(&[[1.0, 2.0], [3.0, 4.0]]);
    for (file, why) in [
        (&whole[..7], "it is no table"),
        (b"1.0,2.0\n3.0,4.0", "it is no table"),
        (&whole[..8], "rows of 2 numbers"),
        (&whole[..whole.len() - 4], "rows of 2 numbers"),
        (b"VEC1\0\0\0\0", "rows of 0 numbers"),
        (b"VEC1\xff\xff\xff\xff....", "rows of 4294967295 numbers"),
        (&file(&[[1.0, f32::NAN]]), "no number"),
    ] {
        let err = load(file).unwrap_err();
        assert!(err.contains("/table: ") && err.contains(why), "{err}");
    }
    let table = PathBuf::from("/nowhere/table");
    let err = Model::load(Settings { table: Some(table) }).unwrap_err();
    assert!(err.to_string().starts_with("/nowhere/table: "), "{err}");
}

#[test]
fn it_ends_when_the_request_is_interrupted() {
    let call = Call::default();
    call.interrupt();
    let input = Input {
        vector: vec![0.0, 0.0],
        count: 1,
    };
    let stopped = load(&file(&[[1.0, 2.0]])).unwrap().run(input, &call);
    assert!(matches!(stopped, Err(Stop::Interrupted)));
}
