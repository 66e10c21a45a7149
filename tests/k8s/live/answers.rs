//! What clients got: the lines of `client.bash`.

use std::fmt;

/// How many lost requests are told one by one.
const TOLD: usize = 10;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// By the clock of the node, in seconds since 1970.
    pub(crate) began: f64,
    pub(crate) took: f64,
    /// The `X-Request-Id`.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// On a connection of its own.
    pub(crate) is_fresh: bool,
    /// 0 where there was none.
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// The pod that computed it.
    pub(crate) lane: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Get,
    /// It may be done once, and so is never tried again.
    Post,
    /// With an `Idempotency-Key`.
    KeyedPost,
}

impl Answer {
    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [
            began,
            took,
            id,
            method,
            key,
            connection,
            status,
            reason,
            served_by,
        ] = words[..]
        else {
            return None;
        };
        Some(Self {
            began: began.parse().ok()?,
            took: took.parse().ok()?,
            id: id.to_owned(),
            kind: match (method, key) {
                ("GET", _) => Kind::Get,
                (_, "-") => Kind::Post,
                _ => Kind::KeyedPost,
            },
            is_fresh: connection == "fresh",
            status: status.parse().ok()?,
            reason: reason.to_owned(),
            lane: served_by.to_owned(),
        })
    }

    pub(crate) fn ended(&self) -> f64 {
        self.began + self.took
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.status != 200
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let kind = match self.kind {
            Kind::Get => "GET",
            Kind::Post => "POST",
            Kind::KeyedPost => "POST with a key",
        };
        let connection = if self.is_fresh { "fresh" } else { "kept" };
        let (id, status, reason, took) = (&self.id, self.status, &self.reason, self.took);
        let when = time_of_day(self.ended());
        write!(
            out,
            "{when} {kind} on a {connection} connection: {status:03} {reason} after {took:.1} s ({id})"
        )
    }
}

/// Of all clients of a load, by when they ended.
#[derive(Default)]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

impl Answers {
    pub(crate) fn read(log: &str) -> Self {
        Self(log.lines().filter_map(Answer::read).collect())
    }

    pub(crate) fn lost(&self, kinds: &[Kind]) -> Vec<&Answer> {
        let of_these = |it: &&Answer| it.is_lost() && kinds.contains(&it.kind);
        self.0.iter().filter(of_these).collect()
    }

    pub(crate) fn of(&self, kind: Kind) -> usize {
        self.0.iter().filter(|it| it.kind == kind).count()
    }

    /// "120 GETs (slowest 0.3 s), 40 POSTs, 41 POSTs with a key: 3 lost".
    pub(crate) fn summary(&self) -> String {
        let gets = self.0.iter().filter(|it| it.kind == Kind::Get);
        let slowest = gets.map(|it| it.took).fold(0.0, f64::max);
        let lost = self.lost(&[Kind::Get, Kind::Post, Kind::KeyedPost]).len();
        let (gets, posts) = (self.of(Kind::Get), self.of(Kind::Post));
        let keyed = self.of(Kind::KeyedPost);
        format!(
            "{gets} GETs (slowest {slowest:.1} s), {posts} POSTs, {keyed} POSTs with a key: {lost} lost"
        )
    }
}

/// Lost requests, one by one.
pub(crate) fn told(lost: &[&Answer]) -> String {
    let lines = lost
        .iter()
        .take(TOLD)
        .map(|it| format!("\n             {it}"));
    let more = lost.len().saturating_sub(TOLD);
    let more = (more > 0).then(|| format!("\n             and {more} more"));
    lines.chain(more).collect()
}

/// UTC.
fn time_of_day(seconds: f64) -> String {
    let in_day = seconds.rem_euclid(86_400.0);
    let (hours, minutes) = (in_day / 3600.0, in_day / 60.0 % 60.0);
    let seconds = in_day % 60.0;
    format!("{:02}:{:02}:{seconds:04.1}", hours.floor(), minutes.floor())
}

#[cfg(test)]
mod tests {
    use super::{Answers, Kind, time_of_day, told};

    const LOG: &str = "\
1795900282.453984 0.023532 rollout-1-1 GET - fresh 200 - app-1
1795900282.463638 1.026573 rollout-2-1 GET - kept 503 no_lane -
1795900282.460143 0.024172 rollout-3-1 POST key kept 200 - app-2
1795900283.500844 0.000626 rollout-4-1 POST - fresh 000 refused -
client: line 61: something that bash says
done
";

    #[test]
    fn each_request_is_a_line() {
        let answers = Answers::read(LOG);
        let kinds: Vec<Kind> = answers.0.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [Kind::Get, Kind::Get, Kind::KeyedPost, Kind::Post]);
        assert_eq!(
            answers.summary(),
            "2 GETs (slowest 1.0 s), 1 POSTs, 1 POSTs with a key: 2 lost"
        );
    }

    #[test]
    fn a_lost_request_tells_what_came_of_it() {
        let answers = Answers::read(LOG);
        let told = told(&answers.lost(&[Kind::Get]));
        assert!(told.contains("kept connection: 503 no_lane after 1.0 s (rollout-2-1)"));
        assert!(!told.contains("rollout-4-1"));
    }

    #[test]
    fn times_are_those_of_the_day() {
        assert_eq!(time_of_day(1_795_900_282.5), "21:11:22.5");
    }
}
