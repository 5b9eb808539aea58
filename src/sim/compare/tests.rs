use std::time::Duration;

use super::*;
use crate::sim::builtin;

fn of(contender: Contender, text: &str) -> Compared {
    compare(contender, &text.parse().unwrap(), 1).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn in_a_healthy_mesh_no_one_errs() {
    for contender in Contender::ALL {
        let compared = of(contender, "nodes 4\nlength 30s\n");
        for quality in [Some(compared.suspicion), compared.verdict].into_iter().flatten() {
            assert_eq!((quality.mistakes, quality.missed, quality.detections.len()), (0, 0, 0), "{contender}");
            assert_eq!(
                quality.up,
                Duration::from_secs(25) * 12,
                "{contender}: twelve pairs, the first seconds left out"
            );
            assert_eq!(quality.accuracy(), Some(1.0));
            assert_eq!((quality.mistake_recurrence(), quality.mistake_duration()), (None, None));
        }
    }
}

#[test]
fn a_loss_of_power_is_detected_as_late_as_each_promises() {
    // From the last heartbeat, which is up to an interval old.
    for (contender, least, most) in [
        (Contender::FixedTight, 500, 1505),
        (Contender::Fixed, 2000, 3005),
        (Contender::ChenTight, 90, 1110),
        (Contender::ChenWide, 2490, 3510),
        (Contender::Phi, 500, 1600),
        // The turn of a member comes within two rounds, then a period.
        (Contender::Swim, 990, 8000),
    ] {
        let quality = of(contender, "nodes 4\nlength 40s\nat 20s power-off node-4\n").suspicion;
        assert_eq!((quality.detections.len(), quality.missed), (3, 0), "{contender}: three observers");
        for took in &quality.detections {
            assert!(*took >= ms(least) && *took <= ms(most), "{contender}: {took:?}");
        }
    }
    let ours = compare(Contender::Ours, &builtin("crash").unwrap(), 1).unwrap();
    assert!(ours.verdict.unwrap().detection_max() < Some(ms(500)), "a refused connection is seen at once");
}

#[test]
fn a_verdict_comes_after_the_suspicion() {
    for contender in [Contender::Ours, Contender::Swim, Contender::Lifeguard] {
        let compared = of(contender, "nodes 5\nlength 60s\nat 20s power-off node-5\n");
        let verdict = compared.verdict.unwrap();
        assert_eq!((verdict.detections.len(), verdict.missed), (4, 0), "{contender}");
        assert!(compared.suspicion.detection_mean() < verdict.detection_mean(), "{contender}");
    }
}

#[test]
fn loss_makes_a_tight_detector_err_more_than_a_wide_one() {
    let lossy = "nodes 4\nlength 120s\nat 5s loss all 10%\n";
    let of = |contender| of(contender, lossy).suspicion;
    let (tight, wide) = (of(Contender::ChenTight), of(Contender::ChenWide));
    assert!(tight.mistakes > 50 && wide.mistakes < tight.mistakes / 10, "{} and {}", tight.mistakes, wide.mistakes);
    assert!(tight.accuracy() < wide.accuracy());
    // One in ten heartbeats is lost, and the next one is a second later.
    let duration = tight.mistake_duration().unwrap();
    assert!(duration > ms(800) && duration < ms(1300), "{duration:?}");
}

#[test]
fn what_cannot_be_heard_is_no_mistake() {
    for contender in Contender::ALL {
        let compared = of(contender, "nodes 3\nlength 40s\nat 10s cut node-1 node-2\n");
        assert_eq!(compared.suspicion.detections.len(), 0, "{contender}: no node failed");
        let whole = Duration::from_secs(35) * 4;
        assert_eq!(compared.suspicion.up, whole + Duration::from_secs(5) * 2, "{contender}");
    }
    // A fixed timeout has no one to ask, and that is not counted as its mistake.
    assert_eq!(of(Contender::Fixed, "nodes 3\nlength 40s\nat 10s cut node-1 node-2\n").suspicion.mistakes, 0);
}

#[test]
fn a_process_that_starts_again_is_trusted_again() {
    for contender in Contender::ALL {
        let quality = of(contender, "nodes 4\nlength 120s\nat 20s power-off node-4\nat 60s start node-4\n").suspicion;
        assert_eq!((quality.detections.len(), quality.missed), (3, 0), "{contender}");
        assert!(quality.mistaken < Duration::from_secs(30), "{contender}: {:?}", quality.mistaken);
    }
}

#[test]
fn a_start_where_a_process_runs_changes_nothing() {
    let lossy = "nodes 3\nlength 40s\nat 10s loss node-1 node-2 80%\n";
    let started = format!("{lossy}at 20s start node-1\n");
    for contender in Contender::ALL {
        let (without, with) = (of(contender, lossy).suspicion, of(contender, &started).suspicion);
        // SWIM asks node-3 and does not err here.
        assert!(contender != Contender::Ours || without.mistakes > 0, "nothing that a start could change");
        assert_eq!(without, with, "{contender}");
    }
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let scenario = builtin("lossy").unwrap();
    for contender in Contender::ALL {
        let figures = |seed| compare(contender, &scenario, seed).unwrap().suspicion;
        assert_eq!(figures(3), figures(3), "{contender}");
    }
    let ring = "nodes 4\nwatch ring 2\n".parse().unwrap();
    assert_eq!(compare(Contender::Swim, &ring, 1).err(), Some(NotComparable::Ring));
}
