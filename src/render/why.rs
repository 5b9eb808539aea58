//! Why a node holds its opinion of one peer, in a paragraph.
//!
//! For an engineer who was woken at night and has not read the concepts: the state, the evidence, the witnesses and what
//! they said, and what the evidence cannot show. Every number in it is one of [`Why`]; the paragraph decides nothing and
//! leaves out nothing that would change the reader's mind.

use std::time::Duration;

use super::advice;
use super::phrase::{
    evidence_phrase, evidence_phrase_of, failure_phrase, failure_phrase_of, join_texts, listed, usual_cause,
};
use super::quantity::{round_trip, span};
use crate::detector::event::Purpose;
use crate::detector::evidence::{Class, Evidence};
use crate::detector::flaw::Flaw;
use crate::detector::peer::{NodeName, PeerState, SelfState, Testimony, Verdict};
use crate::detector::record::{End, Quorum};
use crate::detector::rule::Rule;
use crate::detector::view::WitnessView;
use crate::detector::why::{DecisionView, PingView, Why};

/// Pings from elsewhere are mentioned when they go on: the longest interval is a minute.
const PINGS_SHOWN: Duration = Duration::from_secs(120);

/// The evidence as one paragraph of plain sentences.
pub fn explanation(why: &Why) -> String {
    let mut sentences = match why.peer.peer.state {
        PeerState::Joining => joining(why),
        PeerState::Alive => alive(why),
        PeerState::Suspect => suspect(why),
        PeerState::Unreachable => unreachable(why),
        PeerState::Dead => dead(why),
        PeerState::Left => left(why),
    };
    sentences.extend(flags(why));
    sentences.extend(caveats(why));
    sentences.extend(advice::sentence(why));
    sentences.join(" ")
}

fn joining(why: &Why) -> Vec<String> {
    let (peer, me) = (why.peer.peer.display_name(), &why.observer.node);
    let never = why.peer.verdict == Some(Verdict::NeverSeen);
    let watched = span(why.watched);
    let mut sentences = vec![if never {
        format!("{peer} has never answered {me}, which has watched it for {watched}.")
    } else {
        format!("{peer} has not answered yet; {me} has watched it for {watched}.")
    }];
    let failed = why.pings.iter().find_map(failure);
    sentences
        .extend(failed.map(|evidence| format!("The last ping failed: {}.", evidence_phrase_of(evidence, flaw(why)))));
    sentences.push(if never {
        "A peer that has never answered is not called down: check that it runs and that its address in the list of peers is right.".into()
    } else {
        "It is reported as never seen once the longest wait is over.".into()
    });
    sentences
}

fn alive(why: &Why) -> Vec<String> {
    let (peer, me) = (why.peer.peer.display_name(), &why.observer.node);
    let answered = why.pings.iter().find_map(|ping| match ping.end {
        Some((End::Answered, took)) => Some((ping.age.saturating_sub(took), took)),
        _ => None,
    });
    let mut sentences = vec![match (answered, why.peer.last_answer) {
        (Some((age, took)), _) => {
            format!("{peer} is alive: it answered {me} {} ago, in {}.", span(age), round_trip(took))
        }
        (None, Some(age)) => format!("{peer} is alive: it answered {me} {} ago.", span(age)),
        (None, None) => format!("{peer} is alive."),
    }];
    if let Some(decision) = &why.decision {
        let age = span(decision.age);
        sentences.push(match decision.rule {
            Rule::NewBoot => format!(
                "It restarted {age} ago: a new process answered under its name. Reports about the process before no longer count."
            ),
            Rule::TwoAnswers => format!("It has been alive for {age}, since its second answer after it was dead."),
            Rule::ThreeAnswers => format!("It has been alive for {age}, since three answers in a row: the link is whole again."),
            Rule::ReadyAgain => format!("It had said goodbye and was ready again {age} ago."),
            Rule::FirstAnswer => format!("It has been alive for {age}, since its first answer."),
            _ => format!("It has been alive for {age}, since it answered again."),
        });
    }
    if let Some(outage) = &why.outage {
        let how = outage.class.map(|class| format!(" ({class})")).unwrap_or_default();
        let called = if outage.to == PeerState::Dead { "down" } else { "unreachable" };
        let rule = outage.rule.sentence();
        sentences.push(format!("It was last called {called}{how} {} ago: {rule}.", span(outage.age)));
    }
    let accusers: Vec<&str> = why.accusations.iter().map(|accusation| accusation.observer.as_str()).collect();
    if !accusers.is_empty() {
        let names = join_texts(accusers.into_iter());
        let verb = if why.accusations.len() == 1 { "accuses" } else { "accuse" };
        sentences.push(format!("{names} {verb} it; this does not count here while it answers {me}."));
    }
    sentences
}

