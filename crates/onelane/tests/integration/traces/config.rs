//! The variables of OpenTelemetry.

use rstest::rstest;

use crate::lane::onelane;

fn config(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = onelane();
    let output = command
        .arg("config")
        .envs(variables.iter().copied())
        .output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

#[test]
fn what_is_in_effect_is_shown() {
    let (code, off) = config(&[]);
    assert!(
        code == Some(0) && off.contains("# No traces are exported"),
        "{off}"
    );
    let ratio = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    let (code, on) = config(&[ENDPOINT, ratio, ("OTEL_TRACES_SAMPLER_ARG", "0.25")]);
    assert_eq!(code, Some(0), "{on}");
    for line in [
        r#"#   OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://collector:4318/v1/traces""#,
        r#"#   OTEL_TRACES_SAMPLER="parentbased_traceidratio""#,
        r#"#   OTEL_TRACES_SAMPLER_ARG="0.25""#,
    ] {
        assert!(on.lines().any(|shown| shown == line), "{line} not in: {on}");
    }
}

#[test]
fn what_is_shown_is_still_a_file_of_settings() {
    let (_, shown) = config(&[ENDPOINT]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &shown).unwrap();
    let again = onelane()
        .arg("config")
        .arg("--config")
        .arg(file.path())
        .output();
    assert_eq!(again.unwrap().status.code(), Some(0), "{shown}");
}

#[rstest]
#[case("OTEL_TRACES_SAMPLER", "sometimes")]
#[case("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
#[case("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector:4318")]
#[case("OTEL_BSP_MAX_QUEUE_SIZE", "many")]
fn a_bad_value_ends_the_process_with_a_line_that_names_it(#[case] name: &str, #[case] value: &str) {
    let (code, said) = config(&[ENDPOINT, (name, value)]);
    assert_eq!((code, said.lines().count()), (Some(78), 1), "{said}");
    assert!(said.starts_with(&format!("drills: {name}: ")), "{said}");
}
