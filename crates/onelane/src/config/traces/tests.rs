//! What variables come to.

use rstest::rstest;

use super::*;

const BASE: (&str, &str) = (ENDPOINT, "http://collector:4318");

fn of(variables: &[(&str, &str)]) -> Result<Option<Traces>, String> {
    let value = |name: &str| {
        let mut variables = variables.iter();
        let found = variables.find(|(of, _)| *of == name);
        Ok(found.map(|(_, value)| (*value).to_owned()))
    };
    Traces::of(value).map_err(|err| err.to_string())
}

#[rstest]
#[case(&[])]
#[case(&[BASE, ("OTEL_SDK_DISABLED", "true")])]
#[case(&[BASE, ("OTEL_TRACES_EXPORTER", "none")])]
#[case(&[(SAMPLER, "nonsense")])]
fn without_a_collector_there_is_nothing_to_check(#[case] variables: &[(&str, &str)]) {
    assert_eq!(of(variables), Ok(None));
}

#[test]
fn the_path_is_added_to_the_endpoint_of_all_signals_alone() {
    let endpoint = |variables: &[_]| of(variables).unwrap().unwrap().endpoint;
    assert_eq!(endpoint(&[BASE]), "http://collector:4318/v1/traces");
    assert_eq!(
        endpoint(&[(ENDPOINT, "http://c:1/x/")]),
        "http://c:1/x/v1/traces"
    );
    let traces = (TRACES_ENDPOINT, "http://other:1/spans");
    assert_eq!(endpoint(&[BASE, traces]), "http://other:1/spans");
}

#[rstest]
#[case("always_on", false, RootSampler::All)]
#[case("parentbased_always_off", true, RootSampler::None)]
#[case("parentbased_traceidratio", true, RootSampler::Ratio(0.25))]
fn a_sampler_has_the_name_that_others_give_it(
    #[case] name: &str,
    #[case] parent_based: bool,
    #[case] root: RootSampler,
) {
    let traces = of(&[BASE, (SAMPLER, name), (SAMPLER_ARG, "0.25")])
        .unwrap()
        .unwrap();
    assert_eq!((traces.parent_based, traces.root), (parent_based, root));
    assert_eq!(traces.to_string(), name);
}

#[rstest]
#[case(ENDPOINT, "collector:4318")]
#[case(ENDPOINT, "https://collector:4318")]
#[case(TRACES_ENDPOINT, "http://")]
#[case(SAMPLER, "sometimes")]
#[case("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
#[case("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip")]
#[case("OTEL_TRACES_EXPORTER", "zipkin")]
#[case("OTEL_RESOURCE_ATTRIBUTES", "team=a,b")]
#[case("OTEL_EXPORTER_OTLP_HEADERS", "=x")]
#[case(TIMEOUT, "10s")]
#[case(TIMEOUT, "0")]
#[case(QUEUE_MAX, "1000000")]
#[case(BATCH_MAX, "-1")]
fn what_is_not_possible_is_an_error_that_names_the_variable(
    #[case] name: &str,
    #[case] value: &str,
) {
    let variables = [(name, value), BASE];
    let err = of(&variables).unwrap_err();
    assert!(err.starts_with(&format!("{name}: ")), "{err}");
}