fn suspect(why: &Why) -> Vec<String> {
    let peer = why.peer.peer.display_name();
    let doubt = why.decision.as_ref().map_or("", |decision| decision.rule.sentence());
    let mut sentences = vec![format!("{peer} has been suspect for {}: {doubt}.", span(why.peer.state_age))];
    match (why.peer.class, why.limit, why.peer.last_proof) {
        // The wait is still that for a silent host, but the host did respond.
        (Some(Class::Silent), Some(limit), Some(heard)) if why.peer.evidence == Some(Evidence::Refused) => {
            sentences.push(format!(
                "So far: one connection was refused, as while a process restarts. If the next one is refused too, its process \
                 is gone; otherwise it is accused {} after its last sign of life, which was {} ago.",
                span(limit),
                span(heard)
            ));
        }
        (Some(class), Some(limit), Some(heard)) => {
            let fails = failure_phrase_of(class, why.peer.evidence.unwrap_or(Evidence::Silent), flaw(why));
            sentences.push(format!(
                "So far: {fails}. It is accused {} after its last sign of life, which was {} ago.",
                span(limit),
                span(heard)
            ));
        }
        _ => sentences.push("No check has finished yet.".into()),
    }
    sentences.extend(witnesses(&why.peer.witnesses));
    sentences.push("There is no verdict yet; one answer clears it.".into());
    sentences
}

fn dead(why: &Why) -> Vec<String> {
    let (peer, me) = (why.peer.peer.display_name(), &why.observer.node);
    let Some(decision) = &why.decision else { return vec![format!("{peer} is down.")] };
    let age = span(why.peer.state_age);
    let mut sentences = vec![if why.peer.verdict == Some(Verdict::Unconfirmed) {
        format!("{peer} may be down: it has been dead for {me} for {age}, and no quorum has confirmed it.")
    } else {
        format!("{peer} has been down for {age}.")
    }];
    sentences.extend(decision.class.map(|class| fails(class, decision.evidence, flaw(why))));
    sentences.extend(waited(decision));
    let exhibits = decision.exhibits.as_ref();
    sentences
        .extend(exhibits.and_then(|exhibits| exhibits.quorum.as_ref()).map(|quorum| agreed(decision.rule, quorum)));
    if decision.rule != Rule::Quorum {
        sentences.push(format!(
            "The network between {me} and {peer} may be broken instead: check from another place before you act."
        ));
    }
    sentences.extend(witnesses(exhibits.map_or(&[], |exhibits| &exhibits.witnesses)));
    sentences
}

