use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn process(timing: SwimTiming, members: usize) -> Swim {
    Swim::new(0, (1..members).collect(), ms(0), timing, 7)
}

/// Wakes it whenever it wants to be woken, until then; each ping is answered by those in `well`.
fn play(process: &mut Swim, until: Duration, well: &[Member]) -> Vec<(Duration, Member, Message)> {
    let mut sent = Vec::new();
    while process.deadline() <= until {
        let now = process.deadline();
        process.wake(now);
        for (to, message) in process.take_sends() {
            if let Message::Ping { number, .. } = message
                && well.contains(&to)
            {
                process.receive(now, to, Message::Ack { number, rumours: Vec::new() });
            }
            sent.push((now, to, message));
        }
    }
    sent
}

fn pinged(sent: &[(Duration, Member, Message)]) -> Vec<Member> {
    let pings = sent.iter().filter(|(_, _, message)| matches!(message, Message::Ping { .. }));
    pings.map(|(_, to, _)| *to).collect()
}

#[test]
fn each_round_pings_each_member_once() {
    let mut process = process(SwimTiming::SWIM, 6);
    let well: Vec<Member> = (1..6).collect();
    let pinged = pinged(&play(&mut process, ms(9999), &well));
    assert_eq!(pinged.len(), 10, "one a period");
    for round in pinged.chunks(5) {
        let mut round = round.to_vec();
        round.sort_unstable();
        assert_eq!(round, well);
    }
    assert_ne!(pinged[..5], pinged[5..], "in another order");
}

#[test]
fn silence_leads_to_helpers_then_suspicion_then_a_verdict() {
    let mut process = process(SwimTiming::SWIM, 6);
    let sent = play(&mut process, ms(5999), &[1, 2, 3, 4]);
    let asked = sent.iter().filter(|(_, _, message)| matches!(message, Message::PingRequest { target: 5, .. }));
    let asked: Vec<(Duration, Member)> = asked.map(|(at, to, _)| (*at, *to)).collect();
    let ping = sent.iter().find(|(_, to, message)| *to == 5 && matches!(message, Message::Ping { .. })).unwrap().0;
    assert_eq!(asked.iter().filter(|(at, _)| *at == ping + ms(500)).count(), 3, "{asked:?}");
    assert!(asked.iter().all(|(_, to)| *to != 5));
    assert_eq!(process.opinion(5), Opinion::Suspected);
    assert!((1..5).all(|peer| process.opinion(peer) == Opinion::Trusted));
    // Suspect at the end of its period, down five periods later: log10(6) is below one.
    play(&mut process, ping + ms(5999), &[1, 2, 3, 4]);
    assert_eq!(process.opinion(5), Opinion::Suspected);
    play(&mut process, ping + ms(6000), &[1, 2, 3, 4]);
    assert_eq!(process.opinion(5), Opinion::Down);
    let later = pinged(&play(&mut process, ping + ms(30_000), &[1, 2, 3, 4]));
    assert!(!later.contains(&5), "one that is down is not pinged");
}

#[test]
fn a_helper_passes_the_answer_on() {
    let mut process = process(SwimTiming::LIFEGUARD, 4);
    process.wake(ms(0));
    process.take_sends();
    process.receive(ms(10), 1, Message::PingRequest { number: 77, target: 3, rumours: Vec::new() });
    let sends = process.take_sends();
    let [(3, Message::Ping { number, .. })] = sends[..] else { panic!("{sends:?}") };
    process.receive(ms(20), 3, Message::Ack { number, rumours: Vec::new() });
    let sends = process.take_sends();
    assert!(matches!(sends[..], [(1, Message::Ack { number: 77, .. })]), "{sends:?}");
    process.receive(ms(30), 2, Message::PingRequest { number: 78, target: 3, rumours: Vec::new() });
    process.take_sends();
    process.wake(ms(430));
    let sends = process.take_sends();
    assert!(sends.contains(&(2, Message::Nack { number: 78 })), "{sends:?}");
}

