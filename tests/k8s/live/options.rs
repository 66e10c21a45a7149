//! What is asked on the command line and by the environment.

use std::env;
use std::process::ExitCode;

use crate::trials::Trial;

const HELP: &str = "\
Tries the service on the cluster that kubectl talks to (KUBECONFIG, or its current context).

  tests/k8s/live/run [TRIAL…]      all trials, or these, in this order

Environment
  IMAGES=registry.example.com/    what to put before the names of the images; by default nodes have them
  CLUSTER_IS_OURS=1               no others use the cluster: a node may be drained, DNS stopped, a
                                  process killed from its node. 1 by default for kind, k3d and minikube

Exit code: 0, or 1 if a trial failed, or 2 if none could begin.

Trials";

pub(crate) struct Options {
    pub(crate) trials: Vec<Trial>,
    /// Ends in a slash, unless it is empty.
    pub(crate) images: String,
    /// What was said; else the name of the cluster decides.
    pub(crate) cluster_is_ours: Option<bool>,
}

impl Options {
    /// Or the exit code, when everything has been said.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        if arguments.iter().any(|it| it == "--help" || it == "-h") {
            println!("{HELP}");
            for trial in Trial::ALL {
                println!("  {:<12}{}", trial.name(), trial.about());
            }
            return Err(ExitCode::SUCCESS);
        }
        Self::from(&arguments, |name| env::var(name).ok()).map_err(|why| {
            eprintln!("live: {why}; --help tells what there is");
            ExitCode::from(2)
        })
    }

    fn from(
        arguments: &[String],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let named = |name: &String| {
            let found = Trial::ALL.into_iter().find(|trial| trial.name() == name);
            found.ok_or_else(|| format!("there is no trial {name:?}"))
        };
        let trials: Vec<Trial> = arguments.iter().map(named).collect::<Result<_, _>>()?;
        let mut images = variable("IMAGES").unwrap_or_default();
        if !images.is_empty() && !images.ends_with('/') {
            images.push('/');
        }
        let cluster_is_ours = match variable("CLUSTER_IS_OURS").as_deref() {
            None | Some("") => None,
            Some("0") => Some(false),
            Some("1") => Some(true),
            Some(other) => return Err(format!("CLUSTER_IS_OURS is 0 or 1, not {other:?}")),
        };
        Ok(Self {
            trials: match trials.as_slice() {
                [] => Trial::ALL.to_vec(),
                // Nothing can be tried before that.
                [Trial::Apply, ..] => trials,
                _ => [vec![Trial::Apply], trials].concat(),
            },
            images,
            cluster_is_ours,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Trial};

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Options, String> {
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        Options::from(&arguments, |name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_arguments_everything_is_tried() {
        let options = read(&[], &[]).expect("nothing is wrong");
        assert_eq!(options.trials, Trial::ALL);
        assert_eq!(options.images, "");
        assert_eq!(options.cluster_is_ours, None);
    }

    #[test]
    fn what_is_tried_is_applied_first() {
        let options = read(&["drain"], &[]).expect("nothing is wrong");
        assert_eq!(options.trials, [Trial::Apply, Trial::Drain]);
    }

    #[test]
    fn a_registry_ends_in_a_slash() {
        let options = read(&[], &[("IMAGES", "registry.example.com")]).expect("nothing is wrong");
        assert_eq!(options.images, "registry.example.com/");
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        assert!(read(&["drian"], &[]).is_err_and(|why| why.contains("drian")));
        assert!(read(&[], &[("CLUSTER_IS_OURS", "yes")]).is_err());
    }
}