fn unreachable(why: &Why) -> Vec<String> {
    let (peer, me) = (why.peer.peer.display_name(), &why.observer.node);
    let Some(decision) = &why.decision else { return vec![format!("{me} cannot reach {peer}.")] };
    let fails = decision.class.map_or_else(
        || "no ping is answered".to_owned(),
        |class| failure_phrase_of(class, decision.evidence.unwrap_or(Evidence::Silent), flaw(why)),
    );
    let since = why.peer.last_answer.map(|age| format!("; its last answer came {} ago", span(age)));
    let here = format!("From {me}: {fails}{}.", since.unwrap_or_default());
    match decision.rule {
        Rule::OwnPings => {
            let last = why.last_ping_in.map(|age| format!(", the last one {} ago", span(age))).unwrap_or_default();
            vec![
                format!("{me} gets no answers from {peer}, but {peer}'s own pings arrive{last}."),
                here,
                "It is alive, and the link works one way only: check firewalls and routes, not the process.".into(),
            ]
        }
        Rule::Unverified => vec![
            format!("Something answers {me}'s pings of {peer}, but not with {me}'s mesh key."),
            here,
            format!("It may be {peer} with another key or none, or somebody else: {me} does not accuse {peer}."),
        ],
        Rule::MostUnheard => {
            let (heard, expected) = decision.heard.unwrap_or_default();
            vec![
                format!(
                    "{me} hears nothing from {peer}, and it hears only {heard} of the {expected} peers that it expects to hear."
                ),
                here,
                if decision.evidence == Some(Evidence::NoNetwork) {
                    format!("Nothing could be sent from {me}: check its own network first. It calls no peer down.")
                } else {
                    format!("That is less than half, so {me} itself may be cut off; it calls no peer down.")
                },
            ]
        }
        _ => {
            let said = decision.exhibits.as_ref().map(|exhibits| &exhibits.vouchers);
            let names = said.filter(|names| !names.is_empty()).map_or("a witness".to_owned(), |names| listed(names));
            vec![
                format!("{me} cannot reach {peer}, but {names}, asked as a witness, got an answer."),
                here,
                format!("So {peer} is alive, and the link between {me} and {peer} is broken."),
            ]
        }
    }
}

fn left(why: &Why) -> Vec<String> {
    let (peer, me) = (why.peer.peer.display_name(), &why.observer.node);
    let goodbye_to = why.decision.as_ref().and_then(|decision| decision.goodbye_to.as_ref()).unwrap_or(me);
    let mut sentences = vec![
        format!(
            "{peer} said goodbye to {goodbye_to} {} ago and left: it was stopped cleanly.",
            span(why.peer.state_age)
        ),
        "It is not expected until a new process answers under its name.".into(),
    ];
    // A new process that this node does not believe changes nothing, and people must know that it is there.
    let disbelieved = flaw(why).filter(|flaw| flaw.kind.is_of_mesh_key() || flaw.kind.is_of_tls());
    sentences.extend(disbelieved.map(|flaw| format!("Something answers at its address, and is not believed: {flaw}.")));
    sentences
}

/// How it fails, and what usually causes that.
fn fails(class: Class, evidence: Option<Evidence>, flaw: Option<&Flaw>) -> String {
    let cause = usual_cause(class);
    match (class, evidence) {
        (Class::Stalled, Some(Evidence::Invalid)) => {
            let what = flaw.map(|flaw| format!(": {flaw}")).unwrap_or_default();
            format!("It answers, but its answers are not valid (stalled){what}.")
        }
        _ => format!("{}: {cause}.", capital(failure_phrase(class, evidence.unwrap_or(Evidence::Silent)))),
    }
}

fn waited(decision: &DecisionView) -> Option<String> {
    let (class, limit) = (decision.class?, decision.limit?);
    let (silent, limit) = (span(decision.silent_for), span(limit));
    Some(format!("It had been silent for {silent} when this was decided; the limit for {class} is {limit}."))
}

/// Who accused it, and who could not be asked.
fn agreed(rule: Rule, quorum: &Quorum) -> String {
    let names = listed(&quorum.accusers);
    match rule {
        Rule::OnlyObserver => format!("No other observer can confirm it: only {names} reports it."),
        Rule::NobodyLeft => {
            let needed = quorum.needed;
            format!(
                "{needed} accusations are needed to confirm it; only {names} accused it, and too few others can still be asked."
            )
        }
        _ => format!("{} of {} observers had to agree; {names} did.", quorum.needed, quorum.observers),
    }
}