#[test]
fn a_suspect_refutes_with_a_new_incarnation() {
    let mut suspect = process(SwimTiming::SWIM, 4);
    let rumour = Rumour { claim: Claim::Suspect, about: 0, incarnation: 0, by: 2 };
    suspect.receive(ms(5), 2, Message::Ping { number: 9, rumours: vec![rumour] });
    let sends = suspect.take_sends();
    let (to, Message::Ack { rumours, .. }) = &sends[0] else { panic!("{sends:?}") };
    let refuted = Rumour { claim: Claim::Alive, about: 0, incarnation: 1, by: 0 };
    assert_eq!((*to, &rumours[..]), (2, &[refuted][..]));
    let mut other = Swim::new(1, vec![0, 2, 3], ms(0), SwimTiming::SWIM, 8);
    other.receive(ms(1), 2, Message::Ack { number: 0, rumours: vec![rumour] });
    assert_eq!(other.opinion(0), Opinion::Suspected);
    other.receive(ms(2), 3, Message::Ack { number: 0, rumours: vec![refuted] });
    assert_eq!(other.opinion(0), Opinion::Trusted);
    // One that has missed it hears it again, as often as it claims the same.
    for number in 10..30 {
        suspect.receive(ms(6), 3, Message::Ping { number, rumours: vec![rumour] });
        let sends = suspect.take_sends();
        let (3, Message::Ack { rumours, .. }) = &sends[0] else { panic!("{sends:?}") };
        assert_eq!(rumours[..], [refuted], "the same incarnation");
    }
}

#[test]
fn with_lifeguard_a_suspicion_ends_sooner_the_more_confirm_it() {
    // Ten members: five periods at least, thirty at most.
    for (confirmations, seconds) in [(0, 30), (1, 17), (3, 5)] {
        let mut process = process(SwimTiming::LIFEGUARD, 10);
        for by in 1..=confirmations + 1 {
            let rumour = Rumour { claim: Claim::Suspect, about: 9, incarnation: 0, by };
            process.receive(ms(0), by, Message::Ack { number: 0, rumours: vec![rumour] });
        }
        let expected = Duration::from_secs(seconds);
        process.members.expire(expected.saturating_sub(ms(1001)));
        assert_eq!(process.opinion(9), Opinion::Suspected, "{confirmations}");
        process.members.expire(expected + ms(1000));
        assert_eq!(process.opinion(9), Opinion::Down, "{confirmations}");
    }
}

#[test]
fn with_lifeguard_a_process_that_misses_answers_slows_down() {
    let pings = |timing| pinged(&play(&mut process(timing, 4), ms(5999), &[])).len();
    assert_eq!(pings(SwimTiming::SWIM), 6, "one a period");
    // A failed ping and a helper that is silent: after one period the score is two, and the next takes three seconds.
    assert_eq!(pings(SwimTiming::LIFEGUARD), 3);
}

#[test]
fn the_suspicion_timeout_grows_with_the_logarithm_of_the_mesh() {
    for (members, ms_wanted) in [(1, 5000), (10, 5000), (32, 7525), (100, 10_000), (1000, 15_000)] {
        assert_eq!(SwimTiming::SWIM.suspicion_least(members), ms(ms_wanted), "{members}");
    }
    assert_eq!([9, 10, 99, 100].map(|members| SwimTiming::SWIM.sends_max(members)), [4, 8, 8, 12]);
}

/// Section 3.1 of the paper: while nobody else has failed, a crash is first noticed after e/(e-1) = 1.58 periods on average,
/// in a group of any size. Round-robin (section 4.3) does not change the average.
#[test]
fn the_first_to_notice_a_crash_takes_as_long_as_in_the_paper() {
    let expected = 1.0 / (1.0 - (-1_f64).exp());
    for members in [17, 49] {
        let runs = 6000 / members as u64;
        let periods: u64 = (0..runs).map(|run| periods_until_pinged(members, run)).sum();
        let mean = periods as f64 / runs as f64;
        println!("{members} members: {mean:.2} periods, in the paper {expected:.2}");
        assert!((mean / expected - 1.0).abs() < 0.1, "{members} members: {mean} periods, not {expected}");
    }
}

/// From a crash of the last member until the first ping to it, by any of the others, who all begin their periods together.
fn periods_until_pinged(members: usize, run: u64) -> u64 {
    let (dead, crash) = (members - 1, 3 + run % 7);
    let all: Vec<Member> = (0..members).collect();
    let pinged_in = |member: Member| {
        let others: Vec<Member> = all.iter().copied().filter(|other| *other != member).collect();
        let seed = run * members as u64 + member as u64;
        let mut process = Swim::new(member, others, ms(0), SwimTiming::SWIM, seed);
        let sent = play(&mut process, Duration::from_secs(crash + 2 * members as u64), &all);
        let mut pings = sent.iter().filter(|(_, to, message)| *to == dead && matches!(message, Message::Ping { .. }));
        pings.find(|(at, ..)| *at >= Duration::from_secs(crash)).map(|(at, ..)| at.as_secs() - crash + 1)
    };
    (0..dead).filter_map(pinged_in).min().expect("each round pings all")
}
