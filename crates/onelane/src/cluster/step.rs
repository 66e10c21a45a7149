//! What a fleet does next to have as many workers as it should: the rule alone.

use super::member::Member;
use crate::roster::Cause;

/// Workers beyond the target during a replacement: the new one starts before the old one leaves.
const SURGE: usize = 1;

/// What brings the fleet closer to its target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// One worker more is needed.
    Start,
    /// The member at this place is to leave, because of this.
    Release { at: usize, cause: Cause },
    /// Nothing, for now.
    Wait,
}

/// What `members` need so that `target` of them stay that are not outdated.
pub(super) fn next_step(members: &[Member], target: usize) -> Step {
    let all = members.iter().enumerate();
    let staying = || all.clone().filter(|(_, member)| member.is_staying());
    let fresh = staying().filter(|(_, member)| member.outdated().is_none());
    if fresh.count() < target && staying().count() < target + SURGE {
        return Step::Start;
    }
    if staying().count() <= target {
        return Step::Wait;
    }
    let listening = staying().filter(|(_, member)| member.is_listening());
    let outdated = staying().find_map(|(at, member)| Some((at, member.outdated()?)));
    match (outdated, staying().next_back()) {
        (Some((at, cause)), _) if listening.count() > target => Step::Release { at, cause },
        (None, Some((at, _youngest))) => Step::Release {
            at,
            cause: Cause::Surplus,
        },
        // An outdated member stays until its successor listens.
        _ => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::Signal;

    use super::super::member::tests::{listening, starting};
    use super::*;

    fn outdated() -> Member {
        let mut member = listening();
        member.outdate(Cause::Reload);
        member
    }

    #[test]
    fn a_fleet_grows_to_its_target_and_no_further() {
        assert_eq!(next_step(&[listening()], 2), Step::Start);
        assert_eq!(next_step(&[listening(), starting()], 2), Step::Wait);
    }

    #[test]
    fn an_outdated_member_leaves_once_its_successor_listens() {
        assert_eq!(next_step(&[outdated()], 1), Step::Start);
        assert_eq!(next_step(&[outdated(), starting()], 1), Step::Wait);
        let release = Step::Release {
            at: 0,
            cause: Cause::Reload,
        };
        assert_eq!(next_step(&[outdated(), listening()], 1), release);
    }

    #[test]
    fn outdated_members_are_replaced_one_after_the_other() {
        let members = [outdated(), outdated(), starting()];
        assert_eq!(next_step(&members, 2), Step::Wait);
    }

    #[test]
    fn the_youngest_is_the_one_too_many() {
        let mut leaving = listening();
        leaving.leave(Cause::Reload, Signal::TERM, Duration::ZERO);
        let members = [listening(), listening(), leaving];
        let release = Step::Release {
            at: 1,
            cause: Cause::Surplus,
        };
        assert_eq!(next_step(&members, 1), release);
    }
}