/// What those who were asked said, one sentence for each thing that was said.
fn witnesses(asked: &[WitnessView]) -> Vec<String> {
    let who = |is: &dyn Fn(Option<Testimony>) -> bool| -> Vec<NodeName> {
        asked.iter().filter(|view| is(view.said)).map(|view| view.witness.clone()).collect()
    };
    let mut sentences = Vec::new();
    let mut say = |names: Vec<NodeName>, said: &str| {
        if !names.is_empty() {
            sentences.push(format!("Asked as a witness, {} {said}.", listed(&names)));
        }
    };
    say(who(&|said| matches!(said, Some(Testimony::Answered { .. }))), "got an answer from it");
    for failed in Evidence::ALL {
        let names = who(&|said| said == Some(Testimony::Failed { evidence: failed }));
        say(names, &format!("could not reach it either: {}", evidence_phrase(failed)));
    }
    say(who(&|said| said == Some(Testimony::Left)), "reported its goodbye");
    say(who(&|said| said == Some(Testimony::NoOpinion)), "had no opinion");
    say(who(&|said| said.is_none()), "has not answered yet");
    sentences
}

fn flags(why: &Why) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(witness) = &why.discredited {
        sentences.push(format!(
            "{witness} alone reports that it reaches it, and did so for 1 min against all other observers: its report no longer counts."
        ));
    }
    if let Some(maintenance) = &why.peer.maintenance {
        let (left, reason) = (span(maintenance.left), maintenance.reason.as_str());
        sentences.push(format!("It is in maintenance for another {left} ({reason}): no alert is sent for it."));
    }
    if let Some(overrun) = why.peer.overrun {
        sentences.push(format!("Its maintenance should have been over {} ago.", span(overrun)));
    }
    if why.peer.degraded {
        sentences.push("It is degraded: too many of its last ten pings failed or were slow.".into());
    }
    if why.peer.flapping {
        sentences.push("It is flapping: it was unreachable three times within a minute.".into());
    }
    sentences
}

/// Reasons to doubt the observer itself.
fn caveats(why: &Why) -> Vec<String> {
    let observer = &why.observer;
    let me = &observer.node;
    let mut sentences = Vec::new();
    if observer.stalled || observer.blind {
        sentences.push(format!(
            "Note: {me} itself was just paused ({} lost in total); it judges no peer until it has pinged it again.",
            span(observer.lost)
        ));
    }
    if let Some(age) = why.last_ping_elsewhere.filter(|age| why.peer.peer.state.is_broken() && *age <= PINGS_SHOWN) {
        sentences.push(format!(
            "Note: pings in its name arrive from an address that is not its own, the last one {} ago, and do not count; if that is NAT or a proxy, start {me} with --pings-from=anywhere.",
            span(age)
        ));
    }
    let told = why.peer.verdict == Some(Verdict::CutOff);
    if let Some(cut_off) = observer.cut_off.filter(|_| !told) {
        sentences.push(format!("Note: {me} has heard less than half of its peers for {}.", span(cut_off)));
    }
    if observer.state == SelfState::Leaving {
        sentences.push(format!("Note: {me} is leaving and no longer judges its peers."));
    }
    sentences
}

/// What was wrong with the last answer, where it was none of a node.
fn flaw(why: &Why) -> Option<&Flaw> {
    why.peer.peer.flaw.as_ref()
}

fn failure(ping: &PingView) -> Option<Evidence> {
    match ping.end {
        Some((End::Failed(evidence) | End::OutOfTime(evidence), _)) if ping.purpose != Purpose::Witness => {
            Some(evidence)
        }
        _ => None,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::event::PeerRef;
    use crate::detector::flaw::FlawKind;
    use crate::detector::maintenance::{Maintenance, MaintenanceReason};
    use crate::detector::peer::{BootId, PeerId, PeerKey};
    use crate::detector::view::PeerView;
    use crate::detector::why::{AccusationView, EvidenceView, ObserverView};

    fn name(text: &str) -> NodeName {
        NodeName::new(text).unwrap()
    }

    fn names(texts: &[&str]) -> Vec<NodeName> {
        texts.iter().map(|text| name(text)).collect()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn ping(age: u64, end: End, took: u64) -> PingView {
        PingView { age: ms(age), purpose: Purpose::Scheduled, end: Some((end, ms(took))) }
    }

    fn asked(witness: &str, said: Option<Testimony>) -> WitnessView {
        WitnessView { witness: name(witness), said, age: ms(900), said_age: said.map(|_| ms(800)) }
    }

    fn failed(evidence: Evidence) -> Option<Testimony> {
        Some(Testimony::Failed { evidence })
    }

    /// What node-1 has of node-3, which is alive and well.
    fn well() -> Why {
        let peer = PeerRef {
            id: PeerId(3),
            key: PeerKey("localhost:8003".into()),
            node: Some(name("node-3")),
            boot: Some(BootId(7)),
            state: PeerState::Alive,
            flaw: None,
        };
        let peer = PeerView {
            last_proof: Some(ms(400)),
            last_answer: Some(ms(400)),
            state_age: ms(300_000),
            rtt_last: Some(ms(1)),
            rtt_mean: Some(ms(1)),
            rtt_p50: Some(ms(1)),
            rtt_p99: Some(ms(1)),
            loss: Some(0.0),
            streaming: true,
            pings_me: true,
            ..PeerView::new(peer)
        };
        let observer = ObserverView {
            node: name("node-1"),
            state: SelfState::Ready,
            stalled: false,
            lost: Duration::ZERO,
            cut_off: None,
            blind: false,
        };
        Why {
            observer,
            peer,
            watched: ms(301_000),
            last_ping_in: Some(ms(700)),
            last_ping_elsewhere: None,
            pings: vec![PingView { end: None, ..ping(0, End::Answered, 0) }, ping(401, End::Answered, 1)],
            limit: None,
            late_after: ms(250),
            accusations: Vec::new(),
            accused: None,
            vouchers: Vec::new(),
            discredited: None,
            quorum: None,
            decision: Some(decision(Rule::FirstAnswer, PeerState::Joining, PeerState::Alive, 300_000)),
            outage: None,
        }
    }

    fn decision(rule: Rule, from: PeerState, to: PeerState, age: u64) -> DecisionView {
        DecisionView {
            age: ms(age),
            rule,
            from,
            to,
            class: None,
            evidence: None,
            silent_for: Duration::ZERO,
            limit: None,
            phi: None,
            heard: None,
            goodbye_to: None,
            before: None,
            exhibits: None,
        }
    }

    /// The link has been called broken 12 s ago: so it fails, and so much was waited.
    fn broken(rule: Rule, class: Class, evidence: Evidence, silent: u64, limit: u64) -> Why {
        let to = if matches!(rule.verdict(), Some(Verdict::Down | Verdict::Unconfirmed)) {
            PeerState::Dead
        } else {
            PeerState::Unreachable
        };
        let quorum = Quorum {
            observers: 2,
            needed: 2,
            accusations: 2,
            accusers: names(&["node-1", "node-2"]),
            could_speak: Vec::new(),
        };
        let exhibits = EvidenceView {
            pings: Vec::new(),
            witnesses: Vec::new(),
            vouchers: Vec::new(),
            quorum: (to == PeerState::Dead).then_some(quorum),
        };
        let decision = DecisionView {
            class: Some(class),
            evidence: Some(evidence),
            silent_for: ms(silent),
            limit: Some(ms(limit)),
            exhibits: Some(exhibits),
            ..decision(rule, PeerState::Suspect, to, 12_000)
        };
        let mut why = well();
        why.peer.peer.state = to;
        why.peer.verdict = rule.verdict();
        why.peer.class = Some(class);
        why.peer.evidence = Some(evidence);
        why.peer.state_age = ms(12_000);
        why.peer.last_answer = Some(ms(12_000 + silent));
        why.decision = Some(decision);
        why
    }

    fn exhibits(why: &mut Why) -> &mut EvidenceView {
        why.decision.as_mut().and_then(|decision| decision.exhibits.as_mut()).unwrap()
    }

    #[track_caller]
    fn says(why: &Why, text: &str) {
        assert_eq!(evidence(why), text);
    }

    /// The paragraph without its advice.
    fn evidence(why: &Why) -> String {
        let text = explanation(why);
        text.split(" What to do: ").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_advice_follows_from_how_the_peer_fails() {
        for (rule, class, evidence, words) in [
            (Rule::Quorum, Class::Gone, Evidence::Refused, "start it; read its last log lines."),
            (Rule::Quorum, Class::Stalled, Evidence::Stalled, "it runs but does not answer: check CPU limits, swap"),
            (Rule::Quorum, Class::Silent, Evidence::Silent, "check the host, its power and the network first."),
            (Rule::Quorum, Class::Stalled, Evidence::Invalid, "something else answers at its address"),
            (Rule::WitnessVouches, Class::Silent, Evidence::Silent, "between it and node-1."),
        ] {
            let mut why = broken(rule, class, evidence, 3000, 3000);
            (why.peer.class, why.peer.evidence) = (Some(class), Some(evidence));
            let text = explanation(&why);
            let told = text.split(" What to do: ").nth(1).unwrap_or_default();
            assert!(told.contains(words), "{rule:?} {class:?}: {text}");
        }
        let mut why = well();
        why.peer.degraded = true;
        for (loss, words) in [(0.5, "look for lost packets"), (0.0, "look for load")] {
            why.peer.loss = Some(loss);
            assert!(explanation(&why).contains(words), "{loss}");
        }
    }

    #[test]
    fn alive() {
        let mut why = well();
        says(
            &why,
            "node-3 is alive: it answered node-1 0.4 s ago, in 1.00 ms. It has been alive for 5 min, since its first answer.",
        );
        why.decision = Some(decision(Rule::TwoAnswers, PeerState::Dead, PeerState::Alive, 20_000));
        let text = explanation(&why);
        assert!(text.ends_with(" It has been alive for 20 s, since its second answer after it was dead."), "{text}");
        why.accusations = vec![AccusationView { observer: name("node-2"), class: Class::Silent, left: ms(2000) }];
        let text = explanation(&why);
        assert!(text.ends_with(" node-2 accuses it; this does not count here while it answers node-1."), "{text}");
    }

    #[test]
    fn restarted() {
        let mut why = well();
        why.decision = Some(decision(Rule::NewBoot, PeerState::Dead, PeerState::Alive, 5000));
        why.outage = broken(Rule::Quorum, Class::Gone, Evidence::Refused, 251, 250).decision;
        says(
            &why,
            "node-3 is alive: it answered node-1 0.4 s ago, in 1.00 ms. \
            It restarted 5 s ago: a new process answered under its name. Reports about the process before no longer count. \
            It was last called down (gone) 12 s ago: the wait is over, no node vouches for it, and enough observers accuse it.",
        );
    }

    #[test]
    fn suspect() {
        let mut why = broken(Rule::Quorum, Class::Stalled, Evidence::Stalled, 0, 0);
        why.peer.peer.state = PeerState::Suspect;
        why.peer.state_age = ms(1200);
        why.peer.last_proof = Some(ms(2400));
        why.limit = Some(ms(10_000));
        why.decision = Some(decision(Rule::PingLate, PeerState::Alive, PeerState::Suspect, 1200));
        why.peer.witnesses = vec![asked("node-2", None)];
        says(
            &why,
            "node-3 has been suspect for 1.2 s: an answer is later than its usual round trips allow, so this node checks it. \
            So far: it accepts connections but does not answer (stalled). It is accused 10 s after its last sign of life, which was 2.4 s ago. \
            Asked as a witness, node-2 has not answered yet. There is no verdict yet; one answer clears it.",
        );
        why.peer.class = Some(Class::Silent);
        why.peer.evidence = Some(Evidence::Refused);
        why.limit = Some(ms(3000));
        says(
            &why,
            "node-3 has been suspect for 1.2 s: an answer is later than its usual round trips allow, so this node checks it. \
            So far: one connection was refused, as while a process restarts. If the next one is refused too, its process \
            is gone; otherwise it is accused 3 s after its last sign of life, which was 2.4 s ago. \
            Asked as a witness, node-2 has not answered yet. There is no verdict yet; one answer clears it.",
        );
    }

    #[test]
    fn crash() {
        let mut why = broken(Rule::Quorum, Class::Gone, Evidence::Refused, 251, 250);
        exhibits(&mut why).witnesses = vec![asked("node-2", failed(Evidence::Refused))];
        says(
            &why,
            "node-3 has been down for 12 s. Connection refused (process gone): typical of a process that crashed or was killed. \
            It had been silent for 0.25 s when this was decided; the limit for gone is 0.25 s. \
            2 of 2 observers had to agree; node-1 and node-2 did. \
            Asked as a witness, node-2 could not reach it either: connection refused.",
        );
    }

    #[test]
    fn silent_host() {
        let why = broken(Rule::Quorum, Class::Silent, Evidence::Silent, 3001, 3000);
        says(
            &why,
            "node-3 has been down for 12 s. Its host does not respond (silent): typical of a host that is off, or of a broken network. \
            It had been silent for 3 s when this was decided; the limit for silent is 3 s. \
            2 of 2 observers had to agree; node-1 and node-2 did.",
        );
    }

    #[test]
    fn frozen() {
        let mut why = broken(Rule::Quorum, Class::Stalled, Evidence::Stalled, 10_000, 10_000);
        let text = explanation(&why);
        assert!(text.contains("It accepts connections but does not answer (stalled): typical of a process that is frozen or overloaded."), "{text}");
        why.decision.as_mut().unwrap().evidence = Some(Evidence::Invalid);
        let text = explanation(&why);
        assert!(text.contains("It answers, but its answers are not valid (stalled)."), "{text}");
    }

    #[test]
    fn unconfirmed() {
        let mut why = broken(Rule::NobodyLeft, Class::Silent, Evidence::Silent, 5000, 3000);
        let quorum = exhibits(&mut why).quorum.as_mut().unwrap();
        (quorum.accusations, quorum.accusers) = (1, names(&["node-1"]));
        let text = evidence(&why);
        assert!(
            text.starts_with(
                "node-3 may be down: it has been dead for node-1 for 12 s, and no quorum has confirmed it."
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "2 accusations are needed to confirm it; only node-1 accused it, and too few others can still be asked."
            ),
            "{text}"
        );
        assert!(
            text.ends_with(
                "The network between node-1 and node-3 may be broken instead: check from another place before you act."
            ),
            "{text}"
        );
        why.decision.as_mut().unwrap().rule = Rule::OnlyObserver;
        let text = evidence(&why);
        assert!(text.contains("No other observer can confirm it: only node-1 reports it."), "{text}");
    }

    #[test]
    fn broken_link() {
        let mut why = broken(Rule::WitnessVouches, Class::Silent, Evidence::Silent, 3200, 3000);
        exhibits(&mut why).vouchers = names(&["node-2"]);
        says(
            &why,
            "node-1 cannot reach node-3, but node-2, asked as a witness, got an answer. \
            From node-1: its host does not respond (silent); its last answer came 15.2 s ago. \
            So node-3 is alive, and the link between node-1 and node-3 is broken.",
        );
    }

    #[test]
    fn one_way() {
        let why = broken(Rule::OwnPings, Class::Silent, Evidence::Silent, 3000, 3000);
        says(
            &why,
            "node-1 gets no answers from node-3, but node-3's own pings arrive, the last one 0.7 s ago. \
            From node-1: its host does not respond (silent); its last answer came 15 s ago. \
            It is alive, and the link works one way only: check firewalls and routes, not the process.",
        );
    }

    #[test]
    fn isolated_self() {
        let mut why = broken(Rule::MostUnheard, Class::Silent, Evidence::Silent, 3000, 3000);
        why.decision.as_mut().unwrap().heard = Some((0, 2));
        why.observer.state = SelfState::CutOff;
        why.observer.cut_off = Some(ms(12_000));
        says(
            &why,
            "node-1 hears nothing from node-3, and it hears only 0 of the 2 peers that it expects to hear. \
            From node-1: its host does not respond (silent); its last answer came 15 s ago. \
            That is less than half, so node-1 itself may be cut off; it calls no peer down.",
        );
    }

    #[test]
    fn left() {
        let mut why = well();
        why.peer.peer.state = PeerState::Left;
        why.peer.state_age = ms(65_000);
        why.decision = Some(decision(Rule::Goodbye, PeerState::Alive, PeerState::Left, 65_000));
        says(
            &why,
            "node-3 said goodbye to node-1 1 min 5 s ago and left: it was stopped cleanly. \
            It is not expected until a new process answers under its name.",
        );
        why.decision.as_mut().unwrap().goodbye_to = Some(name("node-2"));
        assert!(explanation(&why).starts_with("node-3 said goodbye to node-2 1 min 5 s ago"));
        why.peer.peer.flaw = Some(Flaw::new(FlawKind::MeshKeyMissing, "it has no mesh key"));
        assert!(
            explanation(&why).ends_with("Something answers at its address, and is not believed: it has no mesh key.")
        );
    }

    #[test]
    fn never_seen() {
        let mut why = well();
        why.peer.peer.state = PeerState::Joining;
        why.peer.peer.node = None;
        why.pings = vec![ping(300, End::Failed(Evidence::Refused), 1)];
        why.decision = None;
        says(
            &why,
            "localhost:8003 has not answered yet; node-1 has watched it for 5 min 1 s. \
            The last ping failed: connection refused. It is reported as never seen once the longest wait is over.",
        );
        why.peer.verdict = Some(Verdict::NeverSeen);
        says(
            &why,
            "localhost:8003 has never answered node-1, which has watched it for 5 min 1 s. \
            The last ping failed: connection refused. \
            A peer that has never answered is not called down: check that it runs and that its address in the list of peers is right.",
        );
    }

    #[test]
    fn what_is_to_be_borne_in_mind_stands_at_the_end() {
        let mut why = well();
        let reason = MaintenanceReason::new("new disk").unwrap();
        why.peer.maintenance = Some(Maintenance { reason, left: ms(540_000) });
        why.peer.overrun = Some(ms(120_000));
        (why.peer.degraded, why.peer.flapping) = (true, true);
        why.observer.blind = true;
        why.observer.lost = ms(2300);
        why.observer.cut_off = Some(ms(4000));
        why.observer.state = SelfState::Leaving;
        let text = evidence(&why);
        let tail = " It is in maintenance for another 9 min (new disk): no alert is sent for it. Its maintenance should have been over 2 min ago. \
            It is degraded: too many of its last ten pings failed or were slow. It is flapping: it was unreachable three times within a minute. \
            Note: node-1 itself was just paused (2.3 s lost in total); it judges no peer until it has pinged it again. \
            Note: node-1 has heard less than half of its peers for 4 s. Note: node-1 is leaving and no longer judges its peers.";
        assert!(text.ends_with(tail), "{text}");
    }

    #[test]
    fn what_witnesses_said_is_gathered() {
        let said = witnesses(&[
            asked("node-2", failed(Evidence::Silent)),
            asked("node-4", failed(Evidence::Silent)),
            asked("node-5", Some(Testimony::Answered { boot: BootId(7) })),
            asked("node-6", Some(Testimony::NoOpinion)),
            asked("node-7", Some(Testimony::Left)),
            asked("node-8", None),
        ]);
        assert_eq!(
            said,
            [
                "Asked as a witness, node-5 got an answer from it.",
                "Asked as a witness, node-2 and node-4 could not reach it either: no response from its host.",
                "Asked as a witness, node-7 reported its goodbye.",
                "Asked as a witness, node-6 had no opinion.",
                "Asked as a witness, node-8 has not answered yet.",
            ]
        );
    }
}
